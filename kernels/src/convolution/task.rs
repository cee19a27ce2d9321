//! One task of a convolution: a block of windows with a range of columns.

use std::ops::Range;

use super::output::maximum;
use super::transpose::transpose;
use super::{Channels, Convolution1d, ConvolutionInput, ConvolutionOutput};
use crate::isa::MAX_ROWS;
use crate::layout::PANEL;
use crate::linear::{Activation, BLOCK_ROWS, Block, Destination, Input, Source, scratch_bytes};
use crate::parallel::{Parallel, Shared, part};
use crate::scratch::{self, Scratch};

/// Panels that are multiplied at once, at most.
const PANELS: usize = 3;

/// How windows and columns are split into tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// Windows of a block.
    pub rows: usize,
    /// Blocks of a sequence.
    pub blocks: usize,
    /// Parts of the columns.
    pub parts: usize,
}

impl Split {
    pub fn new(batch: usize, windows: usize, n: usize, threads: usize) -> Self {
        let threads = threads.max(1);
        // Two blocks for each thread if that leaves whole tiles.
        let share = if threads == 1 { BLOCK_ROWS } else { (batch * windows).div_ceil(2 * threads) };
        let rows = share.next_multiple_of(MAX_ROWS).min(BLOCK_ROWS).min(windows);
        let blocks = windows.div_ceil(rows);
        let parts = threads.div_ceil(batch * blocks).min(n.div_ceil(PANEL).div_ceil(PANELS));
        Self { rows, blocks, parts }
    }
}

/// A call of [`Convolution1d::forward`], checked; there are results.
pub(super) struct Call<'a, 'w> {
    pub convolution: &'a Convolution1d<'w>,
    pub input: &'a ConvolutionInput<'a>,
    pub activation: Activation,
    pub output: ConvolutionOutput,
    /// Windows of a sequence.
    pub windows: usize,
    pub split: Split,
}

/// Windows of one sequence, and columns.
struct Piece {
    batch: usize,
    block: usize,
    windows: Range<usize>,
    panels: Range<usize>,
}

impl Call<'_, '_> {
    /// Computes into `y`: results in their order, or for maxima \[batch, blocks, N\].
    pub fn run(&self, y: Shared<f32>, pool: &dyn Parallel) {
        let Split { blocks, parts, .. } = self.split;
        pool.run(self.input.batch * blocks * parts, &|index| self.task(index, y));
    }

    fn piece(&self, index: usize) -> Piece {
        let Split { rows, blocks, parts } = self.split;
        let (block, column) = (index / parts, index % parts);
        let panels = self.convolution.linear.n().div_ceil(PANEL);
        let first = block % blocks * rows;
        Piece {
            batch: block / blocks,
            block,
            windows: first..self.windows.min(first + rows),
            panels: part(panels, PANELS, parts, column),
        }
    }

    fn task(&self, index: usize, y: Shared<f32>) {
        let Convolution1d { linear, channels, kernel, stride } = self.convolution;
        let piece = self.piece(index);
        let (n, rows) = (linear.n(), self.split.rows);
        let positions = (rows - 1) * stride + kernel;
        let inner = scratch_bytes(linear.packed(), rows);
        let bytes = Scratch::bytes::<f32>(positions * channels) + Scratch::bytes::<f32>(rows * n) + inner;
        scratch::with_task(bytes, |mut scratch| {
            let copy = scratch.take::<f32>(positions * channels);
            let results = scratch.take::<f32>(rows * n);
            let count = piece.windows.len();
            let start = (piece.batch * self.windows + piece.windows.start) * n;
            let block = Block {
                weights: linear.packed(),
                x: Source::Floats(Input {
                    values: self.values(&piece, copy),
                    count,
                    stride: stride.saturating_mul(*channels),
                }),
                residual: None,
                y: Destination::Floats(match self.output {
                    // SAFETY: the rows lie within `y`.
                    ConvolutionOutput::Last => unsafe { y.at(start) },
                    _ => results.as_mut_ptr(),
                }),
                panels: piece.panels.clone(),
                activation: self.activation,
                norm: None,
                scratch,
            };
            // SAFETY: a `Linear` only has an instruction set that the CPU has.
            unsafe { linear.code().run(block) };
            // SAFETY: these windows and columns are this task's.
            unsafe { self.write(&piece, &results[..count * n], y) };
        });
    }

    /// From the first number of the piece's first window to the last one of its last, with zeros where nothing is.
    fn values<'a>(&'a self, piece: &Piece, copy: &'a mut [f32]) -> &'a [f32] {
        let &Convolution1d { channels, kernel, stride, .. } = self.convolution;
        let &ConvolutionInput { length, x, padding: [before, _], .. } = self.input;
        let x = &x[piece.batch * length * channels..][..length * channels];
        // Positions, counted from the first zero.
        let start = piece.windows.start * stride;
        let end = (piece.windows.end - 1) * stride + kernel;
        let there = start.clamp(before, before + length)..end.clamp(before, before + length);
        let from = there.start - before..there.end - before;
        if self.input.channels == Channels::Last && there == (start..end) {
            return &x[from.start * channels..from.end * channels];
        }
        let copy = &mut copy[..(end - start) * channels];
        let zeros = if there.is_empty() { end - start } else { there.start - start };
        let (zeros, rest) = copy.split_at_mut(zeros * channels);
        let (numbers, more_zeros) = rest.split_at_mut(there.len() * channels);
        zeros.fill(0.0);
        more_zeros.fill(0.0);
        match self.input.channels {
            Channels::Last => numbers.copy_from_slice(&x[from.start * channels..from.end * channels]),
            Channels::First if from.is_empty() => {}
            // SAFETY: `numbers` has the positions and channels.
            Channels::First => unsafe {
                transpose((&x[from.start..], length), (numbers.as_mut_ptr(), channels), channels, from.len());
            },
        }
        copy
    }

    /// Writes the results of a piece that are not where they belong yet.
    ///
    /// # Safety
    /// `y` has the results of all windows, or the maxima of all blocks, and nobody else uses those of the piece.
    unsafe fn write(&self, piece: &Piece, results: &[f32], y: Shared<f32>) {
        let n = self.convolution.linear.n();
        let columns = piece.panels.start * PANEL..n.min(piece.panels.end * PANEL);
        match self.output {
            ConvolutionOutput::Last => {}
            // SAFETY: the caller's promise.
            ConvolutionOutput::First => unsafe {
                let start = (piece.batch * n + columns.start) * self.windows + piece.windows.start;
                let to = (y.at(start), self.windows);
                transpose((&results[columns.start..], n), to, piece.windows.len(), columns.len());
            },
            ConvolutionOutput::Maximum => {
                // SAFETY: the caller's promise.
                let largest = unsafe {
                    let start = y.at(piece.block * n + columns.start);
                    std::slice::from_raw_parts_mut(start, columns.len())
                };
                maximum(results, n, columns, largest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_have_work() {
        let split = |batch, windows, threads| Split::new(batch, windows, 512, threads);
        assert_eq!(split(1, 512, 1), Split { rows: 64, blocks: 8, parts: 1 });
        assert_eq!(split(1, 512, 2), Split { rows: 64, blocks: 8, parts: 1 });
        assert_eq!(split(1, 512, 8), Split { rows: 32, blocks: 16, parts: 1 });
        assert_eq!(split(1, 3, 4), Split { rows: 3, blocks: 1, parts: 4 });
        assert_eq!(split(3, 1, 4), Split { rows: 1, blocks: 1, parts: 2 });
    }
}
