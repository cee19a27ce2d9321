//! Measurements: the latency histogram.
//!
//! Portable: durations are arguments, nothing here reads a clock, starts a thread or does I/O.

mod buckets;
mod histogram;
mod snapshot;

pub use histogram::Histogram;
pub use snapshot::{Bucket, HistogramSnapshot};
