//! ONNX Runtime: chosen, loaded, extended, looked at.

use std::ffi::c_char;

use ortlet::runtime::{Runtime, RuntimeOptions, doctor};

use crate::arguments::{give, handle_output, options, path, text};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::status::ortlet_status;

/// Loads ONNX Runtime for the process, if nothing has done so yet: the first use decides. Loading a session does it too;
/// this is for programs that want to choose the moment or the library. `options` is a JSON object or `NULL`: `path` is
/// the library or its folder, `folders` are further places to search.
///
/// Errors: `ORTLET_RUNTIME_NOT_FOUND` with every place searched, `ORTLET_RUNTIME_INCOMPATIBLE`,
/// `ORTLET_INVALID_ARGUMENT` if another library than the one asked for is already loaded. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_runtime_load(
    options_json: *const c_char,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let options: RuntimeOptions = options(options_json, "options")?;
            Runtime::load(&options).map(|_| ())
        })
    }
}

/// Adds the execution providers of a plug-in library, under a name of the caller's choice.
///
/// Errors: `ORTLET_NOT_FOUND` if there is no such file, `ORTLET_RUNTIME_FAILED` if it is no plug-in or the name is taken,
/// those of `ortlet_runtime_load`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_runtime_register_provider_library(
    name: *const c_char,
    library_path: *const c_char,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let (name, path) = (text(name, "name")?, path(library_path, "path")?);
            Runtime::load(&RuntimeOptions::default())?.register_provider_library(name, path)
        })
    }
}

/// Which ONNX Runtime there is, which CPU, and what is missing, as JSON. A missing library is no error here, but told in
/// the report. `options` are those of `ortlet_runtime_load`.
///
/// Errors: `ORTLET_INVALID_ARGUMENT`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_doctor(
    options_json: *const c_char,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let json = handle_output(report_json, "report_json")?;
            let options: RuntimeOptions = options(options_json, "options")?;
            give(json, ortlet_buffer::json(&doctor(&options))?);
            Ok(())
        })
    }
}
