//! `FeedForward`: `norm(down(activation(up(x))) + residual)`.

use std::ffi::CStr;

use ortlet_kernels::{FeedForward, Linear};

use super::blob::{self, Copied};
use super::context::Context;
use super::epilogue::{NormInputs, OwnedNorm, activation};
use super::info::Info;
use super::linear::{replace_last, rows};
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};

const NORM: NormInputs = NormInputs { gamma: 4, beta: 5 };

pub(super) struct FeedForwardOp {
    name: String,
    layers: FeedForward<'static>,
    norm: Option<OwnedNorm>,
    threads: usize,
    _weights: [Copied; 2],
}

impl Operator for FeedForwardOp {
    const NAME: &'static CStr = c"FeedForward";
    const INPUTS: &'static [Input] = &[
        Input::floats("X"),
        Input::blob("W_up"),
        Input::blob("W_down"),
        Input::floats("residual").optional(),
        Input::floats("gamma").optional(),
        Input::floats("beta").optional(),
    ];

    fn new(info: &Info) -> Outcome<Self> {
        let layer = |index: usize, name: &str| {
            let (packed, weights) = blob::packed(info, index)?;
            let linear =
                Linear::new(packed).map_err(|error| Problem::new(format!("input `{name}`: {error}")))?;
            Ok((linear, weights))
        };
        let ((up, up_weights), (down, down_weights)) = (layer(1, "W_up")?, layer(2, "W_down")?);
        if up.n() != down.k() {
            let words = format!("`W_up` gives {} numbers, `W_down` takes {}", up.n(), down.k());
            return Err(Problem::new(words));
        }
        let layers = FeedForward::new(up, down, activation(info)?);
        let layers = layers.map_err(|error| Problem::new(error.to_string()))?;
        let norm = OwnedNorm::new(info, &NORM, layers.n())?;
        let (name, threads) = (info.to_string(), info.threads());
        Ok(Self { name, layers, norm, threads, _weights: [up_weights, down_weights] })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        self.forward(context).map_err(|problem| problem.of(&self.name))
    }
}

impl FeedForwardOp {
    fn forward(&self, context: &mut Context<'_>) -> Outcome<()> {
        let x = context.input(0)?;
        let numbers = context.floats(0, &x)?;
        let dims = replace_last(context, x.dims, self.layers.k(), self.layers.n())?;
        let residual = context.optional_of_shape(3, &dims)?;
        let pool = context.pool(self.threads);
        let (rows, norm) = (rows(&dims)?, self.norm.as_ref().map(OwnedNorm::as_norm));
        let y = context.output(&dims)?;
        let done = self.layers.forward(rows, numbers, residual, y, norm, &pool);
        done.map_err(|error| Problem::new(error.to_string()))
    }
}
