//! The threads that compute: one pool for the process, awake only while it pays.
//!
//! ONNX Runtime's worker threads spin while they wait for work. Spinning makes runs fast that follow each other
//! closely, and burns a core otherwise; ONNX Runtime's shared pool can only have it on or off. Here it is on, and a
//! governor puts the workers to sleep, by giving them a task that ends when they are needed again:
//!
//! - a millisecond after the last run, so that an idle process takes no CPU time;
//! - while there are as many runs at once as cores: each then computes on its caller's thread alone;
//! - while other programs keep the workers from their cores: a run that waits for a worker that does not get to run is
//!   slower than one that does all by itself.
//!
//! A run never waits for workers that sleep: ONNX Runtime takes back what they did not start.

mod governor;
mod parking;
mod workers;

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::engine::runtime::cpu::usable_physical_cores;
use crate::engine::runtime::exit;
use parking::Gate;
use workers::Workers;

/// How long workers stay awake after a run. Enough to bridge the caller's own work between two runs.
const STAY_AWAKE: Duration = Duration::from_millis(1);

/// A run shorter than this is over before sleeping workers can help.
const WORTH_WAKING: Duration = Duration::from_micros(500);

/// The process's compute threads.
pub(super) struct Pool {
    workers: Workers,
    gate: Gate,
    /// Runs under way, those on their caller's thread alone included.
    running: AtomicUsize,
    /// When the last run ended, in nanoseconds since `epoch`.
    last_end_ns: AtomicU64,
    /// Workers that were kept from their cores are left asleep until then, in nanoseconds since `epoch`.
    asleep_until_ns: AtomicU64,
    /// The last run asked for sleep without delay.
    sleep_now: AtomicBool,
    /// The workers were put to sleep for what may pass while runs go on.
    may_pass: AtomicBool,
    epoch: Instant,
    governor: OnceLock<Governor>,
}

/// The governor's thread as others see it.
struct Governor {
    thread: Thread,
    /// The process that it runs in: a forked one has none.
    process: u32,
    must_end: AtomicBool,
    has_ended: Mutex<bool>,
    ended: Condvar,
}

/// What the pool is told about a run.
#[derive(Clone, Copy)]
pub(in crate::engine) struct RunHint {
    /// Whether the run can use workers.
    pub(in crate::engine) uses_workers: bool,
    /// How long such runs take, if that is known.
    pub(in crate::engine) typical: Option<Duration>,
    /// Whether workers may spin for a while after the run.
    pub(in crate::engine) stay_awake: bool,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            workers: Workers::new(usable_physical_cores().saturating_sub(1)),
            gate: Gate::open(),
            running: AtomicUsize::new(0),
            last_end_ns: AtomicU64::new(0),
            asleep_until_ns: AtomicU64::new(0),
            sleep_now: AtomicBool::new(false),
            may_pass: AtomicBool::new(false),
            epoch: Instant::now(),
            governor: OnceLock::new(),
        }
    }

    /// Threads that compute one run, its caller's included.
    pub(super) fn thread_count(&self) -> usize {
        self.workers.count() + 1
    }

    /// What starts the workers when ONNX Runtime asks for them.
    pub(super) fn workers(&self) -> Workers {
        self.workers.clone()
    }

    /// Says that a run begins. `leave` has to follow.
    pub(super) fn enter(&'static self, hint: RunHint) {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        if !hint.uses_workers || self.workers.count() == 0 {
            return;
        }
        self.governor.get_or_init(|| {
            self.workers.keep_off_this_core();
            self.workers.begin();
            governor::start(self)
        });
        // Ordered after the count: whoever puts the workers to sleep looks at the count once more after closing.
        if self.gate.is_closed() && running < self.thread_count() && self.is_worth_waking(hint.typical) {
            self.workers.keep_off_this_core();
            self.gate.set_open();
        }
    }

    /// Says that a run ended.
    pub(super) fn leave(&self, hint: RunHint, end: Instant) {
        self.last_end_ns.store(self.since_epoch(end), Ordering::Relaxed);
        let others = self.running.fetch_sub(1, Ordering::SeqCst) - 1;
        if !hint.stay_awake && others == 0 && !self.gate.is_closed() {
            self.sleep_now.store(true, Ordering::Relaxed);
            if let Some(governor) = self.governor.get() {
                governor.thread.unpark();
            }
        }
    }

    fn is_worth_waking(&self, typical: Option<Duration>) -> bool {
        let now = self.since_epoch(Instant::now());
        let follows_closely = now < self.last_end_ns.load(Ordering::Relaxed) + STAY_AWAKE.as_nanos() as u64;
        let is_long = typical.is_none_or(|typical| typical >= WORTH_WAKING);
        self.have_rested(now) && (is_long || follows_closely)
    }

    /// Whether workers that were kept from their cores may be tried again; `now` in nanoseconds since `epoch`.
    fn have_rested(&self, now: u64) -> bool {
        now >= self.asleep_until_ns.load(Ordering::Relaxed)
    }

    /// Ends the governor, and waits for that: the process ends.
    fn stop(&self) {
        let Some(governor) = self.governor.get().filter(|governor| governor.process == process::id()) else {
            return;
        };
        governor.must_end.store(true, Ordering::SeqCst);
        self.gate.set_open();
        governor.thread.unpark();
        let has_ended = governor.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing can be done about one that does not end.
        let _ = governor.ended.wait_timeout_while(has_ended, exit::PATIENCE, |ended| !*ended);
    }

    fn must_end(&self) -> bool {
        self.governor.get().is_some_and(|governor| governor.must_end.load(Ordering::SeqCst))
    }

    /// What a worker does while the gate is closed; the governor, who is held with them, keeps an eye on the reason.
    fn wait_at_gate(&self) {
        let is_governor =
            self.governor.get().is_some_and(|governor| governor.thread.id() == thread::current().id());
        if is_governor && self.may_pass.load(Ordering::Relaxed) {
            governor::wait_for_better_times(self);
        } else {
            self.gate.wait();
        }
    }

    fn since_epoch(&self, moment: Instant) -> u64 {
        moment.saturating_duration_since(self.epoch).as_nanos() as u64
    }
}
