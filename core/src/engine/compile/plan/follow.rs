//! Following a stored plan: found where it was kept, checked, applied to the caller's options.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;

use super::{Plan, PlanKey, PlanReport};
use crate::Error;
use crate::artifact::{Artifact, DeviceKey};
use crate::engine::compile::key::{device_key, digest, file_stem, graph_options};
use crate::engine::compile::store::Store;
use crate::engine::runtime::{Runtime, SessionOptions, Threads, cpu_model};

/// Far above any plan.
const MAX_PLAN_BYTES: u64 = 1 << 20;

/// The options that a session is made with: the caller's, or those of a plan.
#[derive(Default)]
pub(in crate::engine) struct Chosen {
    /// The options to use instead of the caller's, and the plan that they come from.
    pub(in crate::engine) plan: Option<(SessionOptions, PlanReport)>,
    pub(in crate::engine) warnings: Vec<String>,
}

impl Chosen {
    /// Looks for the plan of a model in a cache folder.
    pub(in crate::engine) fn from_cache(
        store: &Store,
        runtime: &Runtime,
        model_digest: &str,
        options: &SessionOptions,
    ) -> Self {
        if !may_follow(options) {
            return Self::default();
        }
        match read(&store.plan(&file_name(model_digest, options))) {
            Ok(None) => Self::default(),
            Ok(Some(json)) => Self::of([serde_json::from_slice(&json)], runtime, model_digest, options),
            Err(error) => Self::unusable(&error.to_string()),
        }
    }

    /// Looks for the plan of this device in an artifact.
    pub(in crate::engine) fn from_artifact(
        artifact: &Artifact,
        runtime: &Runtime,
        options: &SessionOptions,
    ) -> Self {
        let manifest = artifact.manifest();
        if manifest.plans.is_empty() || !may_follow(options) {
            return Self::default();
        }
        let plans = manifest.plans.iter().map(|plan| serde_json::from_value(plan.clone()));
        Self::of(plans, runtime, &manifest.model.digest, options)
    }

    fn of(
        plans: impl IntoIterator<Item = serde_json::Result<Plan>>,
        runtime: &Runtime,
        model_digest: &str,
        options: &SessionOptions,
    ) -> Self {
        let here = plan_key(runtime, model_digest, options);
        let mut reasons = Vec::new();
        for plan in plans {
            match plan.map_err(|error| format!("damaged: {error}")).and_then(|plan| fitting(plan, &here)) {
                Ok(plan) => {
                    let chosen = (plan.options(options), PlanReport::from(&plan));
                    return Self { plan: Some(chosen), warnings: Vec::new() };
                }
                Err(reason) => reasons.push(reason),
            }
        }
        Self::unusable(&reasons.join("; "))
    }

    /// What is said of a plan by which no session could be created.
    pub(in crate::engine) fn failed(error: &Error) -> String {
        format!("stored plan not used: {error}")
    }

    fn unusable(reason: &str) -> Self {
        Self { plan: None, warnings: vec![format!("stored plan not used: {reason}")] }
    }
}

fn fitting(plan: Plan, here: &PlanKey) -> Result<Plan, String> {
    match plan.made_for.mismatch(here) {
        Some(reason) => Err(reason),
        None if !plan.changes.is_plausible(here.core_count) => {
            Err(format!("damaged: `{}` is nothing that a race chooses", plan.changes))
        }
        None => Ok(plan),
    }
}

/// Whoever names a number of threads has decided.
fn may_follow(options: &SessionOptions) -> bool {
    options.use_plan && options.threads == Threads::Auto
}

/// What a plan for this model with these options has to be made for.
pub(in crate::engine) fn plan_key(
    runtime: &Runtime,
    model_digest: &str,
    options: &SessionOptions,
) -> PlanKey {
    let cpu = cpu_model();
    let device = DeviceKey {
        // How fast a candidate is depends on the processor, not only on its instruction sets.
        cpu_model: (!cpu.is_empty()).then_some(cpu),
        options_digest: options_digest(options),
        ..device_key(runtime, model_digest, options)
    };
    PlanKey { device, core_count: runtime.pool_thread_count() }
}

/// The name of a plan's file in a cache folder.
pub(super) fn file_name(model_digest: &str, options: &SessionOptions) -> String {
    file_stem(&format!("plan {model_digest} {}", options_digest(options)))
}

/// A digest of the options that decide how a run is computed.
fn options_digest(options: &SessionOptions) -> String {
    let mut relevant = graph_options(options);
    relevant["threads"] = json!(options.threads);
    relevant["profile"] = json!(options.profile);
    digest(&relevant)
}

/// A plan's file; `None` if there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A folder that is none holds no plan; the load itself says what is wrong with it.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        file => file?,
    };
    let mut json = Vec::new();
    file.take(MAX_PLAN_BYTES).read_to_end(&mut json)?;
    Ok(Some(json))
}
