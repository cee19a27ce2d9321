//! DLPack: tensors of other libraries in, and out to them. The layouts are those of DLPack's header, versions 0 and 1.

use std::ffi::{CStr, c_void};
use std::ptr::null_mut;

use ortlet::Error;
use ortlet::tensor::{DType, Shape};
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{ffi, intern};

use super::input::Input;
use super::memory::Memory;
use super::strided::Strided;
use crate::errors::Outcome;
use crate::tensor::PyTensor;

const PLAIN: &CStr = c"dltensor";
const VERSIONED: &CStr = c"dltensor_versioned";
const CPU: i32 = 1;
/// Memory of the host that a device can reach too.
const PINNED: i32 = 3;
const READ_ONLY: u64 = 1;

#[repr(C)]
struct Device {
    device_type: i32,
    device_id: i32,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

#[repr(C)]
struct RawTensor {
    data: *mut c_void,
    device: Device,
    ndim: i32,
    dtype: DataType,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct Managed {
    tensor: RawTensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Managed)>,
}

#[repr(C)]
struct ManagedVersioned {
    version: [u32; 2],
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut ManagedVersioned)>,
    flags: u64,
    tensor: RawTensor,
}

/// Code and bits of each type that DLPack has and ONNX too, one element in a place of its own.
const TYPES: [(DType, u8, u8); 20] = [
    (DType::I8, 0, 8),
    (DType::I16, 0, 16),
    (DType::I32, 0, 32),
    (DType::I64, 0, 64),
    (DType::U8, 1, 8),
    (DType::U16, 1, 16),
    (DType::U32, 1, 32),
    (DType::U64, 1, 64),
    (DType::F16, 2, 16),
    (DType::F32, 2, 32),
    (DType::F64, 2, 64),
    (DType::BF16, 4, 16),
    (DType::Complex64, 5, 64),
    (DType::Complex128, 5, 128),
    (DType::Bool, 6, 8),
    (DType::F8E4M3FN, 10, 8),
    (DType::F8E4M3FNUZ, 11, 8),
    (DType::F8E5M2, 12, 8),
    (DType::F8E5M2FNUZ, 13, 8),
    (DType::F8E8M0, 14, 8),
];

/// The object's memory as a tensor; `None` if it does not have the protocol.
pub(super) fn read(object: &Bound<'_, PyAny>) -> Outcome<Option<Input>> {
    let py = object.py();
    let Some(export) = object.getattr_opt(intern!(py, "__dlpack__"))? else { return Ok(None) };
    if let Some(device) = object.getattr_opt(intern!(py, "__dlpack_device__"))? {
        let (kind, _): (i32, i32) = device.call0()?.extract()?;
        if !matches!(kind, CPU | PINNED) {
            let reason = format!("it lies on a device (number {kind} of DLPack's); move it to the CPU");
            return Err(Error::unsupported("a tensor", reason).into());
        }
    }
    let versions = PyDict::new(py);
    versions.set_item(intern!(py, "max_version"), (1, 0))?;
    let capsule = match export.call((), Some(&versions)) {
        Err(error) if error.is_instance_of::<PyTypeError>(py) => export.call0()?,
        other => other?,
    };
    let taken =
        Taken::from(&capsule).ok_or_else(|| Error::invalid_argument("__dlpack__", "gave no tensor"))?;
    let taken = Bound::new(py, taken)?;
    let (raw, is_writable) = taken.get().tensor();
    input(raw, is_writable, taken.clone().into_any()).map(Some)
}

/// A struct that was taken out of a capsule, and goes with this.
#[pyclass(frozen, module = "ortlet._ortlet")]
struct Taken(Form);

enum Form {
    Plain(*mut Managed),
    Versioned(*mut ManagedVersioned),
}

// SAFETY: DLPack's deleters may be called on any thread.
unsafe impl Send for Taken {}
// SAFETY: what it leads to is only read.
unsafe impl Sync for Taken {}

impl Taken {
    /// What is in a capsule that nobody has taken yet. Its new name tells others that somebody has.
    fn from(capsule: &Bound<'_, PyAny>) -> Option<Self> {
        let pointer = capsule.as_ptr();
        // SAFETY: a capsule of that name holds such a struct, which belongs to whoever renames it.
        unsafe {
            if ffi::PyCapsule_IsValid(pointer, PLAIN.as_ptr()) != 0 {
                let managed = ffi::PyCapsule_GetPointer(pointer, PLAIN.as_ptr()).cast::<Managed>();
                ffi::PyCapsule_SetName(pointer, c"used_dltensor".as_ptr());
                return Some(Self(Form::Plain(managed)));
            }
            if ffi::PyCapsule_IsValid(pointer, VERSIONED.as_ptr()) != 0 {
                let managed =
                    ffi::PyCapsule_GetPointer(pointer, VERSIONED.as_ptr()).cast::<ManagedVersioned>();
                if (*managed).version[0] > 1 {
                    return None;
                }
                ffi::PyCapsule_SetName(pointer, c"used_dltensor_versioned".as_ptr());
                return Some(Self(Form::Versioned(managed)));
            }
        }
        None
    }

    /// The tensor, and whether it may be written.
    fn tensor(&self) -> (&RawTensor, bool) {
        // SAFETY: the struct lives until it is deleted below.
        unsafe {
            match self.0 {
                Form::Plain(managed) => (&(*managed).tensor, true),
                Form::Versioned(managed) => (&(*managed).tensor, (*managed).flags & READ_ONLY == 0),
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: taken once, so deleted once.
        unsafe {
            match self.0 {
                Form::Plain(managed) => {
                    if let Some(delete) = (*managed).deleter {
                        delete(managed);
                    }
                }
                Form::Versioned(managed) => {
                    if let Some(delete) = (*managed).deleter {
                        delete(managed);
                    }
                }
            }
        }
    }
}

fn input(raw: &RawTensor, is_writable: bool, owner: Bound<'_, PyAny>) -> Outcome<Input> {
    let is_same = |row: &&(DType, u8, u8)| (row.1, row.2) == (raw.dtype.code, raw.dtype.bits);
    let dtype =
        TYPES.iter().find(is_same).filter(|_| raw.dtype.lanes == 1).map(|row| row.0).ok_or_else(|| {
            let what = format!("a tensor of DLPack's type {} with {} bits", raw.dtype.code, raw.dtype.bits);
            Error::unsupported(what, "no element type is like it")
        })?;
    let rank = usize::try_from(raw.ndim).ok().filter(|&rank| rank == 0 || !raw.shape.is_null());
    let rank = rank.ok_or_else(|| Error::invalid_argument("__dlpack__", "gave a tensor without a shape"))?;
    // SAFETY: there are `ndim` sizes, and as many strides unless that is NULL.
    let (sizes, strides) = unsafe {
        let sizes: &[i64] = if rank == 0 { &[] } else { std::slice::from_raw_parts(raw.shape, rank) };
        let strides =
            (rank > 0 && !raw.strides.is_null()).then(|| std::slice::from_raw_parts(raw.strides, rank));
        (sizes, strides)
    };
    if sizes.iter().any(|&size| size < 0) {
        return Err(Error::invalid_argument("__dlpack__", "gave a tensor with a negative size").into());
    }
    let shape: Shape = sizes.iter().map(|&size| size as usize).collect();
    let item_bytes = dtype.bits() as usize / 8;
    let data = raw.data.cast::<u8>().wrapping_add(raw.byte_offset as usize);
    if let Some(strides) = strides {
        let strides: Vec<isize> =
            strides.iter().map(|&stride| stride as isize * item_bytes as isize).collect();
        let strided = Strided { data, shape: &shape, strides: &strides, item_bytes };
        if !strided.is_contiguous() {
            // SAFETY: whoever made the tensor says that its elements are there.
            let bytes = unsafe { strided.copied() }?;
            return Input::copied(dtype, shape, &bytes);
        }
    }
    let size_bytes = dtype.size_bytes(shape.element_count()?)?;
    // SAFETY: as above, for as long as the owner lives.
    let memory = unsafe { Memory::new(data, size_bytes, is_writable, owner.unbind()) };
    Ok(Input::foreign(dtype, shape, memory))
}

/// What a struct that was given away leads to.
struct Context {
    sizes: Vec<i64>,
    _tensor: Py<PyTensor>,
}

/// A tensor for others, in a capsule that they take over. `is_versioned`: they know version 1.
pub(crate) fn export<'py>(tensor: &Bound<'py, PyTensor>, is_versioned: bool) -> Outcome<Bound<'py, PyAny>> {
    let own = &tensor.get().tensor;
    let row = TYPES.iter().find(|row| row.0 == own.dtype());
    let (Some(&(_, code, bits)), Some(bytes)) = (row, own.bytes()) else {
        return Err(PyBufferError::new_err(format!("DLPack has no tensors of {}", own.dtype())).into());
    };
    let sizes = own.shape().iter().map(|&size| size as i64).collect();
    let mut context = Box::new(Context { sizes, _tensor: tensor.clone().unbind() });
    let raw = RawTensor {
        data: bytes.as_ptr().cast_mut().cast(),
        device: Device { device_type: CPU, device_id: 0 },
        ndim: own.shape().rank() as i32,
        dtype: DataType { code, bits, lanes: 1 },
        shape: context.sizes.as_mut_ptr(),
        strides: null_mut(),
        byte_offset: 0,
    };
    let context = Box::into_raw(context).cast();
    let (pointer, name, destructor) = if is_versioned {
        let managed = ManagedVersioned {
            version: [1, 0],
            context,
            deleter: Some(delete_versioned),
            flags: READ_ONLY,
            tensor: raw,
        };
        (Box::into_raw(Box::new(managed)).cast(), VERSIONED, destroy_versioned as ffi::PyCapsule_Destructor)
    } else {
        let managed = Managed { tensor: raw, context, deleter: Some(delete) };
        (Box::into_raw(Box::new(managed)).cast::<c_void>(), PLAIN, destroy as ffi::PyCapsule_Destructor)
    };
    // SAFETY: a struct of that name, which the destructor frees unless somebody takes it over.
    let capsule = unsafe { ffi::PyCapsule_New(pointer, name.as_ptr(), Some(destructor)) };
    // SAFETY: a new reference, or NULL with an exception.
    Ok(unsafe { Bound::from_owned_ptr_or_err(tensor.py(), capsule) }?)
}

unsafe extern "C" fn delete(managed: *mut Managed) {
    // SAFETY: made by `export`, deleted once.
    unsafe { drop_context(Box::from_raw(managed).context) }
}

unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    // SAFETY: as above.
    unsafe { drop_context(Box::from_raw(managed).context) }
}

unsafe fn drop_context(context: *mut c_void) {
    // SAFETY: as the callers'. The tensor may be dropped on any thread.
    drop(unsafe { Box::from_raw(context.cast::<Context>()) });
}

unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule that was taken over has another name by now.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, PLAIN.as_ptr()) != 0 {
            delete(ffi::PyCapsule_GetPointer(capsule, PLAIN.as_ptr()).cast());
        }
    }
}

unsafe extern "C" fn destroy_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: as above.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, VERSIONED.as_ptr()) != 0 {
            delete_versioned(ffi::PyCapsule_GetPointer(capsule, VERSIONED.as_ptr()).cast());
        }
    }
}
