//! The bound on simultaneous runs of a session: who is too many waits in line, but not for ever.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::engine::session::signal::Signal;
use crate::engine::session::sync::{
    Arc, AtomicBool, Mutex, MutexGuard, Ordering, Thread, current, park_timeout,
};
use crate::{Error, ErrorKind};

/// A number of places for runs, given out in the order of asking.
pub(super) struct Limit {
    places: u32,
    longest_wait: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: u32,
    line: VecDeque<Arc<Waiter>>,
}

struct Waiter {
    thread: Thread,
    has_place: AtomicBool,
}

/// A place, given back when dropped.
pub(super) struct Place<'a>(&'a Limit);

impl Limit {
    pub(super) fn new(places: u32, longest_wait: Duration) -> Self {
        Self { places, longest_wait, state: Mutex::new(State::default()) }
    }

    /// Takes a place; waits for one if there is none, until the run is ended.
    ///
    /// # Errors
    /// `pool_exhausted` after the longest wait, `None` if the run was ended first.
    pub(super) fn take(&self, signal: Option<&Signal>) -> Result<Place<'_>, Option<Error>> {
        let mut state = self.state();
        if state.taken < self.places {
            state.taken += 1;
            return Ok(Place(self));
        }
        let start = Instant::now();
        let waiter = Arc::new(Waiter { thread: current(), has_place: AtomicBool::new(false) });
        state.line.push_back(waiter.clone());
        drop(state);
        if let Some(signal) = signal {
            signal.wake_this_thread(true);
        }
        let is_ended = || signal.is_some_and(|signal| signal.ending().is_some());
        while !waiter.has_place.load(Ordering::Acquire) && !is_ended() {
            let left = self.longest_wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            park_timeout(left);
        }
        if let Some(signal) = signal {
            signal.wake_this_thread(false);
        }
        let mut state = self.state();
        // Whoever was given a place in the last moment takes it.
        if waiter.has_place.load(Ordering::Acquire) {
            return Ok(Place(self));
        }
        state.line.retain(|other| !Arc::ptr_eq(other, &waiter));
        drop(state);
        Err((!is_ended()).then(|| {
            let waited_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            ErrorKind::PoolExhausted { limit_count: self.places.into(), waited_ns }.into()
        }))
    }

    /// That nobody has a place or waits for one.
    #[cfg(test)]
    pub(super) fn assert_idle(&self) {
        let state = self.state();
        assert!(state.taken == 0 && state.line.is_empty());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        match state.line.pop_front() {
            // The place goes on to the next in line.
            Some(next) => {
                next.has_place.store(true, Ordering::Release);
                next.thread.unpark();
            }
            None => state.taken -= 1,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn places_are_given_in_order_and_a_full_house_is_told() {
        let limit = Limit::new(1, Duration::ZERO);
        let place = limit.take(None).unwrap();
        let error = limit.take(None).err().flatten().unwrap();
        assert!(matches!(error.kind(), ErrorKind::PoolExhausted { limit_count: 1, .. }));
        drop(place);
        drop(limit.take(None).unwrap());
        limit.assert_idle();
    }

    #[test]
    fn waiting_threads_all_get_their_turn_and_never_more_at_once() {
        let limit = Limit::new(2, Duration::from_secs(60));
        let (inside, most) = (std::sync::atomic::AtomicU32::new(0), std::sync::atomic::AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let place = limit.take(None).unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
        limit.assert_idle();
    }
}
