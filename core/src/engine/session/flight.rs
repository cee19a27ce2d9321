//! A run that can be ended from outside, and what ended it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::engine::runtime::EndableRun;
use crate::{Error, ErrorKind, Result};

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const LATE: u8 = 2;

/// One run under way, or none. Made once and used for many runs, one at a time.
pub(super) struct Flight {
    run: EndableRun,
    ended_by: AtomicU8,
    /// Who waits for a place, to be woken when the run ends before it began.
    waiting: Mutex<Option<Thread>>,
}

/// Why a run was ended.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Cancelled,
    Late,
}

impl Flight {
    pub(super) fn new() -> Result<Self> {
        let (ended_by, waiting) = (AtomicU8::new(RUNNING), Mutex::new(None));
        Ok(Self { run: EndableRun::new()?, ended_by, waiting })
    }

    /// Makes ready for the next run. Nobody may know of this flight now.
    pub(super) fn renew(&self) {
        self.run.renew();
        self.ended_by.store(RUNNING, Ordering::Relaxed);
    }

    /// Ends the run; the first reason counts.
    pub(super) fn end(&self, ending: Ending) {
        let code = if matches!(ending, Ending::Cancelled) { CANCELLED } else { LATE };
        if self.ended_by.compare_exchange(RUNNING, code, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.run.end();
            if let Some(thread) = self.waiting().as_ref() {
                thread.unpark();
            }
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        match self.ended_by.load(Ordering::SeqCst) {
            CANCELLED => Some(Ending::Cancelled),
            LATE => Some(Ending::Late),
            _ => None,
        }
    }

    /// Has `end` wake this thread, or no longer.
    pub(super) fn wake_this_thread(&self, wake: bool) {
        *self.waiting() = wake.then(thread::current);
    }

    pub(super) fn run(&self) -> &EndableRun {
        &self.run
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Thread>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that a run may take, from when it was asked for.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    start: Instant,
    allowed: Duration,
}

impl Budget {
    pub(super) fn new(start: Instant, allowed: Duration) -> Self {
        Self { start, allowed }
    }

    /// When it ends; `None` if that is beyond what the clock can tell.
    pub(super) fn end(&self) -> Option<Instant> {
        self.start.checked_add(self.allowed)
    }

    pub(super) fn exceeded(&self) -> Error {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (elapsed_ns, budget_ns) = (ns(self.start.elapsed()), ns(self.allowed));
        ErrorKind::DeadlineExceeded { elapsed_ns, budget_ns }.into()
    }
}
