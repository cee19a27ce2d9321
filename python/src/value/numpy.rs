//! NumPy's arrays, read where they lie and made without a copy. NumPy is imported when it is first needed, not before.

use std::ffi::{c_int, c_long, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use numpy::npyffi::objects::PyArrayObject;
use numpy::npyffi::{NpyTypes, PY_ARRAY_API, get_type_object, npy_intp};
use ortlet::Error;
use ortlet::tensor::{DType, Shape};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{ffi, intern};
use smallvec::SmallVec;

use super::input::Input;
use super::list;
use super::memory::Memory;
use super::strided::Strided;
use crate::errors::Outcome;

// NumPy's flags and numbers of types, which are part of its binary interface.
const C_CONTIGUOUS: c_int = 0x0001;
const WRITEABLE: c_int = 0x0400;
const CARRAY: c_int = 0x0501;
const CARRAY_RO: c_int = 0x0101;
const LONG: c_int = 7;
const ULONG: c_int = 8;
const OBJECT: c_int = 17;
const BYTES: c_int = 18;
const UNICODE: c_int = 19;
/// Variable-width texts, since NumPy 2.
const VSTRING: c_int = 2056;

/// `numpy.ndarray`, once NumPy is known to be loaded.
static NDARRAY: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(std::ptr::null_mut());

/// Whether NumPy is there to make arrays with; imports it.
fn is_available(py: Python<'_>) -> PyResult<bool> {
    static AVAILABLE: PyOnceLock<bool> = PyOnceLock::new();
    AVAILABLE
        .get_or_try_init(py, || match py.import(intern!(py, "numpy")) {
            Ok(_) => Ok(true),
            Err(error) if error.is_instance_of::<PyImportError>(py) => Ok(false),
            Err(error) => Err(error),
        })
        .copied()
}

/// Whether arrays can be made; imports NumPy.
pub(crate) fn has_numpy(py: Python<'_>) -> PyResult<bool> {
    // What was imported by itself is not looked for again.
    Ok(is_loaded(py)? || is_available(py)? && is_loaded(py)?)
}

/// Whether somebody has imported NumPy.
pub(super) fn is_loaded(py: Python<'_>) -> PyResult<bool> {
    if !NDARRAY.load(Ordering::Relaxed).is_null() {
        return Ok(true);
    }
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    if !modules.contains(intern!(py, "numpy"))? || !is_available(py)? {
        return Ok(false);
    }
    // SAFETY: NumPy is loaded, so its table of functions and types is there for good.
    let ndarray = unsafe { get_type_object(py, NpyTypes::PyArray_Type) };
    NDARRAY.store(ndarray, Ordering::Relaxed);
    Ok(true)
}

/// The array's memory as a tensor; `None` if the object is no array.
pub(super) fn read(object: &Bound<'_, PyAny>) -> Outcome<Option<Input>> {
    if !is_loaded(object.py())? {
        return Ok(None);
    }
    let ndarray = NDARRAY.load(Ordering::Relaxed);
    // SAFETY: both are valid types.
    let is_array = unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), ndarray) != 0 };
    if !is_array {
        return Ok(None);
    }
    // SAFETY: an instance of `ndarray`, whose layout is NumPy's binary interface.
    let fields = unsafe { &(*object.as_ptr().cast::<PyArrayObject>()).fields };
    // SAFETY: every array has a description.
    let description = unsafe { &(*fields.descr).fields };
    if matches!(description.type_num, OBJECT | BYTES | UNICODE | VSTRING) {
        return list::string_array(object).map(Some);
    }
    if !is_native(description.byteorder as u8) {
        let reason = "its bytes are in the other order than this processor's; see `astype`";
        return Err(Error::unsupported("a NumPy array", reason).into());
    }
    let Some(dtype) = known_dtype(description.type_num).or_else(|| named_dtype(object)) else {
        let name = object.getattr(intern!(object.py(), "dtype"))?.to_string();
        let what = format!("a NumPy array of {name}");
        return Err(Error::unsupported(what, "no element type is like it").into());
    };
    // SAFETY: there are `nd` sizes and strides.
    let (dims, strides) =
        unsafe { (extents(fields.dimensions, fields.nd), extents(fields.strides, fields.nd)) };
    let shape: Shape = dims.iter().map(|&size| size as usize).collect();
    // One byte each in memory; the library wants them packed.
    let item_bytes = if dtype.is_packed() { 1 } else { dtype.bits() as usize / 8 };
    let strided = Strided { data: fields.data.cast(), shape: &shape, strides, item_bytes };
    if dtype.is_packed() || fields.flags & C_CONTIGUOUS == 0 && !strided.is_contiguous() {
        // SAFETY: NumPy keeps every element of an array inside of its memory.
        let bytes = unsafe { strided.copied() }?;
        return Input::copied(dtype, shape, &bytes).map(Some);
    }
    let size_bytes = dims.iter().product::<isize>() as usize * item_bytes;
    let is_writable = fields.flags & WRITEABLE != 0;
    // SAFETY: NumPy does not move the memory of an array that somebody else holds.
    let memory = unsafe { Memory::new(fields.data.cast(), size_bytes, is_writable, object.clone().unbind()) };
    Ok(Some(Input::foreign(dtype, shape, memory)))
}

unsafe fn extents<'a>(pointer: *const npy_intp, count: c_int) -> &'a [isize] {
    // SAFETY: as many as the array says.
    if count <= 0 { &[] } else { unsafe { std::slice::from_raw_parts(pointer, count as usize) } }
}

fn is_native(byte_order: u8) -> bool {
    byte_order != if cfg!(target_endian = "little") { b'>' } else { b'<' }
}

fn known_dtype(type_num: c_int) -> Option<DType> {
    let long = size_of::<c_long>() == 8;
    let dtype = match type_num {
        0 => DType::Bool,
        1 => DType::I8,
        2 => DType::U8,
        3 => DType::I16,
        4 => DType::U16,
        5 => DType::I32,
        6 => DType::U32,
        LONG if long => DType::I64,
        LONG => DType::I32,
        ULONG if long => DType::U64,
        ULONG => DType::U32,
        9 => DType::I64,
        10 => DType::U64,
        11 => DType::F32,
        12 => DType::F64,
        14 => DType::Complex64,
        15 => DType::Complex128,
        23 => DType::F16,
        _ => return None,
    };
    Some(dtype)
}

/// Types of `ml_dtypes` have the library's names.
fn named_dtype(array: &Bound<'_, PyAny>) -> Option<DType> {
    let py = array.py();
    let name = array.getattr(intern!(py, "dtype")).ok()?.getattr(intern!(py, "name")).ok()?;
    DType::from_name(&name.extract::<String>().ok()?)
}

/// NumPy's number for a type that it has itself.
fn type_num(dtype: DType) -> Option<c_int> {
    (0..24).find(|&number| known_dtype(number) == Some(dtype))
}

/// Numbers of types by the library's own numbers, found once.
fn type_nums() -> &'static [Option<c_int>] {
    static TABLE: OnceLock<Vec<Option<c_int>>> = OnceLock::new();
    TABLE.get_or_init(|| DType::all().map(type_num).collect())
}

/// The type of `ml_dtypes` with the library's name, if that package is there.
fn ml_dtype<'py>(py: Python<'py>, dtype: DType) -> PyResult<Option<Bound<'py, PyAny>>> {
    match py.import(intern!(py, "ml_dtypes")) {
        Ok(module) => match module.getattr(dtype.name()) {
            Ok(class) => {
                py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "dtype"), (class,)).map(Some)
            }
            Err(_) => Ok(None),
        },
        Err(error) if error.is_instance_of::<PyImportError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What NumPy calls the type; `None` if neither NumPy nor `ml_dtypes` has it.
fn description<'py>(py: Python<'py>, dtype: DType) -> PyResult<Option<Bound<'py, PyAny>>> {
    match type_nums()[dtype as usize] {
        // SAFETY: a number of NumPy's own; what is given is a new reference or NULL with an exception.
        Some(number) => unsafe {
            let found = PY_ARRAY_API.PyArray_DescrFromType(py, number);
            Bound::from_owned_ptr_or_err(py, found.cast()).map(Some)
        },
        None => ml_dtype(py, dtype),
    }
}

/// Whether there is NumPy, and it or `ml_dtypes` has the type.
pub(crate) fn has_array_type(py: Python<'_>, dtype: DType) -> PyResult<bool> {
    Ok(has_numpy(py)? && description(py, dtype)?.is_some())
}

/// An array of memory that `owner` keeps in place; `None` if NumPy has no such type. NumPy has to be available.
///
/// # Safety
/// `data` leads to the elements of `shape`, one in each byte if the type is packed, for as long as `owner` lives, and may
/// be written if `is_writable`.
pub(crate) unsafe fn array_in_place<'py>(
    dtype: DType,
    shape: &Shape,
    data: *mut u8,
    is_writable: bool,
    owner: Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = owner.py();
    let Some(description) = description(py, dtype)? else { return Ok(None) };
    let mut dims: SmallVec<[npy_intp; 6]> = shape.iter().map(|&size| size as npy_intp).collect();
    let flags = if is_writable { CARRAY } else { CARRAY_RO };
    // SAFETY: the caller's memory, in row-major order. The call takes over the description, the array the owner.
    unsafe {
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            get_type_object(py, NpyTypes::PyArray_Type),
            description.into_ptr().cast(),
            dims.len() as c_int,
            dims.as_mut_ptr(),
            std::ptr::null_mut(),
            data.cast::<c_void>(),
            flags,
            std::ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        if PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), owner.into_ptr()) < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Some(array))
    }
}

/// An array of texts, as Python's own.
pub(super) fn array_of_strings<'py>(
    py: Python<'py>,
    shape: &Shape,
    strings: &[String],
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = py.import(intern!(py, "numpy"))?;
    let object = py.get_type::<PyAny>();
    let flat = numpy.call_method1(intern!(py, "empty"), (strings.len(), object))?;
    flat.set_item(pyo3::types::PySlice::full(py), strings)?;
    flat.call_method1(intern!(py, "reshape"), (shape.dims(),))
}

/// `numpy.asarray` of an object that can make itself an array.
pub(super) fn converted<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    if object.is_instance_of::<PyType>() || !object.hasattr(intern!(py, "__array__"))? || !is_available(py)? {
        return Ok(None);
    }
    py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "asarray"), (object,)).map(Some)
}
