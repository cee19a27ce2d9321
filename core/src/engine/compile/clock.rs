//! Elapsed time as reports tell it.

use std::time::Instant;

/// Nanoseconds since a moment.
pub(in crate::engine) fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
