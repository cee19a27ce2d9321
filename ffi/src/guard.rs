//! The border: no panic crosses it, and every failure becomes a number and an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ortlet::{Error, Result};

use crate::error::ortlet_error;
use crate::status::{ORTLET_OK, ortlet_status};

/// Does what a function is for. A failure is stored where `error` points, unless that is NULL.
pub(crate) unsafe fn guard(
    error: *mut *mut ortlet_error,
    body: impl FnOnce() -> Result<()>,
) -> ortlet_status {
    // SAFETY: NULL or the caller's variable; see the crate's documentation.
    let error = unsafe { error.as_mut() };
    let result = caught(body);
    let made = result.as_ref().err().map(ortlet_error::new);
    if let Some(error) = error {
        *error = made.map_or(std::ptr::null_mut(), Box::into_raw);
    }
    result.err().map_or(ORTLET_OK, |error| error.code() as u32)
}

/// Does something, a panic being an error.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic left half done is only what the call itself was making: handles keep their state in types of the
    // Rust library, which are safe to use after a panic.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("a panic: {}", text.unwrap_or("of unknown cause")))
}

/// Ends the life of a handle; does nothing with NULL.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if handle.is_null() {
        return;
    }
    // SAFETY: made by `Box::into_raw` in this crate and freed once; see the crate's documentation.
    let handle = unsafe { Box::from_raw(handle) };
    // There is nobody to tell, and what could not be dropped is lost.
    let _ = caught(|| {
        drop(handle);
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;
    use crate::error::{ortlet_error_code, ortlet_error_details, ortlet_error_free};
    use crate::status::{ORTLET_CANCELLED, ORTLET_INTERNAL};

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let mut error = null_mut();
        // SAFETY: `error` is a variable of this function.
        let status = unsafe { guard(&mut error, || panic!("the cat walked over it")) };
        assert_eq!(status, ORTLET_INTERNAL);
        // SAFETY: made by the call above.
        unsafe {
            assert_eq!(ortlet_error_code(error), ORTLET_INTERNAL);
            let details = std::ffi::CStr::from_ptr(ortlet_error_details(error)).to_str().unwrap();
            assert!(details.contains("the cat walked over it"), "{details}");
            ortlet_error_free(error);
        }
    }

    #[test]
    fn an_error_needs_nobody_to_take_it() {
        let failed = || Err(ortlet::ErrorKind::Cancelled.into());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { guard(null_mut(), failed) }, ORTLET_CANCELLED);
        // SAFETY: as above.
        assert_eq!(unsafe { guard(null_mut(), || Ok(())) }, ORTLET_OK);
    }
}
