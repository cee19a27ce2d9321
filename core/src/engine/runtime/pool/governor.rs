//! The thread that decides when the workers sleep.

use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::parking::Parking;
use super::{Pool, STAY_AWAKE};
use crate::engine::runtime::Runtime;

/// How often the governor looks while runs are under way.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Workers that wait for a core for more than this share of the time have a busy neighbour.
const STARVED_SHARE: u32 = 8;

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
                let made = Parking::new(runtime, &pool.gate, pool.thread_count());
                made.map_err(|error| tracing::warn!("workers cannot be put to sleep: {error}")).ok()
            });
        }
        let Some(parking) = &parking else { return };
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
