//! Pointers of the caller's as references, with an error that names the argument where there is none.
//!
//! What each function asks of its pointers is in the crate's documentation; lifetimes end with the call.

use std::ffi::{CStr, c_char};
use std::path::PathBuf;

use ortlet::error::ResultExt;
use ortlet::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a handle, a struct or a variable holds.
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: NULL or valid, see the crate's documentation.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// The same, to be changed.
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: NULL or valid and used by nobody else, see the crate's documentation.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

/// Elements in a row; none of them may be where NULL is.
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check_extent(pointer, count, name)?;
    // SAFETY: as many as the caller says, aligned, and no larger than memory can be.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// The same, to be changed.
pub(crate) unsafe fn slice_mut<'a, T>(pointer: *mut T, count: usize, name: &str) -> Result<&'a mut [T]> {
    if count == 0 {
        return Ok(&mut []);
    }
    check_extent(pointer, count, name)?;
    // SAFETY: as above, and used by nobody else.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, count) })
}

fn check_extent<T>(pointer: *const T, count: usize, name: &str) -> Result<()> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid_argument(name, "is misaligned"));
    }
    match count.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::invalid_argument(name, format!("{count} is too large a count"))),
    }
}

/// A text in UTF-8.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: NULL or a text that ends with a zero byte.
    let text = unsafe { optional_c_str(pointer) }.ok_or_else(|| null(name))?;
    text.to_str().map_err(|error| Error::invalid_argument(name, format!("is not UTF-8: {error}")))
}

/// A text in UTF-8, or none for NULL.
pub(crate) unsafe fn optional_text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller's.
    unsafe { text(pointer, name) }.map(Some)
}

unsafe fn optional_c_str<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, so a text that ends with a zero byte.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) })
}

/// A path: any bytes on Unix, UTF-8 elsewhere.
pub(crate) unsafe fn path(pointer: *const c_char, name: &str) -> Result<PathBuf> {
    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: as the caller's.
        let bytes = unsafe { optional_c_str(pointer) }.ok_or_else(|| null(name))?.to_bytes();
        Ok(PathBuf::from(OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    {
        // SAFETY: as the caller's.
        unsafe { text(pointer, name) }.map(PathBuf::from)
    }
}

/// Options from JSON; the defaults for NULL.
pub(crate) unsafe fn options<T: DeserializeOwned + Default>(pointer: *const c_char, name: &str) -> Result<T> {
    // SAFETY: as the caller's.
    match unsafe { optional_text(pointer, name) }? {
        Some(json) => parsed(json, name),
        None => Ok(T::default()),
    }
}

/// A value from JSON. The error says where in the text it is wrong, and which key is unknown.
pub(crate) fn parsed<'a, T: Deserialize<'a>>(json: &'a str, name: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::invalid_argument(name, error.to_string()))
}

/// Where a handle goes to; NULL until then.
pub(crate) unsafe fn handle_output<'a, T>(pointer: *mut *mut T, name: &str) -> Result<&'a mut *mut T> {
    // SAFETY: as the caller's.
    let output = unsafe { exclusive(pointer, name) }?;
    *output = std::ptr::null_mut();
    Ok(output)
}

/// Gives a handle away.
pub(crate) fn give<T>(output: &mut *mut T, value: T) {
    *output = Box::into_raw(Box::new(value));
}

/// The same for an output that nobody may want.
pub(crate) unsafe fn optional_handle_output<'a, T>(pointer: *mut *mut T) -> Option<&'a mut *mut T> {
    // SAFETY: as the caller's.
    let output = unsafe { pointer.as_mut() }?;
    *output = std::ptr::null_mut();
    Some(output)
}

/// Gives a handle away, if somebody wants it.
pub(crate) fn give_optional<T>(output: Option<&mut *mut T>, value: T) {
    if let Some(output) = output {
        give(output, value);
    }
}

/// Says which element of an array is wrong.
pub(crate) fn at<T>(result: Result<T>, name: &str, index: usize) -> Result<T> {
    result.with_context(|| format!("{name}[{index}]"))
}

fn null(name: &str) -> Error {
    Error::invalid_argument(name, "is NULL")
}
