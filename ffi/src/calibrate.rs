//! Calibration: what the values inside of a model are, over batches of real inputs.

use std::ffi::c_char;

use ortlet::{CalibrateOptions, Calibration, Samples, calibrate};

use crate::arguments::{give, handle_output, options, reference};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::hooks::ortlet_hooks;
use crate::model::ortlet_model;
use crate::status::ortlet_status;

/// What the values inside of a model are. Owned by whoever made it; freed by `ortlet_calibration_free`.
pub struct ortlet_calibration(pub(crate) Calibration);

/// Runs a model on batches of real inputs and finds out what the values inside of it are. `options` is a JSON object or
/// `NULL`. The samples are those of `hooks`, or of the folder that `session.samples` of the options names. The same
/// samples give the same calibration.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` if there are no samples, or NaN in them; `ORTLET_TENSOR_MISMATCH` and
/// `ORTLET_NOT_FOUND` for batches that do not fit the model; `ORTLET_CANCELLED`; those of a session. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_calibrate(
    model: *const ortlet_model,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    calibration: *mut *mut ortlet_calibration,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(calibration, "calibration")?;
            let model = reference(model, "model")?;
            let mut options: CalibrateOptions = options(options_json, "options")?;
            let mut samples: Samples = options.session.samples.clone();
            model.add_folder(&mut options.session);
            if let Some(hooks) = ortlet_hooks::read(hooks) {
                hooks.add_samples(&mut samples);
                options.cancel = hooks.token();
                options.progress = hooks.observer();
            }
            give(output, ortlet_calibration(calibrate(&model.model, &samples, &options)?));
            Ok(())
        })
    }
}

/// Frees a calibration. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_calibration_free(calibration: *mut ortlet_calibration) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(calibration) };
}
