//! One run, at once or with deadline and token.

use std::ffi::c_char;
use std::time::Duration;

use ortlet::tensor::ValueView;
use ortlet::{Result, RunOptions};
use smallvec::SmallVec;

use crate::arguments::{at, give, handle_output, reference, slice, text};
use crate::cancel::ortlet_cancel_token;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::input::{inputs, ortlet_input};
use crate::outputs::ortlet_outputs;
use crate::session::ortlet_session;
use crate::status::ortlet_status;

/// How one run differs from the others. All zero means: not at all.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_run_options {
    /// The time from the call on that the run may take, waiting included, in nanoseconds; `NULL` for any. 0 is none.
    pub deadline_ns: *const u64,
    /// What ends the run with `ORTLET_CANCELLED`; `NULL` for nothing.
    pub cancel: *const ortlet_cancel_token,
    /// Names of the outputs to give, in the order wanted; `NULL` for all. Has to be `NULL` for a binding.
    pub outputs: *const *const c_char,
    /// How many names there are.
    pub output_count: usize,
}

impl ortlet_run_options {
    /// The options as the library takes them; none for NULL.
    pub(crate) unsafe fn read(options: *const Self) -> Result<Option<RunOptions>> {
        // SAFETY: as the caller's.
        unsafe { options.as_ref().map(|options| options.options()).transpose() }
    }

    unsafe fn options(&self) -> Result<RunOptions> {
        // SAFETY: as the caller's.
        unsafe {
            Ok(RunOptions {
                outputs: self.output_names()?,
                deadline: self.deadline_ns.as_ref().map(|&ns| Duration::from_nanos(ns)),
                cancel: self.cancel.as_ref().map(|token| token.0.clone()),
            })
        }
    }

    unsafe fn output_names(&self) -> Result<Option<Vec<String>>> {
        if self.outputs.is_null() && self.output_count == 0 {
            return Ok(None);
        }
        // SAFETY: as the caller's.
        let names = unsafe { slice(self.outputs, self.output_count, "outputs") }?;
        // SAFETY: as the caller's.
        let name = |(index, &name)| at(unsafe { text(name, "name") }, "outputs", index).map(str::to_owned);
        names.iter().enumerate().map(name).collect::<Result<_>>().map(Some)
    }
}

/// Runs the model on inputs and gives its outputs. Inputs are not copied, but what is misaligned. `options` may be
/// `NULL`.
///
/// Errors: `ORTLET_NOT_FOUND` for a name that is no input or output, `ORTLET_TENSOR_MISMATCH` for an input that is
/// missing or has another type or shape than declared, `ORTLET_INVALID_ARGUMENT` for an input given twice,
/// `ORTLET_RUNTIME_FAILED`, `ORTLET_POOL_EXHAUSTED`, `ORTLET_DEADLINE_EXCEEDED`, `ORTLET_CANCELLED`. Threads: any number
/// at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_run(
    session: *const ortlet_session,
    run_inputs: *const ortlet_input,
    input_count: usize,
    options: *const ortlet_run_options,
    outputs: *mut *mut ortlet_outputs,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(outputs, "outputs")?;
            let session = reference(session, "session")?;
            let inputs: Result<SmallVec<[(&str, ValueView<'_>); 4]>> =
                inputs(run_inputs, input_count)?.collect();
            let outputs = match ortlet_run_options::read(options)? {
                None => session.session.run(inputs?)?,
                Some(options) => session.session.run_with(inputs?, &options)?,
            };
            give(output, ortlet_outputs::new(outputs, session.output_names.clone()));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the C tests assert of the header.
    #[test]
    fn the_layout_is_that_of_the_header() {
        assert_eq!(size_of::<ortlet_run_options>(), 4 * size_of::<usize>());
    }
}
