//! How one session's runs use the process's threads, and how long they take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::engine::runtime::pool::RunHint;
use crate::engine::runtime::session_options::ThreadSource;
use crate::engine::runtime::{Creation, Profile, Runtime};

/// Runs that typically take less cannot use a second thread, and reading the clock twice is a tenth of the shortest.
const TINY: Duration = Duration::from_micros(5);

/// Of tiny runs, one in so many is timed.
const TINY_TIMED: u64 = 8;

/// What is known of a session's runs.
pub(super) struct Threading {
    runtime: &'static Runtime,
    uses_workers: bool,
    stay_awake: bool,
    /// How long runs take, in nanoseconds: an average that forgets; 0 before the first.
    typical_ns: AtomicU64,
    /// Counts tiny runs.
    tiny: AtomicU64,
}

impl Threading {
    /// # Errors
    /// As [`ThreadSource::of`].
    pub(super) fn new(runtime: &'static Runtime, creation: &Creation<'_>) -> Result<Self> {
        Ok(Self {
            runtime,
            uses_workers: ThreadSource::of(runtime, creation)? == ThreadSource::Pool,
            stay_awake: creation.options.profile != Profile::Battery,
            typical_ns: AtomicU64::new(0),
            tiny: AtomicU64::new(0),
        })
    }

    /// Makes a run; gives the time that took if it was taken.
    pub(super) fn timed<T>(&self, run: impl FnOnce() -> T) -> (T, Option<Duration>) {
        let typical = Duration::from_nanos(self.typical_ns.load(Ordering::Relaxed));
        if !typical.is_zero() && typical < TINY {
            // Not counted atomically: a lost count does no harm.
            let count = self.tiny.load(Ordering::Relaxed);
            self.tiny.store(count.wrapping_add(1), Ordering::Relaxed);
            if !count.is_multiple_of(TINY_TIMED) {
                return (run(), None);
            }
        }
        let hint = RunHint {
            uses_workers: self.uses_workers,
            stay_awake: self.stay_awake,
            typical: (!typical.is_zero()).then_some(typical),
        };
        let pool = self.runtime.pool();
        pool.enter(hint);
        let start = Instant::now();
        let result = run();
        let end = Instant::now();
        pool.leave(hint, end);
        let time = end - start;
        self.note(typical, time);
        (result, Some(time))
    }

    fn note(&self, typical: Duration, time: Duration) {
        let average = if typical.is_zero() { time } else { typical - typical / 8 + time / 8 };
        self.typical_ns.store((average.as_nanos() as u64).max(1), Ordering::Relaxed);
    }
}
