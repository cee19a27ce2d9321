//! Quantization as a rewrite of data.

use std::ffi::c_char;

use ortlet::model::Model;
use ortlet::quantize::quantize_with;
use ortlet::{QuantizeMode, QuantizeOptions, quantize};

use crate::arguments::{
    give, give_optional, handle_output, optional_handle_output, options, parsed, reference, text,
};
use crate::buffer::ortlet_buffer;
use crate::calibrate::ortlet_calibration;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::model::ortlet_model;
use crate::status::ortlet_status;

/// Quantizes a model by one mode, unmeasured: `int8-dynamic` (or `int8`), `int8-static`, `weights-8`, `weights-4` or
/// `float16`.
/// `calibration` is needed for `int8-static`, makes `int8-dynamic` more accurate, and may be `NULL` otherwise. `options`
/// is a JSON object or `NULL`. `report_json`, unless `NULL`, gets what was done to each layer, or why nothing was.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for an unknown mode and options, `ORTLET_NOT_FOUND` for nodes that the options name,
/// `ORTLET_UNSUPPORTED`, `ORTLET_INVALID_MODEL`, those of external data. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_quantize(
    model: *const ortlet_model,
    mode: *const c_char,
    calibration: *const ortlet_calibration,
    options_json: *const c_char,
    quantized: *mut *mut ortlet_model,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (output, report_output) =
                (handle_output(quantized, "quantized")?, optional_handle_output(report_json));
            let own = reference(model, "model")?;
            let mode = serde_json::Value::from(text(mode, "mode")?).to_string();
            let mode: QuantizeMode = parsed(&mode, "mode")?;
            let calibration = calibration.as_ref().map(|calibration| &calibration.0);
            let options: QuantizeOptions = options(options_json, "options")?;
            let (model, report) = match &own.source {
                Some(path) => {
                    quantize_with(&own.model, mode, calibration, &options, &Model::external_data(path))?
                }
                None => quantize(&own.model, mode, calibration, &options)?,
            };
            let report = ortlet_buffer::json(&report)?;
            give(output, ortlet_model { model, source: own.source.clone() });
            give_optional(report_output, report);
            Ok(())
        })
    }
}
