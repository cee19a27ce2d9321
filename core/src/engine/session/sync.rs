//! Locks, atomics and parked threads of what waits for a place: the standard ones, and loom's where `cargo xtask loom`
//! tries interleavings.

#[cfg(all(test, loom))]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
#[cfg(all(test, loom))]
pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(all(test, loom))]
pub(super) use parked::{Thread, current, park_timeout};
#[cfg(not(all(test, loom)))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
#[cfg(not(all(test, loom)))]
pub(super) use std::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(all(test, loom)))]
pub(super) use std::thread::{Thread, current, park_timeout};

/// Parking made of what loom has. Its own `unpark` also wakes threads that wait for a lock, which no system does.
#[cfg(all(test, loom))]
mod parked {
    use std::time::Duration;

    use loom::sync::{Arc, Condvar, Mutex};

    /// A thread, with the one wake-up that it may have in store.
    #[derive(Clone)]
    pub struct Thread(Arc<(Mutex<bool>, Condvar)>);

    loom::thread_local! {
        static OWN: Thread = Thread(Arc::new((Mutex::new(false), Condvar::new())));
    }

    pub fn current() -> Thread {
        OWN.with(Clone::clone)
    }

    impl Thread {
        pub fn unpark(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }
    }

    /// loom has no clock: whoever parks has to be woken.
    pub fn park_timeout(_: Duration) {
        let own = current();
        let mut is_woken = own.0.0.lock().unwrap();
        while !*is_woken {
            is_woken = own.0.1.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}
