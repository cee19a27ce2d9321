//! Models as data: opened, looked into, written.

use std::ffi::c_char;
use std::path::PathBuf;

use ortlet::SessionOptions;
use ortlet::model::Model;

use crate::arguments::{give, handle_output, path, reference, slice};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::status::ortlet_status;

/// A model as data. Needs no ONNX Runtime. Owned by whoever made it; freed by `ortlet_model_free`. Nothing changes it.
pub struct ortlet_model {
    pub(crate) model: Model,
    /// The file that it was opened from, beside which its external data lies.
    pub(crate) source: Option<PathBuf>,
}

impl ortlet_model {
    /// Has a session read external data beside the file that the model came from, unless the options say where.
    pub(crate) fn add_folder(&self, options: &mut SessionOptions) {
        if let Some(source) = &self.source {
            options.look_beside(source);
        }
    }
}

/// Opens a model file in ONNX format. External data stays where it is.
///
/// Errors: `ORTLET_NOT_FOUND`, `ORTLET_IO`, `ORTLET_INVALID_MODEL`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_open(
    model_path: *const c_char,
    model: *mut *mut ortlet_model,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(model, "model")?;
            let source = path(model_path, "path")?;
            give(output, ortlet_model { model: Model::open(&source)?, source: Some(source) });
            Ok(())
        })
    }
}

/// Reads a model in ONNX format from memory; it is copied.
///
/// Errors: `ORTLET_INVALID_MODEL`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_parse(
    data: *const u8,
    size_bytes: usize,
    model: *mut *mut ortlet_model,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(model, "model")?;
            let model = Model::parse(slice(data, size_bytes, "data")?.to_vec())?;
            give(output, ortlet_model { model, source: None });
            Ok(())
        })
    }
}

/// What is inside of the model, as JSON: inputs, outputs, operators, sizes, quantization.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_report(
    model: *const ortlet_model,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let json = handle_output(report_json, "report_json")?;
            give(json, ortlet_buffer::json(&reference(model, "model")?.model.report())?);
            Ok(())
        })
    }
}

/// The model as the bytes of an ONNX file.
///
/// Errors: `ORTLET_LIMIT_EXCEEDED` for more than 2 GiB. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_to_bytes(
    model: *const ortlet_model,
    bytes: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let bytes = handle_output(bytes, "bytes")?;
            give(bytes, ortlet_buffer::new(reference(model, "model")?.model.to_bytes()?));
            Ok(())
        })
    }
}

/// Writes the model to an ONNX file, which appears whole or not at all.
///
/// Errors: `ORTLET_IO`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_save(
    model: *const ortlet_model,
    model_path: *const c_char,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || reference(model, "model")?.model.save(path(model_path, "path")?)) }
}

/// Frees a model. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_model_free(model: *mut ortlet_model) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(model) };
}
