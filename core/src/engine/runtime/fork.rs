//! Forked processes: a child has none of the threads that ONNX Runtime and the pool wait for.
//!
//! A child that was forked before the library was loaded may load it like any other process.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// From now on, children know that they are.
pub(super) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(register);
}

#[cfg(unix)]
fn register() {
    extern "C" fn in_child() {
        IS_FORKED.store(true, Ordering::Relaxed);
    }
    // SAFETY: the function takes nothing, does not unwind, and does what is allowed between fork and exec.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

/// Elsewhere processes are not forked.
#[cfg(not(unix))]
fn register() {}

/// Whether this process was forked from one that had loaded ONNX Runtime.
pub(in crate::engine) fn is_child() -> bool {
    IS_FORKED.load(Ordering::Relaxed)
}

/// Refuses to use ONNX Runtime in such a process, where it would wait for ever.
pub(in crate::engine) fn check() -> Result<()> {
    if !is_child() {
        return Ok(());
    }
    let reason = "ONNX Runtime was loaded before the fork, and its threads stayed with the parent; load models only \
                  after the fork, or start a new process instead";
    Err(Error::unsupported("running models in a forked process", reason))
}
