//! Deadlines: one thread for the process that ends runs which are late, alive only while there are deadlines.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::session::flight::Flight;
use crate::engine::session::signal::Ending;
use crate::{Error, Result};

/// How long the thread waits for another deadline before it ends. Starting it takes longer than many a run.
const LINGER: Duration = Duration::from_millis(200);

static STATE: Mutex<State> =
    Mutex::new(State { flights: Vec::new(), idle_since: None, wakes_at: None, is_alive: false });
static EARLIER: Condvar = Condvar::new();

struct State {
    flights: Vec<(Instant, Arc<Flight>)>,
    /// When there was last a deadline.
    idle_since: Option<Instant>,
    /// When the thread looks again by itself.
    wakes_at: Option<Instant>,
    is_alive: bool,
}

/// Has a flight ended at a moment.
///
/// # Errors
/// `internal` if the thread cannot be started.
pub(super) fn watch(end: Instant, flight: &Arc<Flight>) -> Result<()> {
    let mut state = state();
    if !state.is_alive {
        let named = thread::Builder::new().name("ortlet-deadlines".into());
        named
            .spawn(watchdog)
            .map_err(|error| Error::internal(format!("no thread for deadlines: {error}")))?;
        let now = Instant::now();
        (state.is_alive, state.idle_since, state.wakes_at) = (true, Some(now), Some(now));
    }
    state.flights.push((end, flight.clone()));
    // Runs with the same budget come in order, and then nobody has to be woken.
    state.wake_by(end);
    Ok(())
}

/// Afterwards the flight is not ended by its deadline.
pub(super) fn unwatch(flight: &Arc<Flight>) {
    let mut state = state();
    if let Some(at) = state.flights.iter().position(|(_, other)| Arc::ptr_eq(other, flight)) {
        state.flights.swap_remove(at);
    }
    // A deadline that was far must not keep the thread until then.
    if state.is_alive && state.flights.is_empty() {
        let now = Instant::now();
        state.idle_since = Some(now);
        state.wake_by(now + LINGER);
    }
}

fn watchdog() {
    let mut state = state();
    loop {
        let now = Instant::now();
        state.end_late(now);
        let next = state.flights.iter().map(|(end, _)| *end).min();
        let wakes_at = next.unwrap_or_else(|| state.idle_since.unwrap_or(now) + LINGER);
        if next.is_none() && wakes_at <= now {
            state.is_alive = false;
            return;
        }
        state.wakes_at = Some(wakes_at);
        let left = wakes_at.saturating_duration_since(now);
        state = EARLIER.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl State {
    /// Ends the flights whose deadline has come, and forgets them.
    fn end_late(&mut self, now: Instant) {
        if !self.flights.is_empty() {
            self.idle_since = Some(now);
        }
        self.flights.retain(|(end, flight)| {
            let is_late = *end <= now;
            if is_late {
                flight.end(Ending::Late);
            }
            !is_late
        });
    }

    /// Has the thread look at this moment at the latest.
    fn wake_by(&mut self, moment: Instant) {
        if self.wakes_at.is_none_or(|wakes_at| moment < wakes_at) {
            self.wakes_at = Some(moment);
            EARLIER.notify_one();
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
