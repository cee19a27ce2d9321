//! `Linear`: `norm(activation(x W + bias) + residual)`.

use std::ffi::CStr;

use ortlet_kernels::{Activation, Epilogue, Linear};

use super::blob::{self, Copied};
use super::context::{Context, Dims};
use super::epilogue::{NormInputs, OwnedNorm, activation};
use super::info::Info;
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};

const NORM: NormInputs = NormInputs { gamma: 3, beta: 4 };

pub(super) struct LinearOp {
    name: String,
    linear: Linear<'static>,
    activation: Activation,
    norm: Option<OwnedNorm>,
    threads: usize,
    _weights: Copied,
}

impl Operator for LinearOp {
    const NAME: &'static CStr = c"Linear";
    const INPUTS: &'static [Input] = &[
        Input::floats("X"),
        Input::blob("W"),
        Input::floats("residual").optional(),
        Input::floats("gamma").optional(),
        Input::floats("beta").optional(),
    ];

    fn new(info: &Info) -> Outcome<Self> {
        let (packed, weights) = blob::packed(info, 1)?;
        let linear = Linear::new(packed).map_err(|error| Problem::new(format!("input `W`: {error}")))?;
        let norm = OwnedNorm::new(info, &NORM, linear.n())?;
        let (activation, threads, name) = (activation(info)?, info.threads(), info.to_string());
        Ok(Self { name, linear, activation, norm, threads, _weights: weights })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        self.forward(context).map_err(|problem| problem.of(&self.name))
    }
}

impl LinearOp {
    fn forward(&self, context: &mut Context<'_>) -> Outcome<()> {
        let x = context.input(0)?;
        let numbers = context.floats(0, &x)?;
        let dims = replace_last(context, x.dims, self.linear.k(), self.linear.n())?;
        let residual = context.optional_of_shape(2, &dims)?;
        let pool = context.pool(self.threads);
        let rows = rows(&dims)?;
        let epilogue =
            Epilogue { activation: self.activation, norm: self.norm.as_ref().map(OwnedNorm::as_norm) };
        let y = context.output(&dims)?;
        let done = self.linear.forward(rows, numbers, residual, y, &epilogue, &pool);
        done.map_err(|error| Problem::new(error.to_string()))
    }
}

/// The shape of input 0 with another last size, if the last is the one that the weights ask for.
///
/// # Errors
/// If it is not.
pub(super) fn replace_last(context: &Context<'_>, dims: &[i64], from: usize, to: usize) -> Outcome<Dims> {
    match dims.split_last() {
        Some((&last, rest)) if usize::try_from(last) == Ok(from) => {
            let mut dims = Dims::from_slice(rest);
            dims.push(to as i64);
            Ok(dims)
        }
        _ => {
            Err(context
                .wrong(0, format!("has the shape {dims:?}; the weights want its last size to be {from}")))
        }
    }
}

/// The product of all sizes but the last.
///
/// # Errors
/// If that is no number.
pub(super) fn rows(dims: &[i64]) -> Outcome<usize> {
    super::context::element_count(&dims[..dims.len().saturating_sub(1)])
}
