//! What attention reads: views with strides, masks that are broadcast, and the checks of both.

use std::ops::Range;

use super::Attention;
use crate::KernelError;

/// Heads of rows within a larger tensor: number `c` of head `h` of row `r` of sequence `b` is
/// `data[b * batch_stride + r * row_stride + h * head_stride + c]`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The tensor, from the first number of the first head on.
    pub data: &'a [f32],
    /// From one sequence of the batch to the next.
    pub batch_stride: usize,
    /// From one row of a sequence to the next.
    pub row_stride: usize,
    /// From one head of a row to the next.
    pub head_stride: usize,
}

impl<'a> View<'a> {
    /// A head of a row. The view has been checked for it.
    #[inline(always)]
    pub(super) fn row(&self, batch: usize, row: usize, head: usize, size: usize) -> &'a [f32] {
        let start = batch * self.batch_stride + row * self.row_stride + head * self.head_stride;
        &self.data[start..start + size]
    }

    /// # Errors
    /// [`KernelError::Length`] if any number of that many lies behind the end.
    fn check(&self, what: &'static str, [batch, rows, heads, size]: [usize; 4]) -> Result<(), KernelError> {
        if batch == 0 || rows == 0 || heads == 0 || size == 0 {
            return Ok(());
        }
        let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        let expected = [(batch, self.batch_stride), (rows, self.row_stride), (heads, self.head_stride)]
            .into_iter()
            .try_fold(size, |end, (count, stride)| end.checked_add(last(count, stride)?))
            .unwrap_or(usize::MAX);
        if expected > self.data.len() {
            return Err(KernelError::Length { what, expected, found: self.data.len() });
        }
        Ok(())
    }
}

/// Numbers that are added to the scaled scores.
#[derive(Debug, Clone, Copy)]
pub struct Mask<'a> {
    /// The numbers, in row-major order.
    pub values: &'a [f32],
    /// `[batch, heads, queries, keys]`, or 1 instead of any of them: the same for all.
    pub dims: [usize; 4],
}

/// The part of a mask that is for one query.
#[derive(Debug, Clone, Copy)]
pub(super) enum MaskRow<'a> {
    /// No mask.
    None,
    /// The same for each key.
    All(f32),
    /// One number for each key.
    Each(&'a [f32]),
}

impl<'a> Mask<'a> {
    #[inline(always)]
    pub(super) fn row(&self, batch: usize, head: usize, query: usize) -> MaskRow<'a> {
        let [batches, heads, queries, keys] = self.dims;
        let at = |index: usize, count: usize| if count == 1 { 0 } else { index };
        let row = (at(batch, batches) * heads + at(head, heads)) * queries + at(query, queries);
        match &self.values[row * keys..(row + 1) * keys] {
            [value] => MaskRow::All(*value),
            values => MaskRow::Each(values),
        }
    }

    /// Whether it is the same for all queries, and zeros for these heads: nothing is hidden in a sequence that is as
    /// long as its batch. Masks for each query are not looked at: that would take as long as adding them.
    pub(super) fn is_zero(&self, batch: usize, mut heads: Range<usize>) -> bool {
        let zero = |head: usize| match self.row(batch, head, 0) {
            MaskRow::None => true,
            MaskRow::All(value) => value == 0.0,
            MaskRow::Each(values) => values.iter().all(|&value| value == 0.0),
        };
        self.dims[2] == 1 && heads.all(zero)
    }

    fn check(&self, full: [usize; 4]) -> Result<(), KernelError> {
        if self.dims.iter().zip(full).any(|(&dim, full)| dim != 1 && dim != full) {
            return Err(KernelError::Shape("the mask does not fit [batch, heads, queries, keys]"));
        }
        let expected = product(&self.dims).unwrap_or(usize::MAX);
        exact("mask", expected, self.values.len())
    }
}

/// What one call computes.
#[derive(Debug, Clone, Copy)]
pub struct AttentionInputs<'a> {
    /// Sequences.
    pub batch: usize,
    /// Rows of queries of each.
    pub queries: usize,
    /// Rows of keys and values of each.
    pub keys: usize,
    /// Queries, `heads` in a row.
    pub q: View<'a>,
    /// Keys, `kv_heads` in a row.
    pub k: View<'a>,
    /// Values, `kv_heads` in a row.
    pub v: View<'a>,
    /// What is added to the scores.
    pub mask: Option<Mask<'a>>,
}

/// Checked dimensions of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub batch: usize,
    pub queries: usize,
    pub keys: usize,
    pub heads: usize,
    pub kv_heads: usize,
    /// Numbers of a head in a row.
    pub size: usize,
    pub causal: bool,
}

impl Shape {
    /// # Errors
    /// Those of [`Attention::forward`], but for the instruction set.
    pub fn check(
        attention: &Attention,
        inputs: &AttentionInputs<'_>,
        output: usize,
    ) -> Result<Self, KernelError> {
        let &Attention { heads, kv_heads, head_size: size, causal, .. } = attention;
        let &AttentionInputs { batch, queries, keys, .. } = inputs;
        if heads == 0 || kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(KernelError::Shape("heads of keys and values have to divide those of queries"));
        }
        exact("output", product(&[batch, queries, heads, size]).unwrap_or(usize::MAX), output)?;
        inputs.q.check("queries", [batch, queries, heads, size])?;
        inputs.k.check("keys", [batch, keys, kv_heads, size])?;
        inputs.v.check("values", [batch, keys, kv_heads, size])?;
        if let Some(mask) = &inputs.mask {
            mask.check([batch, heads, queries, keys])?;
        }
        Ok(Self { batch, queries, keys, heads, kv_heads, size, causal })
    }

    /// Query heads that share a head of keys.
    pub const fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Rows of queries that are multiplied with the same keys.
    pub const fn rows(&self) -> usize {
        self.group() * self.queries
    }

    /// Head and query of such rows from `first` on.
    #[inline(always)]
    pub const fn places(&self, kv_head: usize, first: usize) -> Places {
        let (head, query) = (kv_head * self.group() + first / self.queries, first % self.queries);
        Places { head, query, queries: self.queries }
    }

    /// How many keys a query sees.
    #[inline(always)]
    pub fn visible(&self, query: usize) -> usize {
        if self.causal {
            (query + 1 + self.keys).saturating_sub(self.queries).min(self.keys)
        } else {
            self.keys
        }
    }
}

/// Head and query of one row after the other, without divisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub head: usize,
    pub query: usize,
    queries: usize,
}

impl Places {
    #[inline(always)]
    pub const fn step(&mut self) {
        self.query += 1;
        if self.query == self.queries {
            (self.head, self.query) = (self.head + 1, 0);
        }
    }
}

fn product(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
}

fn exact(what: &'static str, expected: usize, found: usize) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
}
