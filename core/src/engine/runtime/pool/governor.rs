//! The thread that decides when the workers sleep.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::parking::Parking;
use super::{Governor, Pool, STAY_AWAKE};
use crate::Result;
use crate::engine::runtime::{Runtime, exit};

/// How often the governor looks while runs are under way.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Workers that wait for a core for more than one in so many milliseconds are worse than none. A program that keeps a
/// core busy all the time makes them wait for half of it.
const STARVED_SHARE: u32 = 3;

/// For how long workers with a busy neighbour are left asleep: more each time, until it has not been seen for a while.
/// That it does not show for a moment says little, because it may just be in the way of a caller.
const SHORTEST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(2);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// The rests of workers with a busy neighbour.
struct Rests {
    next: Duration,
    last: Option<Instant>,
}

impl Rests {
    fn next(&mut self, now: Instant) -> Duration {
        if self.last.is_none_or(|last| now.duration_since(last) > FORGOTTEN_AFTER) {
            self.next = SHORTEST_REST;
        }
        self.last = Some(now);
        let rest = self.next;
        self.next = (rest * 2).min(LONGEST_REST);
        rest
    }
}

/// Starts the governor. Without a thread for it everything works, only that workers go on spinning for as long as ONNX
/// Runtime lets them.
pub(super) fn start(pool: &'static Pool) -> Governor {
    let named = thread::Builder::new().name("ortlet-governor".into());
    let started = named.spawn(move || {
        if let Err(error) = govern(pool) {
            tracing::warn!("workers cannot be put to sleep: {error}");
        }
        pool.gate.set_open();
        if let Some(governor) = pool.governor.get() {
            *governor.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
            governor.ended.notify_all();
        }
    });
    if let Err(error) = &started {
        tracing::warn!("workers cannot be put to sleep: {error}");
    }
    exit::before_exit(|| {
        if let Some(runtime) = Runtime::loaded() {
            runtime.pool().stop();
        }
    });
    Governor {
        has_ended: Mutex::new(started.is_err()),
        thread: started.map_or_else(|_| thread::current(), |handle| handle.thread().clone()),
        process: process::id(),
        must_end: AtomicBool::new(false),
        ended: Condvar::new(),
    }
}

/// Goes on until the process ends.
fn govern(pool: &'static Pool) -> Result<()> {
    let mut rests = Rests { next: SHORTEST_REST, last: None };
    let mut parking = None;
    while let Some(reason) = watch(pool) {
        if reason == Reason::Starved {
            let now = Instant::now();
            pool.asleep_until_ns.store(pool.since_epoch(now + rests.next(now)), Ordering::Relaxed);
        }
        let parking = match &mut parking {
            Some(parking) => parking,
            none => {
                let Some(runtime) = Runtime::loaded() else { return Ok(()) };
                none.insert(Parking::new(runtime, pool)?)
            }
        };
        pool.may_pass.store(reason != Reason::Idle, Ordering::Relaxed);
        pool.gate.close();
        // A run that began, or an end of the process, before it could see the gate closed must not be left alone.
        let has_begun = reason == Reason::Idle && pool.running.load(Ordering::SeqCst) > 0;
        if has_begun || pool.must_end() {
            pool.gate.set_open();
            continue;
        }
        parking.hold_workers()?;
    }
    Ok(())
}

/// How often the governor looks whether workers are of use again to runs that began while they were not.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(10);

/// Waits until the gate is open; opens it if the reason to close it has passed and a run goes on.
pub(super) fn wait_for_better_times(pool: &Pool) {
    while !pool.gate.wait_for(LOOK_AGAIN_EVERY) {
        let running = pool.running.load(Ordering::SeqCst);
        if running == 0 {
            // Nobody is in the way of the next run, which opens the gate itself.
            pool.may_pass.store(false, Ordering::Relaxed);
            return pool.gate.wait();
        }
        let now = pool.since_epoch(Instant::now());
        if pool.have_rested(now) && running < pool.thread_count() {
            return pool.gate.set_open();
        }
    }
}

/// Why workers are put to sleep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Idle,
    Crowded,
    Starved,
}

/// Waits until there is a reason to put the workers to sleep; `None` when the governor has to end.
fn watch(pool: &Pool) -> Option<Reason> {
    let (mut looked, mut waited) = (Instant::now(), pool.workers.waited());
    loop {
        let is_running = pool.running.load(Ordering::SeqCst) > 0;
        thread::park_timeout(if is_running { LOOK_EVERY } else { STAY_AWAKE / 2 });
        if pool.must_end() {
            return None;
        }
        let running = pool.running.load(Ordering::SeqCst);
        let idle = pool.since_epoch(Instant::now()).saturating_sub(pool.last_end_ns.load(Ordering::Relaxed));
        let sleep_now = pool.sleep_now.swap(false, Ordering::Relaxed);
        if running == 0 && (sleep_now || idle >= STAY_AWAKE.as_nanos() as u64) {
            return Some(Reason::Idle);
        }
        if running >= pool.thread_count() {
            return Some(Reason::Crowded);
        }
        if looked.elapsed() >= LOOK_EVERY * 2 {
            let now_waited = pool.workers.waited();
            let workers = pool.workers.count() as u32;
            if now_waited.saturating_sub(waited) * STARVED_SHARE > looked.elapsed() * workers {
                return Some(Reason::Starved);
            }
            (looked, waited) = (Instant::now(), now_waited);
        }
    }
}
