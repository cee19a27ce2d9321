//! Two linear layers with an activation in between: `y = norm(down(activation(up(x))) + residual)`.

use std::ops::Range;

use crate::error::KernelError;
use crate::isa::MAX_ROWS;
use crate::layout::{Format, PANEL};
use crate::linear::{
    Activation, Block, Call, Destination, Epilogue, Input, Linear, Norm, Source, bf16_stride, check,
    row_tasks, scratch_bytes,
};
use crate::parallel::{Parallel, Shared, part};
use crate::scratch::{self, Scratch};

/// Rows that go through both layers at once, so that the values in between stay in the caches.
const ROWS: usize = 32;

/// A feed-forward block on packed weights.
///
/// Numbers are those of two [`Linear`]s one after the other.
#[derive(Debug, Clone)]
pub struct FeedForward<'w> {
    up: Linear<'w>,
    down: Linear<'w>,
    activation: Activation,
}

impl<'w> FeedForward<'w> {
    /// `up` gives the rows that `down` takes.
    ///
    /// # Errors
    /// [`KernelError::Shape`] if it does not, or if they are for different instruction sets.
    pub fn new(up: Linear<'w>, down: Linear<'w>, activation: Activation) -> Result<Self, KernelError> {
        if up.n() != down.k() {
            return Err(KernelError::Shape(
                "the first layer gives rows of another length than the second takes",
            ));
        }
        if up.isa() != down.isa() {
            return Err(KernelError::Shape("the layers are for different instruction sets"));
        }
        Ok(Self { up, down, activation })
    }

    /// Length of an input row.
    pub fn k(&self) -> usize {
        self.up.k()
    }

    /// Length of an output row.
    pub fn n(&self) -> usize {
        self.down.n()
    }

    /// Computes `y = norm(down(activation(up(x))) + residual)`.
    ///
    /// `x` is \[rows, K\], `residual` and `y` are \[rows, N\], all without gaps. Threads and memory as in
    /// [`Linear::forward`].
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not have the length that follows from `rows`.
    pub fn forward(
        &self,
        rows: usize,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        norm: Option<Norm<'_>>,
        pool: &dyn Parallel,
    ) -> Result<(), KernelError> {
        check("x", rows, self.k(), x.len())?;
        check("y", rows, self.n(), y.len())?;
        if let Some(residual) = residual {
            check("residual", rows, self.n(), residual.len())?;
        }
        if let Some(norm) = &norm {
            norm.check(self.n())?;
        }
        let Some(tasks) = row_tasks(rows, pool.threads()) else {
            self.few(rows, x, residual, y, norm, pool);
            return Ok(());
        };
        let y = Shared(y.as_mut_ptr());
        pool.run(tasks, &|task| {
            self.rows(part(rows, MAX_ROWS, tasks, task), x, residual, y, norm.as_ref());
        });
        Ok(())
    }

    /// Few rows: one layer, then the other, each split by columns.
    fn few(
        &self,
        rows: usize,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        norm: Option<Norm<'_>>,
        pool: &dyn Parallel,
    ) {
        let width = self.up.n();
        scratch::with_call(Scratch::bytes::<f32>(rows * width), |mut scratch| {
            let between = scratch.take::<f32>(rows * width);
            let epilogue = Epilogue { activation: self.activation, norm: None };
            Call { linear: &self.up, rows, x, residual: None, epilogue: &epilogue }.run(between, pool);
            let epilogue = Epilogue { activation: Activation::None, norm };
            Call { linear: &self.down, rows, x: between, residual, epilogue: &epilogue }.run(y, pool);
        });
    }

    /// Whole rows through both layers, a few at a time.
    fn rows(
        &self,
        rows: Range<usize>,
        x: &[f32],
        residual: Option<&[f32]>,
        y: Shared<f32>,
        norm: Option<&Norm<'_>>,
    ) {
        let (k, width, n) = (self.k(), self.up.n(), self.n());
        let (up, down) = (self.up.packed(), self.down.packed());
        let is_rounded = self.is_rounded();
        let inner = scratch_bytes(up, ROWS).max(scratch_bytes(down, ROWS));
        let row_bytes = if is_rounded { bf16_stride(width) } else { width * size_of::<f32>() };
        let bytes = Scratch::bytes::<u8>(ROWS * row_bytes) + inner;
        scratch::with_task(bytes, |mut scratch| {
            let (mut floats, mut rounded): (&mut [f32], &mut [u16]) = (&mut [], &mut []);
            if is_rounded {
                rounded = scratch.take(ROWS * row_bytes / size_of::<u16>());
            } else {
                floats = scratch.take(ROWS * width);
            }
            let memory = scratch.take::<u8>(inner);
            for start in rows.clone().step_by(ROWS) {
                let end = rows.end.min(start + ROWS);
                let first = Block {
                    weights: up,
                    x: Source::Floats(Input::dense(&x[start * k..end * k], k)),
                    residual: None,
                    y: if is_rounded {
                        Destination::Rounded(rounded.as_mut_ptr())
                    } else {
                        Destination::Floats(floats.as_mut_ptr())
                    },
                    panels: 0..width.div_ceil(PANEL),
                    activation: self.activation,
                    norm: None,
                    scratch: Scratch::of(memory),
                };
                // SAFETY: a `Linear` only has an instruction set that the CPU has.
                unsafe { self.up.code().run(first) };
                let second = Block {
                    weights: down,
                    x: if is_rounded {
                        Source::Rounded(rounded, end - start)
                    } else {
                        Source::Floats(Input::dense(&floats[..(end - start) * width], width))
                    },
                    residual: residual.map(|residual| &residual[start * n..end * n]),
                    // SAFETY: the row lies within `y`.
                    y: Destination::Floats(unsafe { y.at(start * n) }),
                    panels: 0..n.div_ceil(PANEL),
                    activation: Activation::None,
                    norm,
                    scratch: Scratch::of(memory),
                };
                // SAFETY: as above.
                unsafe { self.down.code().run(second) };
            }
        });
    }

    /// Whether the values in between are rounded to bf16 anyway: then they are stored so.
    fn is_rounded(&self) -> bool {
        let formats = [self.up.packed().format(), self.down.packed().format()];
        formats == [Format::Bf16; 2] && self.up.isa().multiplies_bf16()
    }
}
