//! `Convolution1d`: windows along one axis times weights, with an activation, and the maximum over all of them if wanted.

use std::ffi::CStr;

use ortlet_kernels::{Activation, Channels, Convolution1d, ConvolutionInput, ConvolutionOutput, Linear};

use super::blob::{self, Copied};
use super::context::{Context, Dims, Tensor};
use super::epilogue::activation;
use super::info::Info;
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};

pub(super) struct ConvolutionOp {
    name: String,
    convolution: Convolution1d<'static>,
    channels: usize,
    padding: [usize; 2],
    order: Channels,
    activation: Activation,
    output: ConvolutionOutput,
    threads: usize,
    _weights: Copied,
}

impl Operator for ConvolutionOp {
    const NAME: &'static CStr = c"Convolution1d";
    const INPUTS: &'static [Input] = &[Input::floats("X"), Input::blob("W")];

    fn new(info: &Info) -> Outcome<Self> {
        let (packed, weights) = blob::packed(info, 1)?;
        let said = |error: ortlet_kernels::KernelError| Problem::new(format!("input `W`: {error}"));
        let linear = Linear::new(packed).map_err(said)?;
        let (kernel, stride) = (info.size(c"kernel")?, info.size(c"stride")?);
        let padding = [info.size(c"pad_begin")?, info.size(c"pad_end")?];
        // With this, no sum of sizes below can be too large.
        if padding.iter().any(|&size| size > 1 << 30) {
            return Err(Problem::new(format!("padding of {padding:?} positions")));
        }
        // Of a kernel of 0 positions: refused below.
        let channels = linear.k().checked_div(kernel).unwrap_or_default();
        let convolution = Convolution1d::new(linear, channels, kernel, stride).map_err(said)?;
        let order = info.word(c"input_layout", &[("nlc", Channels::Last), ("ncl", Channels::First)])?;
        let outputs = [
            ("nlc", ConvolutionOutput::Last),
            ("ncl", ConvolutionOutput::First),
            ("max", ConvolutionOutput::Maximum),
        ];
        let (output, activation) = (info.word(c"output", &outputs)?, activation(info)?);
        let (name, threads) = (info.to_string(), info.threads());
        Ok(Self {
            name,
            convolution,
            channels,
            padding,
            order,
            activation,
            output,
            threads,
            _weights: weights,
        })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        self.forward(context).map_err(|problem| problem.of(&self.name))
    }
}

impl ConvolutionOp {
    fn forward(&self, context: &mut Context<'_>) -> Outcome<()> {
        let tensor = context.input(0)?;
        let x = context.floats(0, &tensor)?;
        let [batch, length] = self.sizes(context, &tensor)?;
        let windows = self.convolution.windows(length, self.padding);
        if windows == 0 {
            let words = format!("has the shape {:?}, which is shorter than the window", tensor.dims);
            return Err(context.wrong(0, words));
        }
        let (rows, n) = (windows as i64, self.convolution.linear().n() as i64);
        let mut dims = Dims::from_slice(&[batch as i64]);
        match self.output {
            ConvolutionOutput::Last => dims.extend([rows, n]),
            ConvolutionOutput::First => dims.extend([n, rows]),
            // There is no other.
            _ => dims.push(n),
        }
        let pool = context.pool(self.threads);
        let y = context.output(&dims)?;
        let input = ConvolutionInput { batch, length, x, channels: self.order, padding: self.padding };
        let done = self.convolution.forward(&input, self.activation, self.output, y, &pool);
        done.map_err(|error| Problem::new(error.to_string()))
    }

    /// Batch and length.
    ///
    /// # Errors
    /// If the input has another rank or another number of channels than the weights.
    fn sizes(&self, context: &Context<'_>, tensor: &Tensor<'_>) -> Outcome<[usize; 2]> {
        let size = |dim: i64| usize::try_from(dim).ok();
        let found = match (tensor.dims, self.order) {
            (&[batch, length, channels], Channels::Last) | (&[batch, channels, length], Channels::First) => {
                Some((size(batch), size(length), size(channels)))
            }
            _ => None,
        };
        if let Some((Some(batch), Some(length), Some(channels))) = found
            && channels == self.channels
        {
            return Ok([batch, length]);
        }
        let order = if self.order == Channels::Last { "length, channels" } else { "channels, length" };
        let (dims, channels) = (tensor.dims, self.channels);
        Err(context
            .wrong(0, format!("has the shape {dims:?}, not [batch, {order}] with {channels} channels")))
    }
}
