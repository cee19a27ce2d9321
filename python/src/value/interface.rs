//! Objects that tell where their memory is by NumPy's `__array_interface__`.

use ortlet::Error;
use ortlet::tensor::{DType, Shape};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::input::Input;
use super::memory::Memory;
use super::strided::Strided;
use crate::errors::Outcome;

/// The object's memory as a tensor; `None` if it does not tell.
pub(super) fn read(object: &Bound<'_, PyAny>) -> Outcome<Option<Input>> {
    let py = object.py();
    let Some(interface) = object.getattr_opt(intern!(py, "__array_interface__"))? else { return Ok(None) };
    let wrong = |reason: &str| Error::invalid_argument("__array_interface__", reason);
    let interface = interface.cast_into::<PyDict>().map_err(|_| wrong("is no dict"))?;
    let entry = |name: &str| interface.get_item(name).map(|entry| entry.filter(|entry| !entry.is_none()));
    let typestr: String = entry("typestr")?.ok_or_else(|| wrong("has no `typestr`"))?.extract()?;
    let shape: Vec<usize> = entry("shape")?.ok_or_else(|| wrong("has no `shape`"))?.extract()?;
    let Some((address, is_read_only)) = entry("data")?.and_then(|data| data.extract::<(usize, bool)>().ok())
    else {
        return Err(wrong("has no address in `data`").into());
    };
    let dtype = dtype(&typestr).ok_or_else(|| {
        Error::unsupported(format!("an array of `{typestr}`"), "no element type is like it")
    })?;
    let item_bytes = dtype.bits() as usize / 8;
    let shape = Shape::from(shape);
    let size_bytes = dtype.size_bytes(shape.element_count()?)?;
    if address == 0 && size_bytes > 0 {
        return Err(wrong("leads to nothing").into());
    }
    let data = address as *mut u8;
    if let Some(strides) = entry("strides")? {
        let strides: Vec<isize> = strides.extract()?;
        if strides.len() != shape.rank() {
            return Err(wrong("has not a stride for each dimension").into());
        }
        let strided = Strided { data, shape: &shape, strides: &strides, item_bytes };
        if !strided.is_contiguous() {
            // SAFETY: the object says that its elements are there.
            let bytes = unsafe { strided.copied() }?;
            return Input::copied(dtype, shape, &bytes).map(Some);
        }
    }
    // SAFETY: the object says so, and that they stay there while it lives.
    let memory = unsafe { Memory::new(data, size_bytes, !is_read_only, object.clone().unbind()) };
    Ok(Some(Input::foreign(dtype, shape, memory)))
}

fn dtype(typestr: &str) -> Option<DType> {
    let foreign = if cfg!(target_endian = "little") { '>' } else { '<' };
    if typestr.starts_with(foreign) {
        return None;
    }
    let dtype = match typestr.get(1..)? {
        "b1" => DType::Bool,
        "i1" => DType::I8,
        "u1" => DType::U8,
        "i2" => DType::I16,
        "u2" => DType::U16,
        "i4" => DType::I32,
        "u4" => DType::U32,
        "i8" => DType::I64,
        "u8" => DType::U64,
        "f2" => DType::F16,
        "f4" => DType::F32,
        "f8" => DType::F64,
        "c8" => DType::Complex64,
        "c16" => DType::Complex128,
        _ => return None,
    };
    Some(dtype)
}

/// What the interface calls a type; `None` for those that it lacks.
pub(crate) fn typestr(wanted: DType) -> Option<&'static str> {
    const NATIVE: [&str; 14] =
        ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"];
    NATIVE.into_iter().find(|typestr| dtype(typestr) == Some(wanted))
}
