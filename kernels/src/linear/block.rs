//! The work of one task: a block of rows with a range of panels.

use std::ops::Range;

use super::epilogue::{Destination, Few, Output, Tile, write};
use super::rows::{self, Rows, Source};
use super::sums::{AddGroup, Codes, Groups, Plain};
use crate::isa::{ACC_PITCH, Acc, Job, MAX_ROWS, Micro, Panels};
use crate::layout::{Format, GROUP, PANEL, Packed};
use crate::math::activation::Activation;
use crate::norm::Norm;
use crate::parallel::part;
use crate::scratch::Scratch;

/// Rows that are brought into form at once; the panels stream past them.
pub(crate) const BLOCK_ROWS: usize = 64;

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// Rows of the input with a range of panels.
pub(crate) struct Block<'a, 'w> {
    pub weights: &'a Packed<'w>,
    pub x: Source<'a>,
    /// \[rows, N\]
    pub residual: Option<&'a [f32]>,
    pub y: Destination,
    pub panels: Range<usize>,
    pub activation: Activation,
    /// Only with all panels, and for floats.
    pub norm: Option<&'a Norm<'a>>,
    pub scratch: Scratch<'a>,
}

/// Scratch memory for a block of so many rows.
pub(crate) fn scratch_bytes(weights: &Packed<'_>, rows: usize) -> usize {
    rows::scratch_bytes(weights, rows)
}

impl Job for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Micro>(mut self) {
        let weights = self.weights;
        let count = self.x.count();
        let rows = Rows::prepare::<M>(weights, self.x, &mut self.scratch);
        let panel_bytes = weights.panel_bytes();
        let base = weights.values().as_ptr();
        let output = Output { activation: self.activation, residual: self.residual, y: self.y };
        let mut memory = Memory::new();
        let mut panel = self.panels.start;
        while panel < self.panels.end {
            let p = M::panels(count).min(self.panels.end - panel);
            // SAFETY: the panels lie within the weights; what is not there is the first one once more.
            let at = std::array::from_fn(|at| unsafe {
                base.add((panel + if at < p { at } else { 0 }) * panel_bytes)
            });
            // The panels after these, from memory that is far away: each tile of rows brings a part of them nearer.
            let ahead = (self.panels.end - panel - p).min(p) * panel_bytes / LINE;
            let tiles = count.div_ceil(M::MAX_ROWS);
            let mut row = 0;
            while row < count {
                let m = M::MAX_ROWS.min(count - row);
                let tile = Tile { weights, row, m, panel, p };
                let lines = part(ahead, 1, tiles, row / M::MAX_ROWS);
                let next = base.wrapping_add((panel + p) * panel_bytes + lines.start * LINE);
                let panels = Panels { at, next, lines: if tiles > 1 { lines.len() } else { 0 } };
                // SAFETY: rows and panels are there, and these rows and columns of `y` are this task's. The CPU has the
                // instructions, since this runs in `enter`.
                unsafe { memory.tile::<M>(&rows, tile, panels, &output) };
                row += m;
            }
            panel += p;
        }
        if let (Some(norm), Destination::Floats(y)) = (self.norm, self.y) {
            debug_assert_eq!(self.panels, 0..weights.header().padded_n() / PANEL);
            // SAFETY: with all panels the rows are this task's alone.
            norm.apply::<M>(unsafe { std::slice::from_raw_parts_mut(y, count * weights.n()) });
        }
    }
}

/// Memory for the sums of a tile.
struct Memory {
    codes: Acc<i32>,
    tile: Acc<f32>,
    few: Few,
}

impl Memory {
    #[inline(always)]
    fn new() -> Self {
        Self {
            codes: Acc([0; MAX_ROWS * ACC_PITCH]),
            tile: Acc([0.0; MAX_ROWS * ACC_PITCH]),
            few: [[0.0; PANEL]; MAX_ROWS],
        }
    }

    /// The products of the rows and panels of a tile, and what becomes of them.
    ///
    /// # Safety
    /// As for the tiles of [`Micro`] and for [`write()`].
    #[inline(always)]
    unsafe fn tile<M: Micro>(
        &mut self,
        rows: &Rows<'_>,
        place: Tile<'_, '_>,
        panels: Panels,
        output: &Output<'_>,
    ) {
        let Tile { weights, row, m, p, .. } = place;
        let tile = self.tile.0.as_mut_ptr();
        // SAFETY: the row is there.
        let a = unsafe { rows.base.add(row * rows.stride) };
        let values = weights.panel_bytes() / 64;
        // SAFETY: the caller's promise; rows have as many values as the panels, with padding where those have it.
        unsafe {
            match weights.format() {
                Format::Fp32 if M::serves(Format::Fp32) => {
                    M::tile_f32(m, p, a.cast(), rows.stride / 4, panels, values, tile);
                }
                Format::Fp16 if M::serves(Format::Fp16) => {
                    M::tile_f16(m, p, a.cast(), rows.stride / 4, panels, values, tile);
                }
                Format::Bf16 if M::serves(Format::Bf16) => {
                    M::tile_bf16(m, p, a, rows.stride, panels, values, tile);
                }
                Format::Int8 if M::serves(Format::Int8) && weights.grouped() => {
                    self.groups::<M>(rows, a, place, panels);
                    return write::<M, _>(&place, Groups(&self.tile), rows, output, &mut self.few);
                }
                Format::Int8 if M::serves(Format::Int8) => {
                    M::tile_i8(m, p, a, rows.stride, panels, values, self.codes.0.as_mut_ptr());
                    let codes = Codes(&self.codes, &rows.scales[row..row + m]);
                    return write::<M, _>(&place, codes, rows, output, &mut self.few);
                }
                _ => unreachable!("`Isa::for_format` leads to one that serves the format"),
            }
            write::<M, _>(&place, Plain(&self.tile), rows, output, &mut self.few);
        }
    }

    /// int8 with a scale for each group of K: sums of each group are scaled, then added.
    #[inline(always)]
    unsafe fn groups<M: Micro>(
        &mut self,
        rows: &Rows<'_>,
        a: *const u8,
        place: Tile<'_, '_>,
        panels: Panels,
    ) {
        self.tile.0.fill(0.0);
        let total = place.weights.panel_bytes() / 64;
        let step = GROUP / Format::Int8.values_per_row();
        for group in 0..place.weights.header().groups() {
            let start = group * step;
            let count = step.min(total - start);
            // SAFETY: the caller's promise: rows and panels go on as far as K does, and the CPU has the instructions.
            unsafe {
                let panels = Panels::new(panels.map(|panel| panel.add(start * 64)));
                let a = a.add(start * Format::Int8.values_per_row());
                M::tile_i8(place.m, place.p, a, rows.stride, panels, count, self.codes.0.as_mut_ptr());
                let (scales, codes, total) = (rows.scales, &self.codes, &mut self.tile);
                M::enter(AddGroup { place: &place, group, scales, codes, total });
            }
        }
    }
}
