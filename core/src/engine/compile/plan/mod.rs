//! Plans: how a model runs fastest on one device, as `tune` found out, kept and followed by later loads.

mod changes;
mod follow;
mod keep;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::artifact::DeviceKey;
use crate::engine::runtime::SessionOptions;

pub use changes::PlanChanges;
pub(in crate::engine) use follow::{Chosen, plan_key};
pub(in crate::engine) use keep::Tunable;

/// How a model runs fastest on this device, and the figures behind it. Times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// What is better than the caller's options; nothing if these are the best.
    pub changes: PlanChanges,
    /// The outcome in one sentence.
    pub verdict: String,
    /// File name of the model.
    pub model: String,
    /// Runs that were under way at once.
    pub concurrency: u32,
    /// Batches of inputs that every candidate ran.
    pub sample_count: usize,
    /// How long the race took.
    pub elapsed_ns: u64,
    /// A winner had to be faster than the default by at least this share.
    pub margin: f64,
    /// Outputs were allowed to differ from the default's by this share of an output's largest magnitude.
    pub tolerance: f64,
    /// What decided the order of the candidates.
    pub seed: u64,
    /// Every candidate: the default first, then in the order in which they entered.
    pub candidates: Vec<PlanCandidate>,
    /// Where the plan may be followed.
    pub made_for: PlanKey,
    /// The file that the plan was put into: one of the cache's, or the artifact. `None` if it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_in: Option<PathBuf>,
    /// What went wrong without making the race fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Plan {
    /// The options of a session that follows the plan, made from those that the race started with.
    pub fn options(&self, base: &SessionOptions) -> SessionOptions {
        self.changes.apply(base)
    }

    /// The caller's options as they took part.
    pub fn default_candidate(&self) -> Option<&PlanCandidate> {
        self.candidates.first()
    }

    /// The candidate that the plan follows: the winner, or the default.
    pub fn chosen(&self) -> Option<&PlanCandidate> {
        self.candidates.iter().find(|candidate| candidate.changes == self.changes)
    }
}

/// A candidate of a race.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanCandidate {
    /// What it is called: its changes in words, or `default`.
    pub name: String,
    /// How it differs from the caller's options.
    pub changes: PlanChanges,
    /// What became of it.
    pub outcome: PlanOutcome,
    /// Why it did not win; empty for the winner.
    pub reason: String,
    /// The time that three quarters of its runs took longer than; the middle over all rounds, as the next two.
    pub lower_quartile_ns: f64,
    /// The time that half of its runs took longer than.
    pub median_ns: f64,
    /// The time that a quarter of its runs took longer than.
    pub upper_quartile_ns: f64,
    /// The time that one run in a hundred took longer than, over all rounds together.
    pub p99_ns: u64,
    /// Runs that were measured.
    pub run_count: u64,
    /// Rounds that it took part in.
    pub round_count: usize,
    /// Its median as a share of the default's in the same round; the middle over all rounds. `None` without rounds.
    pub ratio: Option<f64>,
    /// The same over the rounds of the final only, which decided; `None` if it was not in one.
    pub final_ratio: Option<f64>,
    /// The largest difference of an output from the default's, as a share of the largest magnitude in that output.
    pub max_difference: Option<f64>,
    /// The single rounds; not kept in stored plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<PlanRound>,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlanOutcome {
    /// It is what the plan follows.
    Chosen,
    /// It lost, or was not faster than the default by enough.
    #[default]
    Lost,
    /// It could not take part: it failed, or gave other results.
    Out,
}

/// A candidate in one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanRound {
    /// The number of the round, from 0.
    pub round: usize,
    /// The lower quartile of its runs.
    pub lower_quartile_ns: f64,
    /// The median of its runs.
    pub median_ns: f64,
    /// The upper quartile of its runs.
    pub upper_quartile_ns: f64,
    /// Number of runs.
    pub run_count: u64,
}

/// Everything that has to be the same for a plan to be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanKey {
    /// Model, runtime, CPU and Ortlet. The digest of options is that of all options that decide how a run is computed:
    /// `threads`, `profile`, `providers`, `dims`, `optimization_level` and `config`.
    #[serde(flatten)]
    pub device: DeviceKey,
    /// Physical cores that the process could use.
    pub core_count: usize,
}

impl PlanKey {
    /// The first thing that keeps a plan made for `self` from being followed at `here`; `None` if it may be.
    pub fn mismatch(&self, here: &Self) -> Option<String> {
        self.device.mismatch(&here.device).or_else(|| {
            (self.core_count != here.core_count)
                .then(|| format!("made for {} usable cores, here are {}", self.core_count, here.core_count))
        })
    }
}

/// The plan that a session follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanReport {
    /// How the session differs from what the caller's options would give.
    pub changes: PlanChanges,
    /// What the race found, in one sentence.
    pub verdict: String,
    /// Runs that were under way at once during the race.
    pub concurrency: u32,
}

impl From<&Plan> for PlanReport {
    fn from(plan: &Plan) -> Self {
        let Plan { changes, verdict, concurrency, .. } = plan;
        Self { changes: changes.clone(), verdict: verdict.clone(), concurrency: *concurrency }
    }
}
