//! What happens to a tile of sums on its way to the output, while it is in the nearest cache: bias, outlier channels,
//! activation, residual.

use std::array;

use super::rows::{Rows, bf16_stride};
use super::sums::{Columns, Lanes, Start, columns};
use crate::isa::{Job, MAX_ROWS, Micro};
use crate::layout::{Format, PANEL, Packed};
use crate::math::activation::{self, Activation};

/// Where a tile lies: `m` rows of the block from `row`, `p` panels from `panel`.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, 'w> {
    pub weights: &'a Packed<'w>,
    pub row: usize,
    pub m: usize,
    pub panel: usize,
    pub p: usize,
}

/// What a block's results become, and where they go.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    pub activation: Activation,
    /// \[rows, N\]
    pub residual: Option<&'a [f32]>,
    pub y: Destination,
}

/// The first row of a block's output.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    /// Rows are N apart.
    Floats(*mut f32),
    /// What another product with bf16 reads: rows are [`bf16_stride`] bytes apart, with room for whole panels. Only for
    /// weights of bf16, where the CPU multiplies bf16, and without a residual.
    Rounded(*mut u16),
}

/// One pass over a tile, from its sums to the output. Made by [`write()`] alone.
///
/// There is one for each combination of parameters that is worth it: what is not needed costs nothing.
struct Write<'a, 'w, S, const OUTLIERS: bool, const ACTIVATION: bool, const RESIDUAL: bool> {
    tile: &'a Tile<'a, 'w>,
    sums: S,
    rows: &'a Rows<'a>,
    output: &'a Output<'a>,
    y: *mut f32,
    few: &'a mut Few,
}

/// Values of the last panel, of which not all columns may exist.
pub(super) type Few = [Lanes<f32>; MAX_ROWS];

/// Writes `activation(x W + bias) + residual` of a tile.
///
/// # Safety
/// The CPU has the instructions of `M`. The output has the tile's rows and columns, and nobody else uses those now.
#[inline(always)]
pub(super) unsafe fn write<M: Micro, S: Start>(
    tile: &Tile<'_, '_>,
    sums: S,
    rows: &Rows<'_>,
    output: &Output<'_>,
    few: &mut Few,
) {
    let y = match output.y {
        Destination::Floats(y) => y,
        Destination::Rounded(y) if M::BF16 && S::ROUNDED => {
            // SAFETY: the caller's promise.
            return unsafe { M::enter(WriteRounded { tile, sums, activation: output.activation, y }) };
        }
        Destination::Rounded(_) => unreachable!("only products of bf16 have rounded results"),
    };
    let is_active = output.activation != Activation::None;
    let has_residual = output.residual.is_some();
    // With outlier channels, if there may be any, also where there are none: only what is most frequent has a pass without.
    // SAFETY: the caller's promise.
    unsafe {
        if S::ACTIVATION && !M::SMALL && is_active && !has_residual {
            return M::enter(Write::<S, true, true, false> { tile, sums, rows, output, y, few });
        }
        if S::RESIDUAL && !M::SMALL && !is_active && has_residual {
            if S::OUTLIERS {
                return M::enter(Write::<S, true, false, true> { tile, sums, rows, output, y, few });
            }
            return M::enter(Write::<S, false, false, true> { tile, sums, rows, output, y, few });
        }
        if S::OUTLIERS && !rows.outliers.is_empty() {
            M::enter(Write::<S, true, false, false> { tile, sums, rows, output, y, few });
        } else {
            M::enter(Write::<S, false, false, false> { tile, sums, rows, output, y, few });
        }
        if is_active || has_residual {
            M::enter(Behind { tile, output, y });
        }
    }
}

impl<S: Start, const OUTLIERS: bool, const ACTIVATION: bool, const RESIDUAL: bool> Job
    for Write<'_, '_, S, OUTLIERS, ACTIVATION, RESIDUAL>
{
    type Output = ();

    #[inline(always)]
    fn run<M: Micro>(self) {
        let Self { tile, sums, rows, output, few, .. } = self;
        let n = tile.weights.n();
        let residual = output.residual.unwrap_or_default();
        let channels = rows.channels();
        let outliers = &rows.outliers[tile.row * channels..];
        for at in 0..tile.p {
            let column = (tile.panel + at) * PANEL;
            let (first, count) = (tile.row * n + column, PANEL.min(n - column));
            let of_panel = Columns::of(tile.weights, tile.panel + at, channels);
            // SAFETY: the tile's rows and columns are there, as was promised to `write`.
            let y = unsafe { self.y.add(first) };
            let (to, pitch) = if count == PANEL { (y, n) } else { (few.as_mut_ptr().cast(), PANEL) };
            for row in 0..tile.m {
                let mut values = sums.values::<M>(row, at, &of_panel);
                if OUTLIERS {
                    values = of_panel.add_outliers::<M>(&outliers[row * channels..][..channels], values);
                }
                if ACTIVATION {
                    activation::apply::<M>(output.activation, true, &mut values);
                }
                if RESIDUAL && count == PANEL {
                    let residual: &Lanes<f32> = columns(&residual[first + row * n..], 0);
                    values = array::from_fn(|at| values[at] + residual[at]);
                }
                // SAFETY: 16 numbers of a row of the output, or of `few`, which has all rows.
                unsafe { *to.add(row * pitch).cast::<Lanes<f32>>() = values };
            }
            if count == PANEL {
                continue;
            }
            for (row, values) in few.iter().enumerate().take(tile.m) {
                // SAFETY: the columns that exist of a row of the output.
                let to = unsafe { std::slice::from_raw_parts_mut(y.add(row * n), count) };
                to.copy_from_slice(&values[..count]);
                if RESIDUAL {
                    let residual = &residual[first + row * n..];
                    to.iter_mut().zip(residual).for_each(|(value, residual)| *value += residual);
                }
            }
        }
    }
}

/// Activation and residual, after everything else: what [`Write`] does not do on the way. Made by [`write()`] alone.
struct Behind<'a, 'w> {
    tile: &'a Tile<'a, 'w>,
    output: &'a Output<'a>,
    y: *mut f32,
}

impl Job for Behind<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Micro>(self) {
        let Self { tile, output, y } = self;
        let n = tile.weights.n();
        let rounded = matches!(tile.weights.format(), Format::Bf16 | Format::Int8);
        let columns = tile.panel * PANEL..n.min((tile.panel + tile.p) * PANEL);
        for row in tile.row..tile.row + tile.m {
            let start = row * n + columns.start;
            // SAFETY: the tile's rows and columns are there, as was promised to `write`.
            let values = unsafe { std::slice::from_raw_parts_mut(y.add(start), columns.len()) };
            activation::apply::<M>(output.activation, rounded, values);
            if let Some(residual) = output.residual {
                values.iter_mut().zip(&residual[start..]).for_each(|(value, residual)| *value += residual);
            }
        }
    }
}

/// The same to rows that another product with bf16 reads. Made by [`write()`] alone.
struct WriteRounded<'a, 'w, S> {
    tile: &'a Tile<'a, 'w>,
    sums: S,
    activation: Activation,
    y: *mut u16,
}

impl<S: Start> Job for WriteRounded<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: Micro>(self) {
        let Self { tile, sums, activation, y } = self;
        let pitch = bf16_stride(tile.weights.n()) / size_of::<u16>();
        for at in 0..tile.p {
            let column = (tile.panel + at) * PANEL;
            let of_panel = Columns::of(tile.weights, tile.panel + at, 0);
            for row in 0..tile.m {
                let mut values = sums.values::<M>(row, at, &of_panel);
                activation::apply::<M>(activation, true, &mut values);
                // SAFETY: 16 numbers of a row of the output, which has room for whole panels; the CPU has the instructions.
                unsafe {
                    let to = y.add((tile.row + row) * pitch + column).cast();
                    *to = M::round_bf16(&values);
                }
            }
        }
    }
}
