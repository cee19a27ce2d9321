//! What happens to a tile of sums before it is written, while it is in the nearest cache.

use std::array;

use super::quantize::Scale;
use super::rows::Rows;
use crate::isa::{ACC_PITCH, Acc, Micro};
use crate::layout::{PANEL, Packed};
use crate::math::activation::{self, Activation};
use crate::math::fma;

/// Where a tile lies: `m` rows of the block from `row`, `p` panels from `panel`.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, 'w> {
    pub weights: &'a Packed<'w>,
    pub row: usize,
    pub m: usize,
    pub panel: usize,
    pub p: usize,
}

/// 16 columns.
type Lanes<T> = [T; PANEL];

/// The 16 values of a panel's columns. The slice has N' values.
#[inline(always)]
fn columns<T>(values: &[T], panel: usize) -> &Lanes<T> {
    &values.as_chunks().0[panel]
}

/// The sums of a tile's row in one of its panels.
#[inline(always)]
fn lanes<T>(acc: &Acc<T>, row: usize, panel: usize) -> &Lanes<T> {
    &acc.0.as_chunks().0[row * (ACC_PITCH / PANEL) + panel]
}

#[inline(always)]
fn lanes_mut<T>(acc: &mut Acc<T>, row: usize, panel: usize) -> &mut Lanes<T> {
    &mut acc.0.as_chunks_mut().0[row * (ACC_PITCH / PANEL) + panel]
}

/// Sums of products of codes without the part of the zero point.
#[inline(always)]
fn centred(sums: &Lanes<i32>, zero: i32, column_sums: &Lanes<i32>) -> Lanes<f32> {
    array::from_fn(|at| sums[at].wrapping_sub(zero.wrapping_mul(column_sums[at])) as f32)
}

/// int8 with one scale for a row: sums of codes to values, with the bias.
#[inline(always)]
pub(super) fn scale<M: Micro>(place: &Tile<'_, '_>, scales: &[Scale], codes: &Acc<i32>, tile: &mut Acc<f32>) {
    for at in 0..place.p {
        let panel = place.panel + at;
        let column_scales = columns(place.weights.scales(), panel);
        let column_sums = columns(place.weights.sums(), panel);
        let bias = place.weights.bias().map_or([0.0; PANEL], |bias| *columns(bias, panel));
        for row in 0..place.m {
            let scale = scales[place.row + row];
            let values = centred(lanes(codes, row, at), scale.zero, column_sums);
            // The scale of the row comes last: the product of both might be too small or too large, this is not.
            *lanes_mut(tile, row, at) =
                array::from_fn(|at| fma::<M>(values[at] * column_scales[at], scale.scale, bias[at]));
        }
    }
}

/// int8 with a scale for each group: adds a group, without the scales of the columns.
#[inline(always)]
pub(super) fn add_group<M: Micro>(
    place: &Tile<'_, '_>,
    group: usize,
    scales: &[Scale],
    codes: &Acc<i32>,
    tile: &mut Acc<f32>,
) {
    let header = place.weights.header();
    let sums = &place.weights.sums()[group * header.padded_n()..];
    for at in 0..place.p {
        let column_sums = columns(sums, place.panel + at);
        for row in 0..place.m {
            let scale = scales[(place.row + row) * header.groups() + group];
            let values = centred(lanes(codes, row, at), scale.zero, column_sums);
            let total = lanes_mut(tile, row, at);
            *total = array::from_fn(|at| fma::<M>(values[at], scale.scale, total[at]));
        }
    }
}

/// The scales of the columns, for a tile of groups, and the bias.
#[inline(always)]
pub(super) fn scale_columns<M: Micro>(place: &Tile<'_, '_>, tile: &mut Acc<f32>) {
    for at in 0..place.p {
        let panel = place.panel + at;
        let scales = columns(place.weights.scales(), panel);
        let bias = place.weights.bias().map_or([0.0; PANEL], |bias| *columns(bias, panel));
        for row in 0..place.m {
            let values = lanes_mut(tile, row, at);
            *values = array::from_fn(|at| fma::<M>(values[at], scales[at], bias[at]));
        }
    }
}

impl Tile<'_, '_> {
    #[inline(always)]
    pub fn add_bias(&self, tile: &mut Acc<f32>) {
        let Some(bias) = self.weights.bias() else { return };
        for at in 0..self.p {
            let bias = columns(bias, self.panel + at);
            for row in 0..self.m {
                let values = lanes_mut(tile, row, at);
                *values = array::from_fn(|at| values[at] + bias[at]);
            }
        }
    }

    /// Channels that are kept in full: their values times their weights.
    #[inline(always)]
    pub fn add_outliers<M: Micro>(&self, rows: &Rows<'_>, tile: &mut Acc<f32>) {
        let count = rows.outliers.len() / rows.count;
        let mut first = 0;
        while first < count {
            if count - first >= 4 {
                self.add_some_outliers::<M, 4>(rows, first, tile);
                first += 4;
            } else {
                self.add_some_outliers::<M, 1>(rows, first, tile);
                first += 1;
            }
        }
    }

    /// So many from `first`: as many weights stay in registers for all rows.
    #[inline(always)]
    fn add_some_outliers<M: Micro, const C: usize>(
        &self,
        rows: &Rows<'_>,
        first: usize,
        tile: &mut Acc<f32>,
    ) {
        let count = rows.outliers.len() / rows.count;
        let panels = self.weights.header().padded_n() / PANEL;
        let all = self.weights.outlier_rows().as_chunks::<PANEL>().0;
        for at in 0..self.p {
            let weights: [Lanes<f32>; C] =
                array::from_fn(|channel| all[(first + channel) * panels + self.panel + at]);
            for row in 0..self.m {
                let xs = &rows.outliers[(self.row + row) * count + first..][..C];
                let mut values = *lanes(tile, row, at);
                for channel in 0..C {
                    values = array::from_fn(|at| fma::<M>(xs[channel], weights[channel][at], values[at]));
                }
                *lanes_mut(tile, row, at) = values;
            }
        }
    }

    #[inline(always)]
    pub fn activate<M: Micro>(&self, activation: Activation, tile: &mut Acc<f32>) {
        for row in 0..self.m {
            for at in 0..self.p {
                activation::apply::<M>(activation, lanes_mut(tile, row, at));
            }
        }
    }

    /// Adds the residual and writes the columns that exist.
    ///
    /// # Safety
    /// `y` points to the block's first row of the output, which has the tile's rows and columns, and nobody else uses
    /// those now.
    #[inline(always)]
    pub unsafe fn store(&self, tile: &Acc<f32>, residual: Option<&[f32]>, y: *mut f32) {
        let n = self.weights.n();
        for at in 0..self.p {
            let first = (self.panel + at) * PANEL;
            let count = PANEL.min(n - first);
            for row in 0..self.m {
                let start = (self.row + row) * n + first;
                let mut values = *lanes(tile, row, at);
                let residual = residual.map(|residual| &residual[start..start + count]);
                // SAFETY: the caller's promise.
                let to = unsafe { std::slice::from_raw_parts_mut(y.add(start), count) };
                if let Some(to) = to.as_chunks_mut::<PANEL>().0.first_mut() {
                    if let Some(residual) = residual {
                        values = array::from_fn(|at| values[at] + residual[at]);
                    }
                    *to = values;
                    continue;
                }
                if let Some(residual) = residual {
                    values.iter_mut().zip(residual).for_each(|(value, residual)| *value += residual);
                }
                to.copy_from_slice(&values[..count]);
            }
        }
    }
}
