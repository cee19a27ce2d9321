//! Measurements: the latency histogram, the metrics of a session and their text for monitoring systems, the time that
//! operators take.
//!
//! Portable: durations are arguments, nothing here reads a clock, starts a thread or does I/O.

mod atomic;
mod buckets;
mod histogram;
#[cfg(all(test, loom))]
mod interleavings;
mod load;
mod openmetrics;
mod operators;
mod recorder;
mod session;
mod snapshot;
mod summary;

pub use histogram::Histogram;
pub use load::LoadPhases;
pub use openmetrics::{OPENMETRICS_CONTENT_TYPE, openmetrics_text};
pub use operators::{KernelTime, NodeTime, Operator, OperatorProfile, OperatorTime};
pub use recorder::{RunOutcome, RunRecorder};
pub use session::{MetricsReport, SessionMetrics};
pub use snapshot::{Bucket, HistogramSnapshot};
pub use summary::LatencySummary;
