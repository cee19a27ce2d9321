//! ONNX Runtime's profiling of a session: switched on when it is created, ended when its runs are done.

use std::path::Path;

use crate::Result;
use crate::engine::runtime::session_options::OwnedOptions;
use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::{default_allocator, take_string};
use crate::engine::runtime::{RawSession, providers};

impl OwnedOptions {
    /// Has everything that the session does recorded in a file whose path starts with `prefix`.
    pub(super) fn profile(&self, prefix: &Path) -> Result<()> {
        let prefix = providers::os_string(prefix)?;
        // SAFETY: the options are alive and the path lives through the call.
        let status = unsafe { (ort::api().EnableProfiling)(self.0, prefix.as_ptr()) };
        check(status, "switch profiling on")
    }
}

impl RawSession {
    /// Ends the recording, writes what is left of it and gives the file's path as ONNX Runtime tells it: whatever of
    /// it is not UTF-8 is replaced. No run may be under way.
    pub(in crate::engine) fn end_profiling(&self) -> Result<String> {
        let (allocator, mut path) = (default_allocator()?, std::ptr::null_mut());
        // SAFETY: the session is alive; the path is from the allocator given and freed here.
        unsafe {
            let status = (ort::api().SessionEndProfiling)(self.pointer(), allocator, &mut path);
            check(status, "end profiling")?;
            take_string(path)
        }
    }
}
