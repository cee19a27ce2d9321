//! Errors as handles: number, message and details.

use std::ffi::{CString, c_char};

use ortlet::Error;

use crate::status::{ORTLET_OK, ortlet_status};
use crate::value_info::c_string;

/// What went wrong, and where. Owned by whoever got it; freed by `ortlet_error_free`.
pub struct ortlet_error {
    code: ortlet_status,
    message: CString,
    details: CString,
}

impl ortlet_error {
    pub(crate) fn new(error: &Error) -> Box<Self> {
        let (code, details) = (error.code() as u32, error.details().to_string());
        Box::new(Self { code, message: c_string(&error.to_string()), details: c_string(&details) })
    }
}

/// The number of the error, the same as the function returned; `ORTLET_OK` for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_error_code(error: *const ortlet_error) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { error.as_ref() }.map_or(ORTLET_OK, |error| error.code)
}

/// What went wrong and where, in a sentence. Belongs to the error; an empty text for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_error_message(error: *const ortlet_error) -> *const c_char {
    // SAFETY: see the crate's documentation.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// The facts as a JSON object: `code` is the error's name in lower case (`tensor_mismatch`), `message` the message, the
/// other keys are what a program may react to, for example `tensor`, `expected` and `actual`. Belongs to the error; `{}`
/// for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_error_details(error: *const ortlet_error) -> *const c_char {
    // SAFETY: see the crate's documentation.
    unsafe { error.as_ref() }.map_or(c"{}".as_ptr(), |error| error.details.as_ptr())
}

/// Frees an error. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_error_free(error: *mut ortlet_error) {
    // SAFETY: see the crate's documentation.
    unsafe { crate::guard::free(error) };
}
