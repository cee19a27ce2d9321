//! The choice of numbers that a model computes with.

use std::ffi::c_char;

use ortlet::{PrecisionOptions, choose_precision};

use crate::arguments::{give, give_optional, handle_output, optional_handle_output, options, path};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::hooks::ortlet_hooks;
use crate::model::ortlet_model;
use crate::status::ortlet_status;

/// Finds the numbers that a model computes fastest with, on this device and within an accuracy, and gives the model that
/// was chosen: the original if nothing pays. `options` is a JSON object or `NULL`: `session` holds the session's options
/// (`precision`, `samples` and `accuracy` among them), `time_limit_ms` and `seed` are for the choice. `report_json`,
/// unless `NULL`, gets what was tried and why it was chosen.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` if there are no samples or too few, `ORTLET_ACCURACY_BUDGET` if a mode is out of the
/// budget, `ORTLET_CANCELLED`, those of loading and running the original. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_choose_precision(
    model_path: *const c_char,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    chosen: *mut *mut ortlet_model,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (output, report_output) =
                (handle_output(chosen, "chosen")?, optional_handle_output(report_json));
            let path = path(model_path, "path")?;
            let mut options: PrecisionOptions = options(options_json, "options")?;
            ortlet_hooks::add_to_precision(hooks, &mut options)?;
            let choice = choose_precision(&path, &options)?;
            let report = ortlet_buffer::json(&choice.report)?;
            give(output, ortlet_model { model: choice.model, source: Some(path) });
            give_optional(report_output, report);
            Ok(())
        })
    }
}
