//! Callers that run a session at once, for a moment, and the times that their runs take.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::runtime::Sample;
use crate::engine::session::{CancelToken, RunOptions, Session};
use crate::{ErrorKind, Result};

/// Runs before those that are timed take so long together: they wake threads and warm caches.
const WARM_UP: Duration = Duration::from_millis(2);

/// What is run for a moment.
pub(super) struct Load<'a> {
    pub(super) session: &'a Session,
    pub(super) samples: Vec<&'a Sample>,
    pub(super) callers: usize,
    /// How long every caller runs at least; at least once for each sample.
    pub(super) duration: Duration,
    /// What may end a run. `None` where runs are so short that it would show in their times.
    pub(super) control: Option<RunOptions>,
    pub(super) cancel: Option<CancelToken>,
}

impl Load<'_> {
    /// Runs and gives the latencies in nanoseconds, for each sample. All callers go on until the last of them is done,
    /// so that nobody runs without the others.
    ///
    /// # Errors
    /// Of a run; `cancelled`.
    pub(super) fn drive(&self) -> Result<Vec<Vec<u64>>> {
        let gathering = &Gathering {
            start: Barrier::new(self.callers),
            done: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        };
        let all = thread::scope(|scope| {
            let others: Vec<_> =
                (1..self.callers).map(|caller| scope.spawn(move || self.call(caller, gathering))).collect();
            let own = self.call(0, gathering);
            let joined = others.into_iter().map(|other| match other.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(joined).collect::<Vec<_>>()
        });
        let mut latencies = vec![Vec::new(); self.samples.len()];
        for caller in all {
            for (sum, own) in latencies.iter_mut().zip(caller?) {
                sum.extend(own);
            }
        }
        Ok(latencies)
    }

    fn call(&self, caller: usize, gathering: &Gathering) -> Result<Vec<Vec<u64>>> {
        let warm = self.warm_up(caller);
        gathering.note(&warm);
        gathering.start.wait();
        warm?;
        let mut latencies = vec![Vec::new(); self.samples.len()];
        let (start, mut is_done) = (Instant::now(), false);
        for run in 0_usize.. {
            if gathering.is_over(self.callers) {
                break;
            }
            let sample = (caller + run) % self.samples.len();
            let timed = self.run(sample);
            gathering.note(&timed);
            latencies[sample].push(timed?);
            if !is_done && run + 1 >= self.samples.len() && start.elapsed() >= self.duration {
                is_done = true;
                gathering.done.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(latencies)
    }

    fn warm_up(&self, caller: usize) -> Result<()> {
        let start = Instant::now();
        for run in 0_usize.. {
            self.run((caller + run) % self.samples.len())?;
            if start.elapsed() >= WARM_UP {
                break;
            }
        }
        Ok(())
    }

    /// Runs once; the time in nanoseconds, without the time to free the outputs.
    fn run(&self, sample: usize) -> Result<u64> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(ErrorKind::Cancelled.into());
        }
        let inputs = self.samples[sample].iter().map(|(name, value)| (name, value));
        let start = Instant::now();
        let outputs = match &self.control {
            Some(control) => self.session.run_with(inputs, control),
            None => self.session.run(inputs),
        };
        let time = start.elapsed();
        outputs.map(|_| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1))
    }
}

/// What the callers know of each other.
struct Gathering {
    start: Barrier,
    /// Callers that have run for long enough.
    done: AtomicUsize,
    failed: AtomicBool,
}

impl Gathering {
    fn note<T>(&self, result: &Result<T>) {
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    fn is_over(&self, callers: usize) -> bool {
        self.failed.load(Ordering::Relaxed) || self.done.load(Ordering::Relaxed) >= callers
    }
}
