//! The thread that decides when the workers sleep.

use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::parking::Parking;
use super::{Pool, STAY_AWAKE};
use crate::engine::runtime::Runtime;

/// How often the governor looks while runs are under way.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Workers that wait for a core for more than one in so many milliseconds are worse than none. A program that keeps a
/// core busy all the time makes them wait for half of it.
const STARVED_SHARE: u32 = 3;

/// For how long workers with a busy neighbour are left asleep: more each time, as long as the neighbour stays.
const SHORTEST_REST: Duration = Duration::from_millis(25);
const LONGEST_REST: Duration = Duration::from_millis(400);

/// Starts the governor; gives a handle that wakes it.
pub(super) fn start(pool: &'static Pool) -> Thread {
    let named = thread::Builder::new().name("ortlet-governor".into());
    match named.spawn(move || govern(pool)) {
        Ok(handle) => handle.thread().clone(),
        Err(error) => {
            // Without it everything works, only that workers go on spinning for ONNX Runtime's own time.
            tracing::warn!("workers cannot be put to sleep: {error}");
            thread::current()
        }
    }
}

fn govern(pool: &'static Pool) {
    let mut rest = SHORTEST_REST;
    let mut parking = None;
    loop {
        let reason = watch(pool);
        if reason == Reason::Starved {
            let until = pool.since_epoch(Instant::now() + rest);
            pool.asleep_until_ns.store(until, Ordering::Relaxed);
            rest = (rest * 2).min(LONGEST_REST);
        } else {
            rest = SHORTEST_REST;
        }
        if parking.is_none() {
            parking = Runtime::loaded().and_then(|runtime| {
                let made = Parking::new(runtime, pool);
                made.map_err(|error| tracing::warn!("workers cannot be put to sleep: {error}")).ok()
            });
        }
        let Some(parking) = &parking else { return };
        pool.may_pass.store(reason != Reason::Idle, Ordering::Relaxed);
        pool.gate.close();
        // A run that began before it could see the gate closed must not be left alone.
        if reason == Reason::Idle && pool.running.load(Ordering::SeqCst) > 0 {
            pool.gate.set_open();
            continue;
        }
        if let Err(error) = parking.hold_workers() {
            pool.gate.set_open();
            tracing::warn!("workers cannot be put to sleep: {error}");
            return;
        }
    }
}

/// How often the governor looks whether workers are of use again to runs that began while they were not.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(10);

/// Waits until the gate is open; opens it if the reason to close it has passed and a run goes on.
pub(super) fn wait_for_better_times(pool: &Pool) {
    while !pool.gate.wait_for(LOOK_AGAIN_EVERY) {
        let running = pool.running.load(Ordering::SeqCst);
        let rested = pool.since_epoch(Instant::now()) >= pool.asleep_until_ns.load(Ordering::Relaxed);
        if running == 0 {
            // Nobody is in the way of the next run, which opens the gate itself.
            pool.may_pass.store(false, Ordering::Relaxed);
            return pool.gate.wait();
        }
        if rested && running < pool.thread_count() {
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

/// Waits until there is a reason to put the workers to sleep.
fn watch(pool: &Pool) -> Reason {
    let (mut looked, mut waited) = (Instant::now(), pool.workers.waited());
    loop {
        let is_running = pool.running.load(Ordering::SeqCst) > 0;
        thread::park_timeout(if is_running { LOOK_EVERY } else { STAY_AWAKE / 2 });
        let running = pool.running.load(Ordering::SeqCst);
        let idle = pool.since_epoch(Instant::now()).saturating_sub(pool.last_end_ns.load(Ordering::Relaxed));
        let sleep_now = pool.sleep_now.swap(false, Ordering::Relaxed);
        if running == 0 && (sleep_now || idle >= STAY_AWAKE.as_nanos() as u64) {
            return Reason::Idle;
        }
        if running >= pool.thread_count() {
            return Reason::Crowded;
        }
        if looked.elapsed() >= LOOK_EVERY * 2 {
            let now_waited = pool.workers.waited();
            let workers = pool.workers.count() as u32;
            if now_waited.saturating_sub(waited) * STARVED_SHARE > looked.elapsed() * workers {
                return Reason::Starved;
            }
            (looked, waited) = (Instant::now(), now_waited);
        }
    }
}
