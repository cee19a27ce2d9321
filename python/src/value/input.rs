//! Python's objects as inputs of a run.

use std::sync::Arc;

use ortlet::tensor::{DType, Map, Shape, Tensor, Value, ValueInfo, ValueType, ValueView, pack};
use ortlet::{Error, Sample};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString, PyTuple};

use super::memory::{Foreign, Memory};
use super::{buffer, dlpack, interface, list, numpy};
use crate::errors::{Failure, Outcome};
use crate::tensor::PyTensor;

/// No value of ONNX's is a list of lists of lists.
const MAX_DEPTH: usize = 16;

/// An input: a tensor in memory of Python's, or a value of the library's own.
pub(crate) enum Input {
    Foreign(Foreign),
    Owned(Value),
}

impl Input {
    pub(super) fn foreign(dtype: DType, shape: Shape, memory: Memory) -> Self {
        Self::Foreign(Foreign { dtype, shape, memory })
    }

    /// A copy, of elements that lie in a byte each if the type is packed.
    pub(super) fn copied(dtype: DType, shape: Shape, bytes: &[u8]) -> Outcome<Self> {
        let tensor = if dtype.is_packed() {
            Tensor::from_bytes(dtype, shape, &pack(dtype, &in_range(dtype, bytes))?)?
        } else {
            Tensor::from_bytes(dtype, shape, bytes)?
        };
        Ok(Self::Owned(tensor.into()))
    }

    /// The input as a run takes it.
    pub(crate) fn view(&self) -> ortlet::Result<ValueView<'_>> {
        match self {
            Self::Foreign(foreign) => foreign.view().map(ValueView::from),
            Self::Owned(value) => Ok(value.into()),
        }
    }

    /// The input as a value of its own: memory of Python's is copied.
    pub(crate) fn into_copy(self) -> ortlet::Result<Value> {
        match self {
            Self::Foreign(foreign) => {
                let view = foreign.view()?;
                let bytes = view.bytes().unwrap_or_default();
                Ok(Tensor::from_bytes(view.dtype(), view.shape().clone(), bytes)?.into())
            }
            Self::Owned(value) => Ok(value),
        }
    }

    /// The input as a value that lasts; memory of Python's is shared, not copied.
    pub(crate) fn into_value(self) -> ortlet::Result<Value> {
        match self {
            Self::Foreign(Foreign { dtype, shape, memory }) => {
                Ok(Tensor::from_shared(dtype, shape, Arc::new(memory))?.into())
            }
            Self::Owned(value) => Ok(value),
        }
    }
}

/// `ml_dtypes` leaves the upper bits of its small integers as they come.
fn in_range(dtype: DType, bytes: &[u8]) -> Vec<u8> {
    let bits = dtype.bits();
    let is_signed = matches!(dtype, DType::I4 | DType::I2);
    let extend = |byte: u8| {
        let shift = 8 - bits;
        if is_signed { ((byte << shift) as i8 >> shift) as u8 } else { byte << shift >> shift }
    };
    bytes.iter().map(|&byte| extend(byte)).collect()
}

/// Any object as an input. The declared type says what lists and numbers are to become; without it they are refused.
pub(crate) fn read(object: &Bound<'_, PyAny>, declared: Option<&ValueType>) -> Outcome<Input> {
    read_at(object, declared, 0)
}

/// The same, `depth` lists deep.
fn read_at(object: &Bound<'_, PyAny>, declared: Option<&ValueType>, depth: usize) -> Outcome<Input> {
    if depth > MAX_DEPTH {
        return Err(Error::limit_exceeded("depth of lists", MAX_DEPTH as u64, depth as u64).into());
    }
    if let Some(input) = numpy::read(object)? {
        return Ok(input);
    }
    if let Ok(tensor) = object.cast::<PyTensor>() {
        return Ok(Input::Owned(tensor.get().tensor.clone().into()));
    }
    match declared {
        Some(ValueType::Optional { .. }) if object.is_none() => {
            return Ok(Input::Owned(Value::Optional(None)));
        }
        Some(ValueType::Optional { element }) => return read_at(object, Some(element), depth + 1),
        Some(ValueType::Map { key, value }) => {
            if let Ok(dict) = object.cast::<PyDict>() {
                return map(dict, *key, value);
            }
        }
        Some(ValueType::Tensor { dtype, .. }) if list::is_literal(object) => {
            return Ok(Input::Owned(list::nested_list(object, *dtype)?.into()));
        }
        _ => {}
    }
    if let Some(sequence) = sequence(object, declared, depth)? {
        return Ok(sequence);
    }
    if object.is_none() {
        return Ok(Input::Owned(Value::Optional(None)));
    }
    if let Some(input) = buffer::read(object)? {
        return Ok(input);
    }
    // Scalars of `ml_dtypes` tell less of themselves than arrays do.
    if list::is_numpy_scalar(object)
        && let Some(array) = numpy::converted(object)?
        && let Some(input) = numpy::read(&array)?
    {
        return Ok(input);
    }
    if let Some(input) = interface::read(object)? {
        return Ok(input);
    }
    if let Some(input) = dlpack::read(object)? {
        return Ok(input);
    }
    if let Some(array) = numpy::converted(object)?
        && let Some(input) = numpy::read(&array)?
    {
        return Ok(input);
    }
    let name = object.get_type().qualname()?;
    let reason = match list::is_literal(object) {
        true => "what type its elements have to be is not known here; give an array or an `ortlet.Tensor`",
        false => {
            "a tensor is an array of NumPy's, an `ortlet.Tensor`, or has the buffer protocol, DLPack or \
                  `__array_interface__`"
        }
    };
    Err(Error::unsupported(format!("a value of Python's type `{name}`"), reason).into())
}

/// The items of a list or tuple.
fn items<'py>(object: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = object.cast::<PyList>() {
        return Some(list.iter().collect());
    }
    object.cast::<PyTuple>().ok().map(|tuple| tuple.iter().collect())
}

/// A list of values; `None` if the object is no list, or one of numbers.
fn sequence(object: &Bound<'_, PyAny>, declared: Option<&ValueType>, depth: usize) -> Outcome<Option<Input>> {
    let Some(items) = items(object) else { return Ok(None) };
    let element = match declared {
        Some(ValueType::Sequence { element }) => Some(&**element),
        _ if items.first().is_none_or(|first| list::is_literal(first)) => return Ok(None),
        _ => None,
    };
    let value = |(index, item): (usize, &Bound<'_, PyAny>)| -> Outcome<Value> {
        let read = read_at(item, element, depth + 1);
        Ok(read.map_err(|failure| failure.context(|| format!("element {index}")))?.into_value()?)
    };
    let values = items.iter().enumerate().map(value).collect::<Outcome<_>>()?;
    Ok(Some(Input::Owned(Value::Sequence(values))))
}

fn map(dict: &Bound<'_, PyDict>, key: DType, value: &ValueType) -> Outcome<Input> {
    let ValueType::Tensor { dtype, .. } = value else {
        return Err(Error::unsupported("a map", format!("its values are of the type {value}")).into());
    };
    let keys = list::nested_list(dict.keys().as_any(), key)?;
    let values = list::nested_list(dict.values().as_any(), *dtype)?;
    Ok(Input::Owned(Value::Map(Map::new(keys, values)?)))
}

/// Inputs that last, for an asynchronous run: memory of Python's is shared.
pub(crate) fn shared_batch(batch: &Bound<'_, PyAny>, declared: &[ValueInfo]) -> Outcome<Sample> {
    named_values(batch, declared, Input::into_value)
}

/// A sample, which is copied: whoever makes samples one after the other may use the same array for all.
pub(crate) fn sample(batch: &Bound<'_, PyAny>) -> Outcome<Sample> {
    named_values(batch, &[], Input::into_copy)
}

fn named_values(
    batch: &Bound<'_, PyAny>,
    declared: &[ValueInfo],
    kept: fn(Input) -> ortlet::Result<Value>,
) -> Outcome<Sample> {
    let batch = batch.cast::<PyMapping>()?;
    let mut values = Vec::new();
    for item in batch.items()?.iter() {
        let (name, object): (Bound<'_, PyString>, Bound<'_, PyAny>) = item.extract()?;
        let name = name.to_str()?;
        values.push((name.to_owned(), kept(read_named(name, &object, declared)?)?));
    }
    Ok(values)
}

/// An object as the input of this name.
pub(crate) fn read_named(name: &str, object: &Bound<'_, PyAny>, declared: &[ValueInfo]) -> Outcome<Input> {
    let info = declared.iter().find(|info| info.name == name);
    read(object, info.map(|info| &info.value_type))
        .map_err(|failure: Failure| failure.context(|| format!("input `{name}`")))
}
