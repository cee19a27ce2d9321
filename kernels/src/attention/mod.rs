//! Attention in one go: scores, mask, softmax and the weighted sum of the values, never a whole matrix of scores.
//!
//! Keys and values of a head are packed into panels of 16 columns, as weights are: keys transposed ([size, keys]),
//! values as they are ([keys, size]). A block of query rows is then multiplied with all keys, the scores become weights
//! by the softmax while they are in the caches, and are multiplied with the values. With
//! [`Arithmetic::Bf16`] and a CPU that multiplies bf16, all factors are rounded to bf16; sums, the softmax and everything
//! else are f32.
//!
//! Query heads that share a head of keys and values are the rows of one matrix.

mod block;
mod inputs;
mod numbers;
mod pack;
mod plan;
mod softmax;

use std::marker::PhantomData;

use crate::KernelError;
use crate::isa::{Isa, Job, Micro};
use crate::parallel::{Parallel, Shared};
use crate::scratch::{self, Scratch};

use block::{Call, Sizes};
use inputs::Shape;
pub use inputs::{AttentionInputs, Mask, View};
use numbers::{Bf16, Fp32, Numbers};
use plan::Plan;

/// What the factors of products are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arithmetic {
    /// Nothing is rounded.
    Fp32,
    /// bf16 where the CPU multiplies it; elsewhere as [`Fp32`](Self::Fp32), which is faster and closer there.
    Bf16,
}

/// Scaled dot-product attention of several heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`. Query head `h` uses head `h / (heads / kv_heads)` of them.
    pub kv_heads: usize,
    /// Numbers of one head in a row.
    pub head_size: usize,
    /// What products of queries and keys are multiplied by, usually `1 / sqrt(head_size)`.
    pub scale: f32,
    /// Whether query `i` only sees the keys up to `i + keys - queries`.
    pub causal: bool,
    /// What factors are rounded to.
    pub arithmetic: Arithmetic,
}

impl Attention {
    /// `y = softmax(scale * q k^T + mask) v` of each head; `y` is `[batch, queries, heads * head_size]`.
    ///
    /// A query that sees no key, because all its scores are `-inf`, gives NaN, as does one with NaN or `+inf` among its
    /// scores. Without keys at all the result is 0. Values (`v`) have to be finite: those of keys with weight 0 are
    /// multiplied too, where the key is not out of sight for a whole block of rows.
    ///
    /// Blocks of rows and heads are the tasks for `pool`. A row's result depends neither on how they are spread, nor on
    /// other rows, nor on other sequences of the batch. Memory is kept by each thread for its next call.
    ///
    /// # Errors
    /// [`KernelError::Isa`] if `ORTLET_KERNELS` names an instruction set that is not there, [`KernelError::Length`] if
    /// `y`, the mask or a view is too small for the shapes, [`KernelError::Shape`] if numbers of heads or dimensions of
    /// the mask do not fit.
    pub fn forward(
        &self,
        inputs: &AttentionInputs<'_>,
        y: &mut [f32],
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        self.forward_with(Isa::active()?, inputs, y, pool)
    }

    /// [`forward`](Self::forward) with the instructions of `isa`.
    ///
    /// # Errors
    /// As there; [`KernelError::Isa`] if this CPU lacks `isa`.
    pub fn forward_with(
        &self,
        isa: Isa,
        inputs: &AttentionInputs<'_>,
        y: &mut [f32],
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        let shape = Shape::check(self, inputs, y.len())?;
        if y.is_empty() {
            return Ok(());
        }
        if shape.keys == 0 {
            y.fill(0.0);
            return Ok(());
        }
        let isa = isa.checked()?;
        // SAFETY: the CPU has it.
        let traits = unsafe { isa.run(Traits) };
        match self.arithmetic {
            Arithmetic::Bf16 if traits.bf16 => self.spread::<Bf16>(isa, traits.rows, shape, inputs, y, pool),
            _ => self.spread::<Fp32>(isa, traits.rows, shape, inputs, y, pool),
        }
    }

    fn spread<N: Numbers>(
        &self,
        isa: Isa,
        tile: usize,
        shape: Shape,
        inputs: &AttentionInputs<'_>,
        y: &mut [f32],
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        let sizes = Sizes::new(&shape, tile, N::NUMBERS)
            .ok_or(KernelError::Shape("more keys than memory can hold"))?;
        let plan = Plan::new(&shape, tile, pool.threads());
        let &AttentionInputs { q, k, v, mask, .. } = inputs;
        let call = Call { shape, scale: self.scale, q, k, v, mask, plan, y: Shared(y.as_mut_ptr()) };
        pool.run(plan.tasks, &|index| {
            scratch::with_task(sizes.bytes::<N>(), |scratch| {
                // SAFETY: the CPU has the instructions. Pieces are apart, and each is run once; `y` has been checked to
                // have the size, and is borrowed until all have run.
                unsafe {
                    isa.run(Task::<N> { call: &call, sizes: &sizes, index, scratch, numbers: PhantomData });
                }
            });
        });
        Ok(())
    }
}

/// What has to be known of an instruction set before work is split.
struct Traits;

struct Found {
    rows: usize,
    bf16: bool,
}

impl Job for Traits {
    type Output = Found;

    #[inline(always)]
    fn run<M: Micro>(self) -> Found {
        Found { rows: M::MAX_ROWS, bf16: M::BF16 }
    }
}

/// One task. Made by whoever keeps the promises of [`block::run`].
struct Task<'a, N> {
    call: &'a Call<'a>,
    sizes: &'a Sizes,
    index: usize,
    scratch: Scratch<'a>,
    numbers: PhantomData<N>,
}

impl<N: Numbers> Job for Task<'_, N> {
    type Output = ();
    const ONLY_FLOATS: bool = N::NUMBERS == 1;

    #[inline(always)]
    fn run<M: Micro>(self) {
        // Not compiled for instruction sets that it is not for.
        if N::NUMBERS > 1 && !M::BF16 {
            unreachable!("pairs are only made where the CPU multiplies them");
        }
        // SAFETY: `Micro::enter` calls this, where the CPU has the instructions; the rest was promised when this was
        // made.
        unsafe { block::run::<M, N>(self.call, self.sizes, self.index, self.scratch) }
    }
}
