//! The atomics of the metrics: the standard ones, and loom's where `cargo xtask loom` tries interleavings.

#[cfg(all(test, loom))]
pub use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(all(test, loom)))]
pub use std::sync::atomic::{AtomicU64, Ordering};
