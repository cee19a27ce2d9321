//! Deadlines: one thread for the process that ends runs which are late, alive only while there are deadlines.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::session::flight::{Ending, Flight};
use crate::{Error, Result};

/// How long the thread waits for another deadline before it ends. Starting it takes longer than many a run.
const LINGER: Duration = Duration::from_millis(200);

static STATE: Mutex<State> = Mutex::new(State { flights: Vec::new(), wakes_at: None, is_alive: false });
static EARLIER: Condvar = Condvar::new();

struct State {
    flights: Vec<(Instant, Arc<Flight>)>,
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
        state.is_alive = true;
        state.wakes_at = Some(Instant::now());
    }
    state.flights.push((end, flight.clone()));
    // Runs with the same budget come in order, and then nobody has to be woken.
    if state.wakes_at.is_none_or(|wakes_at| end < wakes_at) {
        state.wakes_at = Some(end);
        EARLIER.notify_one();
    }
    Ok(())
}

/// Afterwards the flight is not ended by its deadline.
pub(super) fn unwatch(flight: &Arc<Flight>) {
    let mut state = state();
    if let Some(at) = state.flights.iter().position(|(_, other)| Arc::ptr_eq(other, flight)) {
        state.flights.swap_remove(at);
    }
}

fn watchdog() {
    let mut state = state();
    loop {
        let now = Instant::now();
        state.flights.retain(|(end, flight)| {
            let is_late = *end <= now;
            if is_late {
                flight.end(Ending::Late);
            }
            !is_late
        });
        let next = state.flights.iter().map(|(end, _)| *end).min();
        let was_idle = next.is_none();
        let wakes_at = next.unwrap_or(now + LINGER);
        state.wakes_at = Some(wakes_at);
        while state.wakes_at == Some(wakes_at) {
            let left = wakes_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = EARLIER.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if was_idle && state.flights.is_empty() {
            state.is_alive = false;
            return;
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
