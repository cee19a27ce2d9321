//! What has to stop before the process ends: threads of ours that may be in ONNX Runtime while its globals are destroyed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::engine::runtime::fork;

/// How long the end of the process waits for such a thread.
pub(in crate::engine) const PATIENCE: Duration = Duration::from_secs(2);

/// Handlers run in the reverse order of their registration, mixed with the destructors of globals. Some of those come
/// to be while models are loaded and run, so the handler is registered again then, a few times.
const REGISTRATIONS: u32 = 16;

static STOPS: Mutex<Vec<fn()>> = Mutex::new(Vec::new());
static REGISTERED: AtomicU32 = AtomicU32::new(0);

/// Has a function called when the process ends. It has to be quick if there is nothing to do, and may be called twice.
pub(in crate::engine) fn before_exit(stop: fn()) {
    let mut stops = STOPS.lock().unwrap_or_else(PoisonError::into_inner);
    if !stops.iter().any(|known| std::ptr::fn_addr_eq(*known, stop)) {
        stops.push(stop);
    }
    drop(stops);
    stay_ahead();
}

/// Makes sure that the functions are called before the destructors of what ONNX Runtime made until now.
pub(super) fn stay_ahead() {
    if REGISTERED.load(Ordering::Relaxed) < REGISTRATIONS {
        REGISTERED.fetch_add(1, Ordering::Relaxed);
        register();
    }
}

#[cfg(unix)]
fn register() {
    extern "C" fn stop_all() {
        // The threads stayed with the parent.
        if fork::is_child() {
            return;
        }
        let stops = STOPS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        stops.iter().for_each(|stop| stop());
    }
    // SAFETY: the function takes nothing and does not unwind.
    unsafe { libc::atexit(stop_all) };
}

/// Elsewhere the system ends all other threads before it runs destructors.
#[cfg(not(unix))]
fn register() {}
