//! A call, split into tasks: by rows, or by columns when there are few rows.

use super::{BLOCK_ROWS, Block, Destination, Epilogue, Input, Linear, Source, scratch_bytes};
use crate::isa::MAX_ROWS;
use crate::layout::PANEL;
use crate::norm::{Norm, normalise};
use crate::parallel::{Parallel, Shared, part};
use crate::scratch;

/// Panels that are multiplied at once, at most; columns are split into whole multiples.
const PANELS: usize = 3;

/// Values below which a norm is not worth a call of other threads.
const SMALL_NORM: usize = 1 << 14;

/// A call of [`Linear::forward`], checked.
pub(crate) struct Call<'a, 'w> {
    pub linear: &'a Linear<'w>,
    pub rows: usize,
    pub x: &'a [f32],
    pub residual: Option<&'a [f32]>,
    pub epilogue: &'a Epilogue<'a>,
}

/// Tasks for so many rows, if each task takes whole rows; `None` if threads would have to wait for the last of them.
pub(crate) fn row_tasks(rows: usize, threads: usize) -> Option<usize> {
    if threads <= 1 {
        return Some(1);
    }
    let tiles = rows.div_ceil(MAX_ROWS);
    // With two tiles for each thread, the last one to end makes the others wait for a third of the time at most.
    (tiles >= 2 * threads).then(|| rows.div_ceil(BLOCK_ROWS).next_multiple_of(threads).min(tiles))
}

impl Call<'_, '_> {
    /// Computes into `y`, \[rows, N\].
    pub fn run(&self, y: &mut [f32], pool: &dyn Parallel) {
        if self.rows == 0 {
            return;
        }
        match row_tasks(self.rows, pool.threads()) {
            Some(1) => self.rows(Shared(y.as_mut_ptr()), 0..self.rows),
            Some(tasks) => {
                let y = Shared(y.as_mut_ptr());
                pool.run(tasks, &|task| self.rows(y, part(self.rows, MAX_ROWS, tasks, task)));
            }
            None => self.by_columns(y, pool),
        }
    }

    /// Whole rows, block by block.
    fn rows(&self, y: Shared<f32>, rows: std::ops::Range<usize>) {
        let panels = 0..self.panels();
        for start in rows.clone().step_by(BLOCK_ROWS) {
            self.block(y, start..rows.end.min(start + BLOCK_ROWS), panels.clone(), true);
        }
    }

    /// All rows, each task with its own panels; norms need whole rows and come afterwards.
    fn by_columns(&self, y: &mut [f32], pool: &dyn Parallel) {
        let panels = self.panels();
        let tasks = pool.threads().min(panels.div_ceil(PANELS));
        let shared = Shared(y.as_mut_ptr());
        pool.run(tasks, &|task| {
            let panels = part(panels, PANELS, tasks, task);
            for start in (0..self.rows).step_by(BLOCK_ROWS) {
                self.block(shared, start..self.rows.min(start + BLOCK_ROWS), panels.clone(), false);
            }
        });
        if let Some(norm) = &self.epilogue.norm {
            self.normalise(norm, y, pool);
        }
    }

    fn normalise(&self, norm: &Norm<'_>, y: &mut [f32], pool: &dyn Parallel) {
        let n = self.linear.n();
        let tasks = if y.len() < SMALL_NORM { 1 } else { pool.threads().min(self.rows) };
        let y = Shared(y.as_mut_ptr());
        let work = |task: usize| {
            let rows = part(self.rows, 1, tasks, task);
            // SAFETY: the parts are apart and lie within `y`, which the tasks before have left.
            let rows = unsafe { std::slice::from_raw_parts_mut(y.at(rows.start * n), rows.len() * n) };
            // SAFETY: a `Linear` only has an instruction set that the CPU has.
            unsafe { normalise(self.linear.isa, norm, rows) };
        };
        if tasks == 1 {
            work(0);
        } else {
            pool.run(tasks, &work);
        };
    }

    fn panels(&self) -> usize {
        self.linear.n().div_ceil(PANEL)
    }

    fn block(
        &self,
        y: Shared<f32>,
        rows: std::ops::Range<usize>,
        panels: std::ops::Range<usize>,
        whole: bool,
    ) {
        let (k, n) = (self.linear.k(), self.linear.n());
        let weights = &self.linear.packed;
        scratch::with_task(scratch_bytes(weights, BLOCK_ROWS), |scratch| {
            let block = Block {
                weights,
                x: Source::Floats(Input::dense(&self.x[rows.start * k..rows.end * k], k)),
                residual: self.residual.map(|residual| &residual[rows.start * n..rows.end * n]),
                // SAFETY: the row lies within `y`.
                y: Destination::Floats(unsafe { y.at(rows.start * n) }),
                panels,
                activation: self.epilogue.activation,
                norm: self.epilogue.norm.as_ref().filter(|_| whole),
                scratch,
            };
            // SAFETY: a `Linear` only has an instruction set that the CPU has.
            unsafe { self.linear.code().run(block) };
        });
    }
}
