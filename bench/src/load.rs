//! What a candidate that holds its sessions is asked to do, as one JSON line, and what it answers.

use serde::{Deserialize, Serialize};

/// Callers that run sessions at the same time, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The callers, each a thread of its own: the place, in the order, of the model that it runs.
    pub callers: Vec<usize>,
    /// How long they go on.
    pub milliseconds: u64,
    /// From the start of a run to that of the caller's next one; `None`: it follows at once.
    pub period_ms: Option<u64>,
}

impl Load {
    /// One caller of the first model, run after run.
    pub fn back_to_back(milliseconds: u64) -> Self {
        Self::callers(1, milliseconds)
    }

    /// One caller of the first model that makes a request every so often.
    pub fn paced(period_ms: u64, milliseconds: u64) -> Self {
        Self { period_ms: Some(period_ms), ..Self::back_to_back(milliseconds) }
    }

    /// Several callers of the first model, each run after run.
    pub fn callers(count: usize, milliseconds: u64) -> Self {
        Self { callers: vec![0; count], milliseconds, period_ms: None }
    }
}

/// What the callers measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// The nanoseconds of every run, for each caller. Runs to warm up are not among them.
    pub latencies_ns: Vec<Vec<u64>>,
    /// CPU time in nanoseconds that all threads of the process needed meanwhile, where the system tells. With a period
    /// it covers the rest after the last run too, in which threads may still look for work.
    pub cpu_ns: Option<u64>,
}
