//! The metrics of a session at one moment, as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::metrics::{HistogramSnapshot, LatencySummary, LoadPhases};

/// The metrics of a session at one moment. Counts are since the load.
///
/// In JSON, `error_counts` is an object with the codes' slugs as keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionMetrics {
    /// Runs that ended, successful and failed.
    pub run_count: u64,
    /// Failed runs by the code of their error; codes that did not occur are absent.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub error_counts: BTreeMap<ErrorCode, u64>,
    /// Runs that missed their deadline; also in `error_counts`.
    pub deadline_exceeded_count: u64,
    /// Runs that the caller cancelled; also in `error_counts`.
    pub cancelled_count: u64,
    /// Runs that have started and not yet ended, waiting ones included.
    pub in_flight_count: u64,
    /// How long each ended run waited before it could compute, or before it was given up; 0 for those that did not.
    pub queue: HistogramSnapshot,
    /// How long each ended run computed, whether it succeeded or was stopped; without runs that never got so far, and
    /// without those too short to be timed each time.
    pub compute: HistogramSnapshot,
    /// Where the time of the load went.
    pub load: LoadPhases,
    /// Bytes of weights that are mapped from the artifact's file, shared by all processes that use it.
    pub mapped_bytes: u64,
    /// Private memory of the whole process in bytes; `None` where the system does not tell.
    pub private_bytes: Option<u64>,
}

/// The metrics of a session, and the percentiles that its histograms give: what bindings hand out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricsReport {
    /// How long runs computed; `None` if none did.
    pub compute: Option<LatencySummary>,
    /// How long runs waited; `None` if there were none.
    pub queue: Option<LatencySummary>,
    /// The metrics themselves.
    pub metrics: SessionMetrics,
}

impl SessionMetrics {
    /// The metrics with their percentiles.
    pub fn report(self) -> MetricsReport {
        MetricsReport { compute: self.compute.summary(), queue: self.queue.summary(), metrics: self }
    }
}
