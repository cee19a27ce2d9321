//! One task: the rows of queries that meet the same keys, block by block.

use super::inputs::{Mask, MaskRow, Places, Shape, View};
use super::numbers::{COLUMNS, Numbers, round};
use super::pack;
use super::plan::Plan;
use super::softmax::{Row, WIDTH, exponentials, prepare};
use crate::isa::{MAX_ROWS, Micro, Panels};
use crate::parallel::Shared;
use crate::scratch::Scratch;

/// The most panels that one tile covers.
const PANELS: usize = WIDTH / COLUMNS;
/// How many scores a block has at most, if that is more than one tile of rows.
const BLOCK_SCORES: usize = 1 << 12;

/// What all tasks of a call share. Inputs have been checked for the shape.
pub(super) struct Call<'a> {
    pub shape: Shape,
    pub scale: f32,
    pub q: View<'a>,
    pub k: View<'a>,
    pub v: View<'a>,
    pub mask: Option<Mask<'a>>,
    pub plan: Plan,
    /// `[batch, queries, heads * size]`
    pub y: Shared<f32>,
}

/// Sizes of a task's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Rows of a tile.
    tile: usize,
    /// Tiles of a block.
    tiles: usize,
    /// Numbers of a row of queries, padded.
    row: usize,
    /// Numbers of a row of weights, padded.
    weights: usize,
    /// Numbers of all panels of keys.
    keys: usize,
    /// Numbers of all panels of values.
    values: usize,
    /// Scores of one tile of rows.
    scores: usize,
}

impl Sizes {
    /// With `tile` rows in a tile, and `numbers` in 4 bytes. None if they are beyond any memory.
    pub fn new(shape: &Shape, tile: usize, numbers: usize) -> Option<Self> {
        let keys = shape.keys.checked_next_multiple_of(WIDTH)?;
        let columns = shape.size.checked_next_multiple_of(COLUMNS)?;
        // Nothing is larger than this.
        keys.checked_mul(columns)?.checked_mul(16 * size_of::<f32>() * tile)?;
        let scores = keys * tile;
        let row = shape.size.next_multiple_of(numbers);
        Some(Self {
            tile,
            tiles: shape.rows().div_ceil(tile).min((BLOCK_SCORES / scores).max(1)),
            row,
            weights: shape.keys.next_multiple_of(COLUMNS),
            keys: shape.keys.next_multiple_of(COLUMNS) * row,
            values: shape.keys.next_multiple_of(numbers) * columns,
            scores,
        })
    }

    /// How much memory [`run`] takes.
    pub fn bytes<N: Numbers>(&self) -> usize {
        Scratch::bytes::<N::Number>(self.keys)
            + Scratch::bytes::<N::Number>(self.values)
            + Scratch::bytes::<N::Number>(self.row * COLUMNS)
            + Scratch::bytes::<N::Number>(self.row * self.tile * self.tiles)
            + Scratch::bytes::<N::Number>(self.weights * self.tile)
            + Scratch::bytes::<f32>(self.scores * self.tiles)
            + Scratch::bytes::<f32>(WIDTH * self.tile)
    }
}

/// Memory of a task.
struct Memory<'a, N: Numbers> {
    keys: &'a mut [N::Number],
    values: &'a mut [N::Number],
    queries: &'a mut [N::Number],
    weights: &'a mut [N::Number],
    scores: &'a mut [f32],
    products: &'a mut [f32],
}

/// The task `index` of the call.
///
/// # Safety
/// The CPU has the instructions of `M`. Its output has the size of its shape, and nobody else writes to the rows
/// of this task meanwhile.
#[inline(always)]
pub(super) unsafe fn run<M: Micro, N: Numbers>(
    call: &Call<'_>,
    sizes: &Sizes,
    index: usize,
    mut scratch: Scratch<'_>,
) {
    let piece = call.plan.piece(index);
    let head = (piece.batch, piece.head, call.shape.size);
    let keys = scratch.take(sizes.keys);
    let values = scratch.take(sizes.values);
    // SAFETY: the caller's promise.
    unsafe {
        pack::keys::<M, N>(&call.k, head, call.shape.keys, scratch.take(sizes.row * COLUMNS), keys);
        pack::values::<M, N>(&call.v, head, call.shape.keys, values);
    }
    let memory = Memory::<N> {
        keys,
        values,
        queries: scratch.take(sizes.row * sizes.tile * sizes.tiles),
        weights: scratch.take(sizes.weights * sizes.tile),
        scores: scratch.take(sizes.scores * sizes.tiles),
        products: scratch.take(WIDTH * sizes.tile),
    };
    let heads = piece.head * call.shape.group()..(piece.head + 1) * call.shape.group();
    let mask = call.mask.filter(|mask| !mask.is_zero(piece.batch, heads));
    let mut head = Head { call, sizes, memory, batch: piece.batch, head: piece.head, mask };
    let mut first = piece.rows.start;
    while first < piece.rows.end {
        let rows = (piece.rows.end - first).min(sizes.tile * sizes.tiles);
        // SAFETY: the caller's promise.
        unsafe { head.block::<M>(first, rows) };
        first += rows;
    }
}

/// One head of keys and values, packed.
struct Head<'a, 'm, N: Numbers> {
    call: &'a Call<'a>,
    sizes: &'a Sizes,
    memory: Memory<'m, N>,
    batch: usize,
    head: usize,
    /// If it is not known to be zeros.
    mask: Option<Mask<'a>>,
}

impl<N: Numbers> Head<'_, '_, N> {
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn block<M: Micro>(&mut self, first: usize, rows: usize) {
        let sizes = *self.sizes;
        let shape = self.call.shape;
        let mut place = shape.places(self.head, first);
        for out in self.memory.queries.chunks_exact_mut(sizes.row).take(rows) {
            let row = self.call.q.row(self.batch, place.query, place.head, shape.size);
            place.step();
            // SAFETY: the caller's promise.
            unsafe { round::<M, N>(row, self.call.scale, out) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.scores::<M>(first, rows) };
        for tile in 0..rows.div_ceil(sizes.tile) {
            let from = tile * sizes.tile;
            // SAFETY: the caller's promise.
            unsafe { self.tile::<M>(tile, first + from, (rows - from).min(sizes.tile)) };
        }
    }

    /// How many keys the first `rows` rows from `first` on see at most.
    #[inline(always)]
    fn visible(&self, first: usize, rows: usize) -> usize {
        let shape = &self.call.shape;
        if !shape.causal {
            return shape.keys;
        }
        let (mut place, mut most) = (shape.places(self.head, first), 0);
        for _ in 0..rows {
            most = most.max(shape.visible(place.query));
            place.step();
        }
        most
    }

    /// Scores of a block: the same panels for one tile of rows after the other, while they are in the nearest cache.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn scores<M: Micro>(&mut self, first: usize, rows: usize) {
        let sizes = *self.sizes;
        let panels = self.call.shape.keys.div_ceil(COLUMNS);
        let pitch = sizes.row * COLUMNS;
        for chunk in 0..panels.div_ceil(PANELS) {
            let keys = &self.memory.keys[chunk * PANELS * pitch..];
            let count = (panels - chunk * PANELS).min(PANELS);
            for tile in 0..rows.div_ceil(sizes.tile) {
                let from = tile * sizes.tile;
                let m = (rows - from).min(sizes.tile);
                if chunk > 0 && chunk * WIDTH >= self.visible(first + from, m) {
                    continue;
                }
                let a = &self.memory.queries[from * sizes.row..];
                let acc = &mut self.memory.scores[tile * sizes.scores + chunk * WIDTH * sizes.tile..];
                // SAFETY: `m` rows of queries, `count` panels and `m` rows of scores lie within the memory.
                unsafe { product::<M, N>(m, count, a, sizes.row, keys, pitch, sizes.row / N::NUMBERS, acc) };
            }
        }
    }

    /// Softmax of the rows of one tile, and their sums of values.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn tile<M: Micro>(&mut self, tile: usize, first: usize, rows: usize) {
        let sizes = *self.sizes;
        let shape = self.call.shape;
        let most = self.visible(first, rows);
        let panels = most.div_ceil(COLUMNS).max(1);
        let pitch = WIDTH * sizes.tile;
        let mut place = shape.places(self.head, first);
        let mut maxima = [0.0; MAX_ROWS];
        // One thing for all rows after the other: the CPU then works on several rows at a time.
        for (at, maximum) in maxima.iter_mut().enumerate().take(rows) {
            let Places { head, query, .. } = place;
            place.step();
            let mask = match self.mask {
                Some(mask) => mask.row(self.batch, head, query),
                None => MaskRow::None,
            };
            let scores = &mut self.memory.scores[tile * sizes.scores + at * WIDTH..];
            *maximum = prepare(&mut Row { scores, pitch }, panels, shape.visible(query), mask);
        }
        let mut sums = [0.0; MAX_ROWS];
        for (at, sum) in sums.iter_mut().enumerate().take(rows) {
            let scores = &mut self.memory.scores[tile * sizes.scores + at * WIDTH..];
            let weights = &mut self.memory.weights[at * sizes.weights..][..panels * COLUMNS];
            // SAFETY: the caller's promise.
            *sum = unsafe { exponentials::<M, N>(&mut Row { scores, pitch }, maxima[at], weights) };
        }
        let factors = sums.map(|sum| 1.0 / sum);
        let steps = most.div_ceil(N::NUMBERS);
        let pitch = shape.keys.div_ceil(N::NUMBERS) * N::NUMBERS * COLUMNS;
        let all = shape.size.div_ceil(COLUMNS);
        for panel in (0..all).step_by(PANELS) {
            let count = (all - panel).min(PANELS);
            let values = &self.memory.values[panel * pitch..];
            let acc = &mut *self.memory.products;
            // SAFETY: `rows` rows of weights, `count` panels and `rows` rows of products lie within the memory.
            unsafe {
                product::<M, N>(rows, count, self.memory.weights, sizes.weights, values, pitch, steps, acc);
            };
            let columns = panel * COLUMNS..(panel * COLUMNS + WIDTH).min(shape.size);
            let mut place = shape.places(self.head, first);
            for (at, factor) in factors.iter().enumerate().take(rows) {
                let row = (self.batch * shape.queries + place.query) * shape.heads + place.head;
                place.step();
                // SAFETY: the row is one of this task's, which nobody else touches, and lies within the output.
                let y = unsafe {
                    let start = self.call.y.at(row * shape.size + columns.start);
                    std::slice::from_raw_parts_mut(start, columns.len())
                };
                for (y, product) in y.iter_mut().zip(&acc[at * WIDTH..]) {
                    *y = product * factor;
                }
            }
        }
    }
}

/// Products of `m` rows with `count` (at most 3) panels, to rows of 48.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn product<M: Micro, N: Numbers>(
    m: usize,
    count: usize,
    a: &[N::Number],
    a_stride: usize,
    panels: &[N::Number],
    pitch: usize,
    steps: usize,
    acc: &mut [f32],
) {
    assert!(m <= M::MAX_ROWS && count <= PANELS && steps * N::NUMBERS <= a_stride);
    assert!(a.len() >= m * a_stride && acc.len() >= m * WIDTH);
    assert!(steps * N::NUMBERS * COLUMNS <= pitch && panels.len() >= count * pitch);
    for first in (0..count).step_by(M::MAX_PANELS) {
        let pointer = |at: usize| panels[(first + at).min(count - 1) * pitch..].as_ptr().cast();
        // SAFETY: the CPU has the instructions. Rows, panels and products have been checked to be within the slices;
        // panels begin on 64-byte borders.
        unsafe {
            let panels = Panels::new([pointer(0), pointer(1), pointer(2)]);
            let p = (count - first).min(M::MAX_PANELS);
            N::tile::<M>(m, p, a.as_ptr(), a_stride, panels, steps, acc.as_mut_ptr().add(first * COLUMNS));
        }
    }
}
