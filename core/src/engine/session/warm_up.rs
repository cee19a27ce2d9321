//! Runs on zeros at load, so that memory is mapped, weights are read and threads are started before the first request.

use crate::engine::runtime::{CallMemory, RawSession};
use crate::tensor::{Dim, Tensor, ValueInfo, ValueType};
use crate::{Error, Result};

/// The size taken for a dimension that is not fixed.
const UNKNOWN_SIZE: usize = 1;

/// Runs a session this often, with all outputs.
///
/// # Errors
/// `unsupported` if an input is no tensor, and those of a run: not every model computes something of zeros.
pub(super) fn run(session: &RawSession, count: u32) -> Result<()> {
    let inputs: Vec<(usize, Tensor)> =
        session.inputs().iter().enumerate().filter_map(zeros).collect::<Result<_>>()?;
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    let mut memory = CallMemory::default();
    for _ in 0..count {
        let mut call = memory.call();
        for (place, tensor) in &inputs {
            call.give(*place, &tensor.into())?;
        }
        session.run(&call, &outputs, None).0?;
    }
    Ok(())
}

/// An input of zeros; an optional one is left out.
fn zeros((place, info): (usize, &ValueInfo)) -> Option<Result<(usize, Tensor)>> {
    match &info.value_type {
        ValueType::Tensor { dtype, shape } => {
            let size = |dim: &Dim| if let Dim::Fixed(size) = dim { *size } else { UNKNOWN_SIZE };
            let dims: Vec<usize> = shape.dims().unwrap_or_default().iter().map(size).collect();
            Some(Tensor::zeros(*dtype, dims).map(|tensor| (place, tensor)))
        }
        ValueType::Optional { .. } => None,
        other => Some(Err(Error::unsupported("warm-up", format!("input `{}` is {other}", info.name)))),
    }
}
