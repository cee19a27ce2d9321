//! A run that can be ended from outside.

use std::time::{Duration, Instant};

use crate::engine::runtime::EndableRun;
use crate::engine::session::signal::{Ending, Signal};
use crate::{Error, ErrorKind, Result};

/// One run under way, or none. Made once and used for many runs, one at a time.
pub(super) struct Flight {
    run: EndableRun,
    signal: Signal,
}

impl Flight {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { run: EndableRun::new()?, signal: Signal::new() })
    }

    /// Makes ready for the next run. Nobody may know of this flight now.
    pub(super) fn renew(&self) {
        self.run.renew();
        self.signal.renew();
    }

    /// Ends the run; the first reason counts.
    pub(super) fn end(&self, ending: Ending) {
        if self.signal.end(ending) {
            self.run.end();
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.signal.ending()
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    pub(super) fn run(&self) -> &EndableRun {
        &self.run
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
