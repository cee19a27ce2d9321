//! Tuning: which options a model runs fastest with on this device.

use std::ffi::c_char;

use ortlet::{TuneOptions, tune};

use crate::arguments::{give_optional, optional_handle_output, options, path, reference};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::hooks::ortlet_hooks;
use crate::status::ortlet_status;

/// Finds out how a model runs fastest on this device, and keeps the plan in the cache folder or the artifact, where later
/// loads with the same options follow it. `options` is a JSON object or `NULL`; `hooks` has the samples. `plan_json`,
/// unless `NULL`, gets the plan and how it was found.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for options that make no sense and for no samples, `ORTLET_CANCELLED`, those of
/// loading and running the model. Threads: any; nothing else in the process should run meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_tune(
    model_path: *const c_char,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    plan_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let plan_output = optional_handle_output(plan_json);
            let mut options: TuneOptions = options(options_json, "options")?;
            let hooks = reference(hooks, "hooks")?;
            options.cancel = hooks.token();
            options.progress = hooks.observer();
            let samples = reference(hooks.samples, "hooks.samples")?.batches();
            let plan = ortlet_buffer::json(&tune(path(model_path, "path")?, samples, &options)?)?;
            give_optional(plan_output, plan);
            Ok(())
        })
    }
}
