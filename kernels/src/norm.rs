//! Norms of rows: LayerNorm and RMSNorm.

use std::array;

use crate::error::KernelError;
use crate::isa::{Isa, Job, Micro};
use crate::math::fma;

/// Which norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormKind {
    /// (x - mean) / sqrt(variance + epsilon) * gamma + beta.
    Layer,
    /// x / sqrt(mean of squares + epsilon) * gamma + beta.
    Rms,
}

/// A norm over the values of each row.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Which one.
    pub kind: NormKind,
    /// What keeps the divisor from 0.
    pub epsilon: f32,
    /// Factors, \[N\].
    pub gamma: &'a [f32],
    /// Summands, \[N\].
    pub beta: Option<&'a [f32]>,
}

impl Norm<'_> {
    /// Whether it is for rows of this length.
    pub(crate) fn check(&self, n: usize) -> Result<(), KernelError> {
        crate::linear::check("gamma", 1, n, self.gamma.len())?;
        self.beta.map_or(Ok(()), |beta| crate::linear::check("beta", 1, n, beta.len()))
    }

    /// Normalises rows of `gamma`'s length in place.
    #[inline(always)]
    pub(crate) fn apply<M: Micro>(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.gamma.len()) {
            self.row::<M>(row);
        }
    }

    #[inline(always)]
    fn row<M: Micro>(&self, row: &mut [f32]) {
        let count = row.len() as f32;
        let mean = match self.kind {
            NormKind::Layer => sum(row) / count,
            NormKind::Rms => 0.0,
        };
        // Around the mean in a second pass: a difference of two large sums would have no digits left.
        let variance = squares::<M>(row, mean) / count;
        let factor = 1.0 / (variance + self.epsilon).sqrt();
        match self.beta {
            Some(beta) => {
                for ((x, gamma), beta) in row.iter_mut().zip(self.gamma).zip(beta) {
                    *x = fma::<M>((*x - mean) * factor, *gamma, *beta);
                }
            }
            None => {
                for (x, gamma) in row.iter_mut().zip(self.gamma) {
                    *x = (*x - mean) * factor * gamma;
                }
            }
        }
    }
}

/// Sums go along rows in this many lanes, in a fixed order, so that they can be vector code.
const LANES: usize = 16;

/// The sum of all values.
#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let (pairs, rest) = row.as_chunks::<{ 2 * LANES }>();
    let (mut even, mut odd) = ([0_f32; LANES], [0_f32; LANES]);
    for pair in pairs {
        even = array::from_fn(|lane| even[lane] + pair[lane]);
        odd = array::from_fn(|lane| odd[lane] + pair[LANES + lane]);
    }
    together(even, odd) + rest.iter().sum::<f32>()
}

/// The sum of the squares of all differences.
#[inline(always)]
fn squares<M: Micro>(row: &[f32], mean: f32) -> f32 {
    let (pairs, rest) = row.as_chunks::<{ 2 * LANES }>();
    let (mut even, mut odd) = ([0_f32; LANES], [0_f32; LANES]);
    for pair in pairs {
        even = array::from_fn(|lane| fma::<M>(pair[lane] - mean, pair[lane] - mean, even[lane]));
        odd =
            array::from_fn(|lane| fma::<M>(pair[LANES + lane] - mean, pair[LANES + lane] - mean, odd[lane]));
    }
    let mut total = together(even, odd);
    for x in rest {
        total = fma::<M>(x - mean, x - mean, total);
    }
    total
}

/// All lanes in one, by halves.
#[inline(always)]
fn together(even: [f32; LANES], odd: [f32; LANES]) -> f32 {
    let mut lanes: [f32; LANES] = array::from_fn(|lane| even[lane] + odd[lane]);
    for width in [8, 4, 2, 1] {
        for at in 0..width {
            lanes[at] += lanes[at + width];
        }
    }
    lanes[0]
}

struct Rows<'a>(&'a Norm<'a>, &'a mut [f32]);

impl Job for Rows<'_> {
    type Output = ();
    const ONLY_FLOATS: bool = true;

    #[inline(always)]
    fn run<M: Micro>(self) {
        self.0.apply::<M>(self.1);
    }
}

/// Normalises whole rows.
///
/// # Safety
/// This CPU has the instruction set.
pub(crate) unsafe fn normalise(isa: Isa, norm: &Norm<'_>, rows: &mut [f32]) {
    // SAFETY: the caller's promise.
    unsafe { isa.run(Rows(norm, rows)) };
}
