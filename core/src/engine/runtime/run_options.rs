//! ONNX Runtime's options of one run: what another thread ends it by.

use std::ptr::NonNull;

use ort::sys::OrtRunOptions;

use crate::engine::runtime::status::check;
use crate::{Error, Result};

/// Options of a run that can be ended. Made once and used for many runs, one at a time.
pub(in crate::engine) struct EndableRun(NonNull<OrtRunOptions>);

// SAFETY: the options have no tie to a thread.
unsafe impl Send for EndableRun {}
// SAFETY: the flag is the only thing that is ever written; ONNX Runtime documents that it may be set from any thread
// while a run reads it.
unsafe impl Sync for EndableRun {}

impl EndableRun {
    pub(in crate::engine) fn new() -> Result<Self> {
        let mut options = std::ptr::null_mut();
        // SAFETY: the out pointer is valid.
        check(unsafe { (ort::api().CreateRunOptions)(&mut options) }, "create run options")?;
        let none = || Error::internal("ONNX Runtime gave no run options");
        NonNull::new(options).map(Self).ok_or_else(none)
    }

    /// Ends the run under way, or the next, before its next kernel.
    pub(in crate::engine) fn end(&self) {
        // SAFETY: the options are alive. The call only sets the flag and cannot fail.
        let _ = check(unsafe { (ort::api().RunOptionsSetTerminate)(self.0.as_ptr()) }, "end a run");
    }

    /// Takes `end` back.
    pub(in crate::engine) fn renew(&self) {
        // SAFETY: as above.
        let _ = check(unsafe { (ort::api().RunOptionsUnsetTerminate)(self.0.as_ptr()) }, "renew run options");
    }

    pub(super) fn pointer(&self) -> *const OrtRunOptions {
        self.0.as_ptr()
    }
}

impl Drop for EndableRun {
    fn drop(&mut self) {
        // SAFETY: alive and ours.
        unsafe { (ort::api().ReleaseRunOptions)(self.0.as_ptr()) }
    }
}
