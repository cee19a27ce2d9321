//! Values of the library's as Python's objects.

use ortlet::tensor::{DType, Map, Tensor, Value, unpack};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::numpy;
use crate::errors::Outcome;
use crate::tensor::PyTensor;

/// Keeps the memory of an array in place.
#[pyclass(frozen, module = "ortlet._ortlet")]
struct Holder {
    _tensor: Tensor,
}

/// The value as an array, list, dict or nothing. Tensors that NumPy has no type for are `ortlet.Tensor`s, as all are in a
/// program that does not use NumPy: importing it would take longer than most models do.
pub(crate) fn to_python(py: Python<'_>, value: Value) -> Outcome<Bound<'_, PyAny>> {
    match value {
        Value::Tensor(tensor) => {
            if numpy::is_loaded(py)?
                && let Some(array) = array_of_tensor(py, tensor.clone(), true)?
            {
                return Ok(array);
            }
            Ok(Bound::new(py, PyTensor { tensor })?.into_any())
        }
        Value::Sequence(values) => {
            let items = values.into_iter().map(|value| to_python(py, value)).collect::<Outcome<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        Value::Map(map) => dict(py, &map),
        Value::Optional(Some(value)) => to_python(py, *value),
        Value::Optional(None) => Ok(py.None().into_bound(py)),
    }
}

/// The tensor as an array of NumPy's; `None` if there is no NumPy, or it has no such type.
pub(crate) fn array_of_tensor(
    py: Python<'_>,
    tensor: Tensor,
    is_writable: bool,
) -> Outcome<Option<Bound<'_, PyAny>>> {
    if !numpy::has_numpy(py)? {
        return Ok(None);
    }
    if let Ok(strings) = tensor.as_strings() {
        return Ok(Some(numpy::array_of_strings(py, tensor.shape(), strings)?));
    }
    let tensor = if tensor.dtype().is_packed() { in_bytes(&tensor)? } else { (tensor.dtype(), tensor) };
    let (dtype, tensor) = tensor;
    let shape = tensor.shape().clone();
    let data = tensor.bytes().unwrap_or_default().as_ptr().cast_mut();
    let holder = Bound::new(py, Holder { _tensor: tensor })?.into_any();
    // SAFETY: the holder keeps the tensor, whose memory is in one place; nobody else has it if it may be written.
    Ok(unsafe { numpy::array_in_place(dtype, &shape, data, is_writable, holder) }?)
}

/// The type, and its elements in a byte each, as `ml_dtypes` has them: the upper bits are 0.
fn in_bytes(tensor: &Tensor) -> Outcome<(DType, Tensor)> {
    let count = tensor.shape().element_count()?;
    let mut bytes = unpack(tensor.dtype(), tensor.bytes().unwrap_or_default(), count)?;
    let mask = (1 << tensor.dtype().bits()) - 1;
    bytes.iter_mut().for_each(|byte| *byte &= mask);
    Ok((tensor.dtype(), Tensor::from_vec(tensor.shape().clone(), bytes)?))
}

fn dict<'py>(py: Python<'py>, map: &Map) -> Outcome<Bound<'py, PyAny>> {
    let (keys, values) = (list(py, map.keys())?, list(py, map.values())?);
    let dict = PyDict::new(py);
    for (key, value) in keys.iter().zip(values.iter()) {
        dict.set_item(key, value)?;
    }
    Ok(dict.into_any())
}

/// The elements of a tensor of one dimension, as Python's own.
fn list<'py>(py: Python<'py>, tensor: &Tensor) -> Outcome<Bound<'py, PyList>> {
    Ok(crate::tensor::nested(py, tensor)?.cast_into::<PyList>()?)
}
