//! Text in and out of ONNX Runtime.

use std::ffi::{CStr, CString, c_char};

use ort::sys::OrtAllocator;

use crate::engine::runtime::status::check;
use crate::{Error, Result};

/// A NUL-terminated copy; `argument` is named in the error.
///
/// # Errors
/// `invalid_argument` if the text holds a NUL.
pub(super) fn c_string(argument: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid_argument(argument, "holds a NUL character"))
}

/// Keys and values as two arrays of C strings, in the form that options take.
pub(super) struct KeyValues {
    keys: Vec<CString>,
    values: Vec<CString>,
}

impl KeyValues {
    pub(super) fn new<'a>(
        argument: &str,
        pairs: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (key, value) in pairs {
            keys.push(c_string(argument, key)?);
            values.push(c_string(argument, value)?);
        }
        Ok(Self { keys, values })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key_pointers(&self) -> Vec<*const c_char> {
        self.keys.iter().map(|key| key.as_ptr()).collect()
    }

    pub(super) fn value_pointers(&self) -> Vec<*const c_char> {
        self.values.iter().map(|value| value.as_ptr()).collect()
    }
}

/// ONNX Runtime's default allocator, which lives as long as the library.
pub(super) fn default_allocator() -> Result<*mut OrtAllocator> {
    let mut allocator = std::ptr::null_mut();
    // SAFETY: the out pointer is valid.
    check(unsafe { (ort::api().GetAllocatorWithDefaultOptions)(&mut allocator) }, "get its allocator")?;
    Ok(allocator)
}

/// Copies a string that ONNX Runtime allocated with its default allocator, and frees it.
///
/// # Safety
/// `text` must be NUL-terminated, from the default allocator, and not used again.
pub(super) unsafe fn take_string(text: *mut c_char) -> Result<String> {
    let allocator = default_allocator()?;
    // SAFETY: by the contract of this function.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        check((ort::api().AllocatorFree)(allocator, text.cast()), "free a string")?;
        Ok(copy)
    }
}
