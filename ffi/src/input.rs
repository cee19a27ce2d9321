//! Inputs as a run takes them: names with values.

use std::ffi::c_char;

use ortlet::error::ResultExt;
use ortlet::tensor::{Tensor, Value, ValueView};
use ortlet::{Result, Sample};

use crate::arguments::{at, slice, text};
use crate::tensor::ortlet_tensor;
use crate::value::ortlet_value;

/// An input of a run. The run copies nothing, but what is misaligned; memory and value have to last until the call
/// returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_input {
    /// The input's name.
    pub name: *const c_char,
    /// The value; or `NULL` to take `tensor`.
    pub value: *const ortlet_value,
    /// The tensor in memory of the caller's, if `value` is `NULL`.
    pub tensor: ortlet_tensor,
}

/// The inputs of an array.
pub(crate) unsafe fn inputs<'a>(
    pointer: *const ortlet_input,
    count: usize,
) -> Result<impl ExactSizeIterator<Item = Result<(&'a str, ValueView<'a>)>>> {
    // SAFETY: as the caller's; each element is as the header asks.
    let inputs = unsafe { slice(pointer, count, "inputs") }?;
    // SAFETY: as above.
    Ok(inputs.iter().enumerate().map(|(index, input)| unsafe { at(named(input), "inputs", index) }))
}

unsafe fn named<'a>(input: &ortlet_input) -> Result<(&'a str, ValueView<'a>)> {
    // SAFETY: as the caller's.
    unsafe {
        let name = text(input.name, "name")?;
        let view = match input.value.as_ref() {
            Some(value) => (&value.0).into(),
            None => input.tensor.view().with_context(|| format!("input `{name}`"))?.into(),
        };
        Ok((name, view))
    }
}

/// Copies of the inputs, which may outlast the call.
pub(crate) unsafe fn owned(pointer: *const ortlet_input, count: usize) -> Result<Sample> {
    // SAFETY: as the caller's.
    let inputs = unsafe { inputs(pointer, count) }?;
    inputs
        .map(|input| {
            let (name, view) = input?;
            Ok((name.to_owned(), copy(&view)?))
        })
        .collect()
}

fn copy(view: &ValueView<'_>) -> Result<Value> {
    match view {
        ValueView::Value(value) => Ok((*value).clone()),
        ValueView::Tensor(tensor) => match tensor.bytes() {
            Some(bytes) => Tensor::from_bytes(tensor.dtype(), tensor.shape().clone(), bytes),
            None => Tensor::from_strings(tensor.shape().clone(), tensor.as_strings()?.to_vec()),
        }
        .map(Value::Tensor),
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// As the C tests assert of the header.
    #[test]
    fn the_layout_is_that_of_the_header() {
        let word = size_of::<usize>();
        assert_eq!(size_of::<ortlet_input>(), 7 * word);
        assert_eq!(offset_of!(ortlet_input, tensor), 2 * word);
    }
}
