//! Where the time of a model's runs goes, by operator and by node, as ONNX Runtime's own profiling tells it.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use crate::engine::compile::cached;
use crate::engine::compile::disk::map;
use crate::engine::compile::load::{self, is_artifact};
use crate::engine::compile::save::Scratch;
use crate::engine::compile::{CacheOutcome, Store};
use crate::engine::runtime::{RawSession, Runtime, SessionOptions};
use crate::engine::session::{Made, Session, SessionReport, checked_runtime};
use crate::error::ResultExt;
use crate::metrics::OperatorProfile;
use crate::model::Model;
use crate::tensor::ValueView;
use crate::{Error, Result};

/// The first run allocates and the next ones still find caches cold; none of them tells what a run usually takes.
const WARMUP_RUN_COUNT: u64 = 3;

/// Runs a model with ONNX Runtime's profiling on and says where the time goes, by operator and by node.
///
/// `path` and `options` are those of [`Session::load`], and what runs is the graph that such a session runs: optimised,
/// with operators fused. It runs in a session of its own, with threads of its own where others share the pool, because
/// profiling slows every run down: compare the figures with each other, not with the latency of an ordinary run. Three
/// runs that warm up come before the `run_count` that count.
///
/// Without a [`cache`](SessionOptions::cache), the compiled model is kept in the system's folder for temporary files
/// meanwhile, as is ONNX Runtime's recording: up to a kilobyte for each node and run, which takes as much memory until
/// the last run is done. Both are removed at the end. If the compiled model cannot be kept, domains are not known;
/// neither are they for the portable model of an artifact and for models in ORT format.
///
/// # Errors
/// Those of [`Session::load`] and [`Session::run`]; `invalid_argument` if `run_count` is 0 or so large that ONNX
/// Runtime, which records a million events at most, does not record them all; `io` for the temporary files;
/// `integrity` if the recording is not what it should be.
///
/// # Examples
/// ```no_run
/// use ortlet::SessionOptions;
/// use ortlet::tensor::TensorView;
///
/// let pixels = vec![0.0_f32; 3 * 224 * 224];
/// let inputs = [("image", TensorView::from_slice([1, 3, 224, 224], &pixels)?)];
/// let profile = ortlet::profile("model.onnx", inputs, &SessionOptions::default(), 50)?;
/// for operator in &profile.operators {
///     println!("{}: {} ns per run", operator.operator, operator.time.mean_ns_per_run);
/// }
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn profile<'a, N, V>(
    path: impl AsRef<Path>,
    inputs: impl IntoIterator<Item = (N, V)>,
    options: &SessionOptions,
    run_count: u64,
) -> Result<OperatorProfile>
where
    N: AsRef<str>,
    V: Into<ValueView<'a>>,
{
    let path = path.as_ref();
    let inputs: Vec<_> = inputs.into_iter().map(|(name, value)| (name, value.into())).collect();
    profile_file(path, &inputs, options, run_count).with_context(|| format!("profile `{}`", path.display()))
}

fn profile_file<N: AsRef<str>>(
    path: &Path,
    inputs: &[(N, ValueView<'_>)],
    options: &SessionOptions,
    run_count: u64,
) -> Result<OperatorProfile> {
    if run_count == 0 {
        return Err(Error::invalid_argument("run_count", "must be at least 1"));
    }
    let (runtime, _) = checked_runtime(options)?;
    // Declared before the session, because ONNX Runtime writes into it until the session is gone.
    let scratch = Scratch::beside(&std::env::temp_dir().join("ortlet-profile"))?;
    let (raw, graph) = load(path, runtime, options, &scratch)?;
    let session = Session::of(raw, SessionReport::default(), options, Instant::now());
    for _ in 0..WARMUP_RUN_COUNT.saturating_add(run_count) {
        session.run(inputs.iter().map(|(name, value)| (name, value.clone())))?;
    }
    let recording = session.inner.raw.end_profiling()?;
    let file_name = Path::new(&recording).file_name().unwrap_or_default();
    let domains = graph.as_ref().map(Domains::of).unwrap_or_default();
    let profile =
        OperatorProfile::parse(&map(&scratch.path().join(file_name))?, WARMUP_RUN_COUNT, |name, op_type| {
            domains.find(name, op_type)
        })?;
    if profile.run_count != run_count {
        let reason = format!("ONNX Runtime recorded only {} of {run_count} runs", profile.run_count);
        return Err(Error::invalid_argument("run_count", reason));
    }
    Ok(profile)
}

/// Loads as [`Session::load`] does, with profiling on; gives also the optimised graph, if it was kept.
fn load(
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    scratch: &Scratch,
) -> Result<(RawSession, Option<Model>)> {
    let prefix = scratch.path().join("recording");
    if is_artifact(&map(path)?) {
        let loaded = load::load(path, runtime, options, Some(&prefix))?;
        let runs_device_graph = loaded.portable_reason.is_none();
        let options = &loaded.options;
        let graph = runs_device_graph.then(|| load::device_graph(path, runtime, options)).transpose()?;
        return Ok((loaded.raw, graph.flatten()));
    }
    // Only the graph that ONNX Runtime saves tells what it optimised to, so there is always a cache.
    let folder = options.cache.folder().unwrap_or_else(|| scratch.path().join("cache"));
    let store = Store::open(&folder);
    let cached = cached::load(path, runtime, options, &store, Some(&prefix))?;
    let (raw, runs_device_graph) = match cached.made {
        Made::FromEntry(loaded) => (loaded.raw, loaded.portable_reason.is_none()),
        Made::FromModel { raw, .. } => (raw, cached.outcome != CacheOutcome::Failed),
    };
    let entry = cached.key.filter(|_| runs_device_graph).map(|key| store.artifact(&key));
    // Another process may have evicted the entry meanwhile; domains are not worth failing for.
    let options = &cached.options;
    let graph = entry.and_then(|entry| load::device_graph(&entry, runtime, options).ok().flatten());
    Ok((raw, graph))
}

/// The domains of a graph's operators, which ONNX Runtime's recording does not tell.
#[derive(Default)]
struct Domains<'a> {
    /// By name of the node and operator; `None` where nodes that are alike in both differ in it.
    by_node: HashMap<(&'a str, &'a str), Option<&'a str>>,
}

impl<'a> Domains<'a> {
    fn of(graph: &'a Model) -> Self {
        let mut by_node = HashMap::new();
        for at in graph.nodes() {
            let domain = Some(at.node.domain());
            let known = by_node.entry((at.node.name(), at.node.op_type())).or_insert(domain);
            if *known != domain {
                *known = None;
            }
        }
        Self { by_node }
    }

    /// The domain of a node in the recording, where nodes that have no name in the graph are given one.
    fn find(&self, name: &str, op_type: &str) -> Option<String> {
        let known = self.by_node.get(&(name, op_type)).or_else(|| self.by_node.get(&("", op_type)));
        known.copied().flatten().map(str::to_owned)
    }
}
