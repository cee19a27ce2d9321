//! Compiling: a model becomes an artifact that starts in milliseconds.

use std::ffi::c_char;

use ortlet::{PrecisionOptions, compile_with};

use crate::arguments::{give_optional, optional_handle_output, options, path};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::hooks::ortlet_hooks;
use crate::status::ortlet_status;

/// Compiles a model for this device and keeps it in an artifact, one file that `ortlet_session_load` takes. `options` are
/// those of `ortlet_session_load_with`. `report_json`, unless `NULL`, gets what was made.
///
/// Errors: those of loading the model, `ORTLET_IO` if the artifact cannot be written, `ORTLET_CANCELLED`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_compile(
    model_path: *const c_char,
    artifact_path: *const c_char,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let report_output = optional_handle_output(report_json);
            let mut options: PrecisionOptions = options(options_json, "options")?;
            ortlet_hooks::add_to_precision(hooks, &mut options)?;
            let report =
                compile_with(path(model_path, "model")?, path(artifact_path, "artifact")?, &options)?;
            let report = ortlet_buffer::json(&report)?;
            give_optional(report_output, report);
            Ok(())
        })
    }
}
