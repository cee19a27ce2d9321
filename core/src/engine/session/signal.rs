//! What ended a run, and which thread is to be woken then.

use std::sync::PoisonError;

use crate::engine::session::sync::{AtomicU8, Mutex, MutexGuard, Ordering, Thread, current};

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const LATE: u8 = 2;

/// Why a run was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Cancelled,
    Late,
}

/// Whether and why a run was ended.
pub(super) struct Signal {
    ended_by: AtomicU8,
    /// Who waits for a place, to be woken when the run ends before it began.
    waiting: Mutex<Option<Thread>>,
}

impl Signal {
    pub(super) fn new() -> Self {
        Self { ended_by: AtomicU8::new(RUNNING), waiting: Mutex::new(None) }
    }

    /// Makes ready for the next run. Nobody may know of this signal now.
    pub(super) fn renew(&self) {
        self.ended_by.store(RUNNING, Ordering::Relaxed);
    }

    /// Sets why the run ended; only the first reason counts. Gives whether this was the first.
    pub(super) fn end(&self, ending: Ending) -> bool {
        let code = if ending == Ending::Cancelled { CANCELLED } else { LATE };
        let first = self.ended_by.compare_exchange(RUNNING, code, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if first && let Some(thread) = self.waiting().as_ref() {
            thread.unpark();
        }
        first
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
        *self.waiting() = wake.then(current);
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Thread>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
