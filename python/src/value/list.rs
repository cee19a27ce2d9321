//! Numbers and texts of Python's, alone and in nested lists, as tensors of a type that is known.

use ortlet::Error;
use ortlet::tensor::{
    DType, Element, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, MAX_RANK, Shape, Tensor, pack,
};
use pyo3::exceptions::PyOverflowError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::input::Input;
use crate::errors::{Failure, Outcome};

/// Whether the object is a number or text of Python's own, or a list that begins with one, however deep.
pub(crate) fn is_literal(object: &Bound<'_, PyAny>) -> bool {
    if is_scalar(object) {
        return true;
    }
    let mut inner = object.clone();
    for _ in 0..=MAX_RANK {
        inner = match first(&inner) {
            Some(Some(first)) => first,
            Some(None) => return true,
            None => return is_scalar(&inner) || is_numpy_scalar(&inner),
        };
    }
    // Too deep for a tensor, which is told when it is read.
    true
}

fn is_scalar(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyComplex>()
}

/// A number or text of NumPy's. By itself it is a tensor of its own type; in a list it is an element.
pub(super) fn is_numpy_scalar(object: &Bound<'_, PyAny>) -> bool {
    let is_generic = || -> PyResult<bool> {
        let py = object.py();
        if !super::numpy::is_loaded(py)? {
            return Ok(false);
        }
        object.is_instance(&py.import(intern!(py, "numpy"))?.getattr(intern!(py, "generic"))?)
    };
    is_generic().unwrap_or(false)
}

/// The first item of a list or tuple; `None` if it is neither.
fn first<'py>(object: &Bound<'py, PyAny>) -> Option<Option<Bound<'py, PyAny>>> {
    if let Ok(list) = object.cast::<PyList>() {
        return Some(list.iter().next());
    }
    object.cast::<PyTuple>().ok().map(|tuple| tuple.iter().next())
}

/// The tensor that the nested lists are.
pub(crate) fn nested_list(object: &Bound<'_, PyAny>, dtype: DType) -> Outcome<Tensor> {
    let mut shape = Vec::new();
    let mut level = Some(object.clone());
    while let Some(list) = level.filter(|list| first(list).is_some()) {
        shape.push(list.len()?);
        level = first(&list).flatten();
        if shape.len() > MAX_RANK {
            return Err(Error::limit_exceeded("rank", MAX_RANK as u64, shape.len() as u64).into());
        }
    }
    let mut leaves = Vec::new();
    flatten(object, &shape, &mut leaves)?;
    tensor(&leaves, dtype, Shape::from(shape))
}

fn flatten<'py>(
    object: &Bound<'py, PyAny>,
    shape: &[usize],
    leaves: &mut Vec<Bound<'py, PyAny>>,
) -> Outcome<()> {
    let Some((&size, inner)) = shape.split_first() else {
        leaves.push(object.clone());
        return Ok(());
    };
    let is_list = first(object).is_some();
    if !is_list || object.len()? != size {
        return Err(Error::invalid_argument("list", "its rows are not all of the same length").into());
    }
    for item in object.try_iter()? {
        flatten(&item?, inner, leaves)?;
    }
    Ok(())
}

fn tensor(leaves: &[Bound<'_, PyAny>], dtype: DType, shape: Shape) -> Outcome<Tensor> {
    match dtype {
        DType::F32 => elements(leaves, dtype, shape, |leaf| Ok(leaf.extract::<f64>()? as f32)),
        DType::F64 => elements(leaves, dtype, shape, |leaf| leaf.extract::<f64>()),
        DType::F16 => elements(leaves, dtype, shape, |leaf| Ok(half::f16::from_f64(leaf.extract()?))),
        DType::BF16 => elements(leaves, dtype, shape, |leaf| Ok(half::bf16::from_f32(odd_f32(leaf)?))),
        DType::I8 => elements(leaves, dtype, shape, |leaf| leaf.extract::<i8>()),
        DType::I16 => elements(leaves, dtype, shape, |leaf| leaf.extract::<i16>()),
        DType::I32 => elements(leaves, dtype, shape, |leaf| leaf.extract::<i32>()),
        DType::I64 => elements(leaves, dtype, shape, |leaf| leaf.extract::<i64>()),
        DType::U8 => elements(leaves, dtype, shape, |leaf| leaf.extract::<u8>()),
        DType::U16 => elements(leaves, dtype, shape, |leaf| leaf.extract::<u16>()),
        DType::U32 => elements(leaves, dtype, shape, |leaf| leaf.extract::<u32>()),
        DType::U64 => elements(leaves, dtype, shape, |leaf| leaf.extract::<u64>()),
        DType::Bool => elements(leaves, dtype, shape, |leaf| leaf.extract::<bool>()),
        DType::String => Ok(Tensor::from_strings(shape, strings(leaves)?)?),
        DType::F8E4M3FN => elements(leaves, dtype, shape, |leaf| Ok(F8E4M3FN::from_f32(odd_f32(leaf)?))),
        DType::F8E4M3FNUZ => elements(leaves, dtype, shape, |leaf| Ok(F8E4M3FNUZ::from_f32(odd_f32(leaf)?))),
        DType::F8E5M2 => elements(leaves, dtype, shape, |leaf| Ok(F8E5M2::from_f32(odd_f32(leaf)?))),
        DType::F8E5M2FNUZ => elements(leaves, dtype, shape, |leaf| Ok(F8E5M2FNUZ::from_f32(odd_f32(leaf)?))),
        DType::I4 | DType::I2 | DType::U4 | DType::U2 => {
            let small = |leaf: &Bound<'_, PyAny>| match dtype {
                DType::I4 | DType::I2 => leaf.extract::<i8>().map(|value| value as u8),
                _ => leaf.extract::<u8>(),
            };
            let values = numbers(leaves, dtype, small)?;
            Ok(Tensor::from_bytes(dtype, shape, &pack(dtype, &values)?)?)
        }
        _ => Err(Error::unsupported(format!("a list as {dtype}"), "give an array or raw bytes").into()),
    }
}

/// A number rounded to odd: what is rounded again, to fewer bits, then is what rounding once would have given.
/// (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008.)
fn odd_f32(leaf: &Bound<'_, PyAny>) -> PyResult<f32> {
    let exact: f64 = leaf.extract()?;
    let nearest = exact as f32;
    if f64::from(nearest) == exact || !nearest.is_finite() || nearest.to_bits() & 1 == 1 {
        return Ok(nearest);
    }
    // The neighbour on the other side of the number has an odd last bit.
    let away = f64::from(nearest).abs() < exact.abs();
    let bits = nearest.to_bits();
    Ok(f32::from_bits(if away { bits + 1 } else { bits.wrapping_sub(1) }))
}

fn elements<T: Element>(
    leaves: &[Bound<'_, PyAny>],
    dtype: DType,
    shape: Shape,
    element: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>,
) -> Outcome<Tensor> {
    Ok(Tensor::from_vec(shape, numbers(leaves, dtype, element)?)?)
}

fn numbers<T>(
    leaves: &[Bound<'_, PyAny>],
    dtype: DType,
    element: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>,
) -> Outcome<Vec<T>> {
    let read = |leaf: &Bound<'_, PyAny>| element(leaf).map_err(|error| unfit(leaf, dtype, &error));
    leaves.iter().map(read).collect()
}

fn unfit(leaf: &Bound<'_, PyAny>, dtype: DType, error: &PyErr) -> Failure {
    let shown = leaf.repr().map_or_else(|_| "?".into(), |text| text.to_string());
    match error.is_instance_of::<PyOverflowError>(leaf.py()) {
        true => Error::invalid_argument("list", format!("{shown} does not fit into {dtype}")).into(),
        false => Error::tensor_mismatch("list", dtype, shown).into(),
    }
}

fn strings(leaves: &[Bound<'_, PyAny>]) -> Outcome<Vec<String>> {
    let text = |leaf: &Bound<'_, PyAny>| -> Outcome<String> {
        if let Ok(text) = leaf.cast::<PyString>() {
            return Ok(text.to_str()?.to_owned());
        }
        let bytes =
            leaf.cast::<PyBytes>().ok().and_then(|bytes| String::from_utf8(bytes.as_bytes().to_vec()).ok());
        let name = leaf.get_type().qualname()?;
        bytes.ok_or_else(|| Error::tensor_mismatch("text", "str, or bytes of UTF-8", name).into())
    };
    leaves.iter().map(text).collect()
}

/// An array of NumPy's whose elements are texts.
pub(super) fn string_array(array: &Bound<'_, PyAny>) -> Outcome<Input> {
    let py = array.py();
    let shape: Vec<usize> = array.getattr(intern!(py, "shape"))?.extract()?;
    let flat = array.call_method1(intern!(py, "reshape"), (-1,))?.call_method0(intern!(py, "tolist"))?;
    let leaves: Vec<Bound<'_, PyAny>> = flat.try_iter()?.collect::<PyResult<_>>()?;
    Ok(Input::Owned(Tensor::from_strings(shape, strings(&leaves)?)?.into()))
}
