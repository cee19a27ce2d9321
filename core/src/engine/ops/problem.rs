//! What goes wrong in an operator, as ONNX Runtime's status objects, and nothing else: no panic crosses the border.

use std::any::Any;
use std::ffi::CString;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use ort::sys::{OrtErrorCode, OrtStatusPtr};

/// Why an operator cannot go on.
pub(super) enum Problem {
    /// In our words.
    Said(String),
    /// ONNX Runtime's own, passed on.
    Status(OrtStatusPtr),
}

pub(super) type Outcome<T> = Result<T, Problem>;

impl Problem {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self::Said(words.into())
    }

    /// The same of a named node or input.
    pub(super) fn of(self, place: &dyn Display) -> Self {
        match self {
            Self::Said(words) => Self::Said(format!("{place}: {words}")),
            status @ Self::Status(_) => status,
        }
    }

    fn into_status(self, code: OrtErrorCode) -> OrtStatusPtr {
        match self {
            Self::Status(status) => status,
            Self::Said(words) => status(code, &words),
        }
    }
}

/// Takes a status of ONNX Runtime's.
pub(super) fn check(status: OrtStatusPtr) -> Outcome<()> {
    if status.0.is_null() { Ok(()) } else { Err(Problem::Status(status)) }
}

/// Whether a call succeeded; what it complains of is dropped.
pub(super) fn succeeded(status: OrtStatusPtr) -> bool {
    if !status.0.is_null() {
        // SAFETY: a status that is not null is ours to release.
        unsafe { (ort::api().ReleaseStatus)(status.0) };
    }
    status.0.is_null()
}

/// Does the work of a function that ONNX Runtime calls; whatever goes wrong becomes the status.
pub(super) fn guarded(code: OrtErrorCode, work: impl FnOnce() -> Outcome<()>) -> OrtStatusPtr {
    // Kernels are not changed by their runs, so a panic leaves nothing half done.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => OrtStatusPtr(ptr::null_mut()),
        Ok(Err(problem)) => problem.into_status(code),
        Err(panic) => {
            let words = format!("{} panicked: {}", super::DOMAIN, words_of(&*panic));
            // To drop it could panic again.
            std::mem::forget(panic);
            status(OrtErrorCode::ORT_RUNTIME_EXCEPTION, &words)
        }
    }
}

/// What a panic says.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

fn status(code: OrtErrorCode, words: &str) -> OrtStatusPtr {
    let words = CString::new(words.replace('\0', " ")).unwrap_or_default();
    // SAFETY: the text is NUL-terminated and lives through the call, which copies it.
    unsafe { (ort::api().CreateStatus)(code, words.as_ptr()) }
}
