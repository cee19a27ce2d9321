//! ONNX Runtime's status objects as errors.

use std::ffi::CStr;

use ort::sys::{OrtErrorCode, OrtStatusPtr};

use crate::{Error, ErrorKind, Result};

/// Turns a status into a result and releases it. `operation` completes "ONNX Runtime failed to ...".
pub(super) fn check(status: OrtStatusPtr, operation: &str) -> Result<()> {
    if status.0.is_null() { Ok(()) } else { Err(take(status, operation)) }
}

#[cold]
fn take(status: OrtStatusPtr, operation: &str) -> Error {
    let api = ort::api();
    // SAFETY: the status is not null and ours; its message lives until it is released below. The code is read as an
    // integer because a newer runtime may know codes that the enum does not.
    let (code, reason) = unsafe {
        let get_code: unsafe extern "system" fn(*const ort::sys::OrtStatus) -> i32 =
            std::mem::transmute(api.GetErrorCode);
        let code = get_code(status.0);
        let reason = CStr::from_ptr((api.GetErrorMessage)(status.0)).to_string_lossy().into_owned();
        (api.ReleaseStatus)(status.0);
        (code, reason)
    };
    kind(code, operation, reason).into()
}

/// What the caller can do decides the kind: mend the model, choose another runtime, or report a failure.
fn kind(code: i32, operation: &str, reason: String) -> ErrorKind {
    let is = |known: OrtErrorCode| code == known as i32;
    if is(OrtErrorCode::ORT_INVALID_PROTOBUF)
        || is(OrtErrorCode::ORT_INVALID_GRAPH)
        || is(OrtErrorCode::ORT_NO_MODEL)
    {
        ErrorKind::InvalidModel { reason, offset_bytes: None }
    } else if is(OrtErrorCode::ORT_NOT_IMPLEMENTED) {
        ErrorKind::Unsupported { what: format!("attempt to {operation}"), reason }
    } else {
        ErrorKind::RuntimeFailed { operation: operation.to_owned(), reason }
    }
}
