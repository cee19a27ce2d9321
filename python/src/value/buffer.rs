//! Objects with the buffer protocol: `bytes`, `bytearray`, `memoryview`, `array.array`, ctypes arrays.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use ortlet::Error;
use ortlet::tensor::{DType, Shape};
use pyo3::ffi;
use pyo3::prelude::*;

use super::input::Input;
use super::memory::Memory;
use super::strided::Strided;
use crate::errors::Outcome;

/// CPython's `Py_buffer`. It is part of the stable interface since 3.11, and looks the same in 3.10.
#[repr(C)]
struct RawBuffer {
    buf: *mut c_void,
    obj: *mut ffi::PyObject,
    len: isize,
    itemsize: isize,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut isize,
    strides: *mut isize,
    suboffsets: *mut isize,
    internal: *mut c_void,
}

/// Read-only or not, with strides and format: `PyBUF_FULL_RO`.
const FLAGS: c_int = 0x011C;

type Get = unsafe extern "C" fn(*mut ffi::PyObject, *mut RawBuffer, c_int) -> c_int;
type Release = unsafe extern "C" fn(*mut RawBuffer);

/// The two functions, which the stable interface of 3.10 lacks though every CPython has them.
struct Functions {
    get: Get,
    release: Release,
}

fn functions() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    FUNCTIONS.get_or_init(find).as_ref()
}

#[cfg(unix)]
fn find() -> Option<Functions> {
    let find = |name: &CStr| {
        // SAFETY: looks for a name among what is loaded.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        (!found.is_null()).then_some(found)
    };
    let (get, release) = (find(c"PyObject_GetBuffer")?, find(c"PyBuffer_Release")?);
    // SAFETY: these are CPython's functions of that name, which have had this form since 3.0.
    unsafe {
        let get = std::mem::transmute::<*mut c_void, Get>(get);
        let release = std::mem::transmute::<*mut c_void, Release>(release);
        Some(Functions { get, release })
    }
}

#[cfg(not(unix))]
fn find() -> Option<Functions> {
    None
}

/// The object's memory as a tensor; `None` if it does not have the protocol.
pub(super) fn read(object: &Bound<'_, PyAny>) -> Outcome<Option<Input>> {
    let Some(functions) = functions() else { return Ok(None) };
    let mut raw = MaybeUninit::<RawBuffer>::zeroed();
    // SAFETY: a valid object and a buffer to fill; a failure leaves an exception, which is cleared.
    let mut raw = unsafe {
        if (functions.get)(object.as_ptr(), raw.as_mut_ptr(), FLAGS) != 0 {
            ffi::PyErr_Clear();
            return Ok(None);
        }
        raw.assume_init()
    };
    let input = input(object, &raw);
    // SAFETY: filled above, and released once. What keeps the memory in place from here on is the memory view in `input`.
    unsafe { (functions.release)(&mut raw) };
    input.map(Some)
}

fn input(object: &Bound<'_, PyAny>, raw: &RawBuffer) -> Outcome<Input> {
    // SAFETY: with these flags there are `ndim` sizes and strides, and a format or NULL for bytes.
    let (format, shape, strides) = unsafe {
        let format = if raw.format.is_null() { c"B" } else { CStr::from_ptr(raw.format) };
        (format, extents(raw.shape, raw.ndim), extents(raw.strides, raw.ndim))
    };
    let format = format.to_str().unwrap_or("?");
    let unknown =
        || Error::unsupported(format!("a buffer of format `{format}`"), "no element type is like it");
    let dtype = dtype(format, raw.itemsize).ok_or_else(unknown)?;
    if !raw.suboffsets.is_null() {
        return Err(Error::unsupported(
            "a buffer of pointers",
            "elements have to lie in one piece of memory",
        )
        .into());
    }
    let shape: Shape = shape.iter().map(|&size| size as usize).collect();
    let strided = Strided { data: raw.buf.cast(), shape: &shape, strides, item_bytes: raw.itemsize as usize };
    if !strided.is_contiguous() {
        // SAFETY: the object says that its elements are there.
        return Input::copied(dtype, shape.clone(), &unsafe { strided.copied() }?);
    }
    // A memory view keeps objects that could grow from moving their memory.
    // SAFETY: a valid object; what is given is a new reference or NULL.
    let view =
        unsafe { Bound::from_owned_ptr_or_opt(object.py(), ffi::PyMemoryView_FromObject(object.as_ptr())) };
    let owner = view.ok_or_else(|| Error::invalid_argument("buffer", "cannot be kept in place"))?;
    // SAFETY: the memory lies there for as long as the view lives.
    let memory = unsafe { Memory::new(raw.buf.cast(), raw.len as usize, raw.readonly == 0, owner.unbind()) };
    Ok(Input::foreign(dtype, shape, memory))
}

unsafe fn extents<'a>(pointer: *const isize, count: c_int) -> &'a [isize] {
    if pointer.is_null() || count <= 0 {
        return &[];
    }
    // SAFETY: as many as the object says.
    unsafe { std::slice::from_raw_parts(pointer, count as usize) }
}

/// The element type of a format of Python's `struct` module.
fn dtype(format: &str, item_bytes: isize) -> Option<DType> {
    let foreign = if cfg!(target_endian = "little") { ['>', '!'] } else { ['<', '<'] };
    if format.starts_with(foreign) && item_bytes > 1 {
        return None;
    }
    let code = format.trim_start_matches(['@', '=', '<', '>', '!']);
    let dtype = match (code, item_bytes) {
        ("?", 1) => DType::Bool,
        ("b", 1) => DType::I8,
        ("B" | "c", 1) => DType::U8,
        ("h" | "i" | "l" | "q" | "n", 2) => DType::I16,
        ("h" | "i" | "l" | "q" | "n", 4) => DType::I32,
        ("h" | "i" | "l" | "q" | "n", 8) => DType::I64,
        ("H" | "I" | "L" | "Q" | "N", 2) => DType::U16,
        ("H" | "I" | "L" | "Q" | "N", 4) => DType::U32,
        ("H" | "I" | "L" | "Q" | "N", 8) => DType::U64,
        ("e", 2) => DType::F16,
        ("f", 4) => DType::F32,
        ("d", 8) => DType::F64,
        ("Zf", 8) => DType::Complex64,
        ("Zd", 16) => DType::Complex128,
        _ => return None,
    };
    Some(dtype)
}
