//! Convolution along one axis, as a product: windows of the input are rows that overlap, and are not copied.

mod output;
mod task;
mod transpose;

use crate::error::KernelError;
use crate::linear::{Activation, Linear};
use crate::parallel::{Parallel, Shared};
use crate::scratch::{self, Scratch};

pub use output::ConvolutionOutput;
use task::{Call, Split};

/// Where the channels of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// \[batch, length, channels\]: windows are used where they lie.
    Last,
    /// \[batch, channels, length\], as ONNX has them: blocks of windows are transposed first.
    First,
}

/// What a convolution reads.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionInput<'a> {
    /// Sequences.
    pub batch: usize,
    /// Positions of each.
    pub length: usize,
    /// The numbers, without gaps.
    pub x: &'a [f32],
    /// Their order.
    pub channels: Channels,
    /// Positions of zeros before and behind each sequence.
    pub padding: [usize; 2],
}

/// A convolution along one axis, with bias and activation.
///
/// The weights are those of a [`Linear`] of `kernel * channels` rows: row `k * channels + c` has the weights of channel
/// `c` at position `k` of the window. Each window is a row to it, so numbers are those of [`Linear`]: a window's result
/// depends on nothing but the window.
#[derive(Debug, Clone)]
pub struct Convolution1d<'w> {
    linear: Linear<'w>,
    channels: usize,
    kernel: usize,
    stride: usize,
}

impl<'w> Convolution1d<'w> {
    /// With windows of `kernel` positions, every `stride` positions.
    ///
    /// # Errors
    /// [`KernelError::Shape`] if the layer's rows are not `kernel * channels` long, or the stride is 0.
    pub fn new(
        linear: Linear<'w>,
        channels: usize,
        kernel: usize,
        stride: usize,
    ) -> Result<Self, KernelError> {
        if kernel.checked_mul(channels) != Some(linear.k()) {
            return Err(KernelError::Shape("the weights have to be [kernel * channels, N]"));
        }
        if stride == 0 {
            return Err(KernelError::Shape("the stride of a convolution is at least 1"));
        }
        Ok(Self { linear, channels, kernel, stride })
    }

    /// The layer that each window is a row of.
    pub const fn linear(&self) -> &Linear<'w> {
        &self.linear
    }

    /// How many windows a sequence of so many positions has.
    pub const fn windows(&self, length: usize, padding: [usize; 2]) -> usize {
        let length = length.saturating_add(padding[0]).saturating_add(padding[1]);
        if length < self.kernel { 0 } else { (length - self.kernel) / self.stride + 1 }
    }

    /// `activation(window W + bias)` of each window, in the order or reduced as `output` says.
    ///
    /// Blocks of windows are split among the threads of `pool`; few windows are split by columns. Memory is kept by each
    /// thread for its next call.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `x` or `y` does not have the length that follows from the shape,
    /// [`KernelError::Shape`] if a maximum of no windows is asked for.
    pub fn forward(
        &self,
        input: &ConvolutionInput<'_>,
        activation: Activation,
        output: ConvolutionOutput,
        y: &mut [f32],
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        let &ConvolutionInput { batch, length, x, padding, .. } = input;
        let windows = self.windows(length, padding);
        let results = if output == ConvolutionOutput::Maximum { 1 } else { windows };
        check("x", [batch, length, self.channels], x.len())?;
        check("y", [batch, results, self.linear.n()], y.len())?;
        if y.is_empty() {
            return Ok(());
        }
        if padding.into_iter().try_fold(length, usize::checked_add).is_none() {
            return Err(KernelError::Shape("the padding is beyond any memory"));
        }
        if windows == 0 {
            return Err(KernelError::Shape("the input is shorter than the window: there is no maximum"));
        }
        let split = Split::new(batch, windows, self.linear.n(), pool.threads());
        let call = Call { convolution: self, input, activation, output, windows, split };
        if output == ConvolutionOutput::Maximum {
            self.maximum(&call, y, pool);
        } else {
            call.run(Shared(y.as_mut_ptr()), pool);
        }
        Ok(())
    }

    /// The largest of each block of windows, then the largest of those.
    fn maximum(&self, call: &Call<'_, '_>, y: &mut [f32], pool: &dyn Parallel) {
        let (n, blocks) = (self.linear.n(), call.split.blocks);
        if blocks == 1 {
            return call.run(Shared(y.as_mut_ptr()), pool);
        }
        let count = call.input.batch * blocks * n;
        scratch::with_call(Scratch::bytes::<f32>(count), |mut scratch| {
            let partial = scratch.take::<f32>(count);
            call.run(Shared(partial.as_mut_ptr()), pool);
            for (y, partial) in y.chunks_exact_mut(n).zip(partial.chunks_exact(blocks * n)) {
                output::maximum(partial, n, 0..n, y);
            }
        });
    }
}

fn check(what: &'static str, shape: [usize; 3], found: usize) -> Result<(), KernelError> {
    let expected = shape.into_iter().try_fold(1_usize, usize::checked_mul).unwrap_or(usize::MAX);
    if expected == found { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
}
