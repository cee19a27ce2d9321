//! From the sums of a tile to `x W + bias`: scales of rows and columns, zero points, outlier channels.

use std::array;

use super::epilogue::Tile;
use super::quantize::Scale;
use crate::isa::{ACC_PITCH, Acc, Job, Micro};
use crate::layout::{PANEL, Packed};
use crate::math::fma;

/// 16 columns.
pub(super) type Lanes<T> = [T; PANEL];

/// The 16 values of a panel's columns. The slice has N' values.
#[inline(always)]
pub(super) fn columns<T>(values: &[T], panel: usize) -> &Lanes<T> {
    &values.as_chunks().0[panel]
}

/// The sums of a tile's row in one of its panels.
#[inline(always)]
fn lanes<T>(acc: &Acc<T>, row: usize, panel: usize) -> &Lanes<T> {
    &acc.0.as_chunks().0[row * (ACC_PITCH / PANEL) + panel]
}

/// Sums of products of codes without the part of the zero point.
#[inline(always)]
fn centred(sums: &Lanes<i32>, zero: i32, column_sums: &Lanes<i32>) -> Lanes<f32> {
    array::from_fn(|at| sums[at].wrapping_sub(zero.wrapping_mul(column_sums[at])) as f32)
}

/// Sums of a tile, which become `x W + bias`, but for outlier channels.
pub(super) trait Start: Copy {
    /// Whether there may be outlier channels.
    const OUTLIERS: bool;
    /// Whether they may be rounded to bf16.
    const ROUNDED: bool;
    /// Whether they are worth a pass of their own that ends with a residual.
    const RESIDUAL: bool;
    /// Whether they are worth one that ends with an activation. It is for products of rounded numbers.
    const ACTIVATION: bool;

    /// Those of a tile's row in one of its panels.
    fn values<M: Micro>(self, row: usize, panel: usize, columns: &Columns<'_>) -> Lanes<f32>;
}

/// Sums that are floats.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a>(pub &'a Acc<f32>);

impl Start for Plain<'_> {
    const OUTLIERS: bool = false;
    const ROUNDED: bool = true;
    const RESIDUAL: bool = true;
    const ACTIVATION: bool = false;

    #[inline(always)]
    fn values<M: Micro>(self, row: usize, panel: usize, columns: &Columns<'_>) -> Lanes<f32> {
        let sums = lanes(self.0, row, panel);
        array::from_fn(|at| sums[at] + columns.bias[at])
    }
}

/// int8 with a scale for each group of K: floats without the scales of the columns.
#[derive(Clone, Copy)]
pub(super) struct Groups<'a>(pub &'a Acc<f32>);

impl Start for Groups<'_> {
    const OUTLIERS: bool = true;
    const ROUNDED: bool = false;
    const RESIDUAL: bool = false;
    const ACTIVATION: bool = false;

    #[inline(always)]
    fn values<M: Micro>(self, row: usize, panel: usize, columns: &Columns<'_>) -> Lanes<f32> {
        let sums = lanes(self.0, row, panel);
        array::from_fn(|at| fma::<M>(sums[at], columns.scales[at], columns.bias[at]))
    }
}

/// int8 with one scale for a row: sums of codes, and the scales of the tile's rows.
#[derive(Clone, Copy)]
pub(super) struct Codes<'a>(pub &'a Acc<i32>, pub &'a [Scale]);

impl Start for Codes<'_> {
    const OUTLIERS: bool = true;
    const ROUNDED: bool = false;
    const RESIDUAL: bool = true;
    const ACTIVATION: bool = true;

    #[inline(always)]
    fn values<M: Micro>(self, row: usize, panel: usize, columns: &Columns<'_>) -> Lanes<f32> {
        let Scale { scale, zero } = self.1[row];
        let values = centred(lanes(self.0, row, panel), zero, &columns.sums);
        // The scale of the row comes last: the product of both might be too small or too large, this is not.
        array::from_fn(|at| fma::<M>(values[at] * columns.scales[at], scale, columns.bias[at]))
    }
}

/// Adds a group of K to the sums of [`Groups`].
pub(super) struct AddGroup<'a, 'w> {
    pub place: &'a Tile<'a, 'w>,
    pub group: usize,
    /// Of all rows and groups.
    pub scales: &'a [Scale],
    pub codes: &'a Acc<i32>,
    pub total: &'a mut Acc<f32>,
}

impl Job for AddGroup<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Micro>(self) {
        let Self { place, group, codes, .. } = self;
        let header = place.weights.header();
        let groups = header.groups();
        let sums = &place.weights.sums()[group * header.padded_n()..];
        let scales = &self.scales[place.row * groups + group..];
        for at in 0..place.p {
            let column_sums = *columns(sums, place.panel + at);
            for row in 0..place.m {
                let Scale { scale, zero } = scales[row * groups];
                let values = centred(lanes(codes, row, at), zero, &column_sums);
                let total: &mut Lanes<f32> =
                    &mut self.total.0.as_chunks_mut().0[row * (ACC_PITCH / PANEL) + at];
                *total = array::from_fn(|at| fma::<M>(values[at], scale, total[at]));
            }
        }
    }
}

/// How many outlier channels have their weights in registers.
const FIRST: usize = 4;

/// What belongs to the columns of a panel. What the weights do not have is zeros.
pub(super) struct Columns<'w> {
    bias: Lanes<f32>,
    /// int8 only, as `sums`.
    scales: Lanes<f32>,
    sums: Lanes<i32>,
    /// The first outlier channels, if there are so many: they stay in registers for all rows.
    first: [Lanes<f32>; FIRST],
    /// The rows of all outlier channels, from this panel on.
    outliers: &'w [Lanes<f32>],
    /// Panels from one channel to the next.
    pitch: usize,
}

impl<'w> Columns<'w> {
    #[inline(always)]
    pub fn of(weights: &Packed<'w>, panel: usize, channels: usize) -> Self {
        let pitch = weights.header().padded_n() / PANEL;
        let outliers = weights.outlier_rows().as_chunks().0.get(panel..).unwrap_or_default();
        let or_zeros = |values: &[f32]| values.as_chunks().0.get(panel).copied().unwrap_or_default();
        let mut first = [[0.0; PANEL]; FIRST];
        if channels >= FIRST {
            first = array::from_fn(|channel| outliers[channel * pitch]);
        }
        Self {
            bias: or_zeros(weights.bias().unwrap_or_default()),
            scales: or_zeros(weights.scales()),
            sums: weights.sums().as_chunks().0.get(panel).copied().unwrap_or_default(),
            first,
            outliers,
            pitch,
        }
    }

    /// Adds channels that are kept in full: their values times their weights.
    #[inline(always)]
    pub fn add_outliers<M: Micro>(&self, xs: &[f32], mut values: Lanes<f32>) -> Lanes<f32> {
        let mut rest = 0;
        if let Some(xs) = xs.first_chunk::<FIRST>() {
            for (x, weights) in xs.iter().zip(&self.first) {
                values = array::from_fn(|at| fma::<M>(*x, weights[at], values[at]));
            }
            rest = FIRST;
        }
        for (channel, x) in xs.iter().enumerate().skip(rest) {
            let weights = &self.outliers[channel * self.pitch];
            values = array::from_fn(|at| fma::<M>(*x, weights[at], values[at]));
        }
        values
    }
}
