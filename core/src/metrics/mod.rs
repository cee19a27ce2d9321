//! Measurements: the latency histogram, the time that operators take.
//!
//! Portable: durations are arguments, nothing here reads a clock, starts a thread or does I/O.

mod buckets;
mod histogram;
mod operators;
mod snapshot;

pub use histogram::Histogram;
pub use operators::{KernelTime, NodeTime, Operator, OperatorProfile, OperatorTime};
pub use snapshot::{Bucket, HistogramSnapshot};
