//! Linear layers with what follows them: bias, activation, residual, norm.

mod block;
mod epilogue;
mod quantize;
mod rows;
mod split;
mod sums;

use crate::error::KernelError;
use crate::isa::Isa;
use crate::layout::{Kind, LayoutError, Packed};
pub use crate::math::activation::Activation;
pub use crate::norm::{Norm, NormKind};
use crate::parallel::Parallel;

pub(crate) use block::{BLOCK_ROWS, Block, scratch_bytes};
pub(crate) use epilogue::Destination;
pub(crate) use quantize::Scale;
pub(crate) use rows::{Input, Source, bf16_stride};
pub(crate) use split::{Call, row_tasks};

/// What follows the product: `y = norm(activation(x W + bias) + residual)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Applied to `x W + bias`.
    pub activation: Activation,
    /// Applied last, to whole rows.
    pub norm: Option<Norm<'a>>,
}

/// A linear layer on packed weights: `y = norm(activation(x W + bias) + residual)`.
///
/// # Numbers
/// * fp32: sums of products in `f32`, along K in order. fp16: the same with weights of 16 bits.
/// * bf16: the same; where the CPU multiplies bf16, activations are rounded to bf16 too, and denormal numbers count as 0.
/// * int8: each row of activations (or each 128 values of it) is quantized to u8 between its smallest and largest value
///   and 0. The products and sums of codes are exact. Outlier channels do not count for the range and are multiplied in
///   `f32`. A row whose largest magnitude is below 3e-36 counts as zeros.
///
/// GELU is off by less than 1e-6; with bf16 and int8 by less than 1.5e-4, or 5e-5 of it where it is larger than 4.
///
/// NaN anywhere in a row makes the whole row of the output NaN with int8, and so does an infinity.
/// A row of the output depends on nothing but the row of the input: not on other rows, nor on the number of threads.
#[derive(Debug, Clone)]
pub struct Linear<'w> {
    packed: Packed<'w>,
    isa: Isa,
}

impl<'w> Linear<'w> {
    /// With the instruction set [`Isa::active`].
    ///
    /// # Errors
    /// [`KernelError::Layout`] if these are not the weights of a matrix; [`KernelError::Isa`] if the environment asks for
    /// an instruction set that cannot be had.
    pub fn new(packed: Packed<'w>) -> Result<Self, KernelError> {
        Self::with_isa(packed, Isa::active()?)
    }

    /// With a certain instruction set.
    ///
    /// # Errors
    /// [`KernelError::Layout`] if these are not the weights of a matrix; [`KernelError::Isa`] if this CPU lacks it.
    pub fn with_isa(packed: Packed<'w>, isa: Isa) -> Result<Self, KernelError> {
        let isa = isa.checked()?;
        if packed.kind() != Kind::Linear {
            return Err(LayoutError::Kind { expected: Kind::Linear, found: packed.kind() }.into());
        }
        Ok(Self { packed, isa })
    }

    /// Length of an input row.
    pub fn k(&self) -> usize {
        self.packed.k()
    }

    /// Length of an output row.
    pub fn n(&self) -> usize {
        self.packed.n()
    }

    /// The weights.
    pub fn packed(&self) -> &Packed<'w> {
        &self.packed
    }

    /// The instruction set.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The instruction set whose code multiplies its weights.
    pub(crate) fn code(&self) -> Isa {
        self.isa.for_format(self.packed.format())
    }

    /// Computes `y = norm(activation(x W + bias) + residual)`.
    ///
    /// `x` is \[rows, K\], `residual` and `y` are \[rows, N\], all without gaps. Rows are split among the threads of
    /// `pool`; few rows are split by columns. Allocates nothing after the first call of a shape on a thread.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not have the length that follows from `rows`.
    pub fn forward(
        &self,
        rows: usize,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        epilogue: &Epilogue<'_>,
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        check("x", rows, self.k(), x.len())?;
        check("y", rows, self.n(), y.len())?;
        if let Some(residual) = residual {
            check("residual", rows, self.n(), residual.len())?;
        }
        if let Some(norm) = &epilogue.norm {
            norm.check(self.n())?;
        }
        let call = Call { linear: self, rows, x, residual, epilogue };
        call.run(y, pool);
        Ok(())
    }
}

/// Whether a slice has `rows` times `width` values.
pub(crate) fn check(what: &'static str, rows: usize, width: usize, found: usize) -> Result<(), KernelError> {
    let expected = rows.saturating_mul(width);
    if expected == found { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
}
