//! Measurements: the latency histogram, the phases of a load.
//!
//! Portable: durations are arguments, nothing here reads a clock, starts a thread or does I/O.

mod buckets;
mod histogram;
mod load;
mod snapshot;

pub use histogram::Histogram;
pub use load::LoadPhases;
pub use snapshot::{Bucket, HistogramSnapshot};
