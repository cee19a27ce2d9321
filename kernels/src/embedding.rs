//! Rows of a table by their ids.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::KernelError;
use crate::isa::{Isa, Job, Micro};
use crate::layout::{Format, Kind, LayoutError, Packed, cast};
use crate::linear::check;
use crate::math::half::{f32_from_bf16, f32_from_fp16};
use crate::parallel::{Parallel, Shared, part};

/// Values below which other threads are not worth the call.
const SMALL: usize = 1 << 14;

/// A table of embeddings on packed weights.
#[derive(Debug, Clone)]
pub struct Embedding<'w> {
    packed: Packed<'w>,
    isa: Isa,
}

impl<'w> Embedding<'w> {
    /// With the instruction set [`Isa::active`].
    ///
    /// # Errors
    /// [`KernelError::Layout`] if this is no table; [`KernelError::Isa`] if the environment asks for an instruction set
    /// that cannot be had.
    pub fn new(packed: Packed<'w>) -> Result<Self, KernelError> {
        Self::with_isa(packed, Isa::active()?)
    }

    /// With a certain instruction set.
    ///
    /// # Errors
    /// [`KernelError::Layout`] if this is no table; [`KernelError::Isa`] if this CPU lacks it.
    pub fn with_isa(packed: Packed<'w>, isa: Isa) -> Result<Self, KernelError> {
        let isa = isa.checked()?;
        if packed.kind() != Kind::Embedding {
            return Err(LayoutError::Kind { expected: Kind::Embedding, found: packed.kind() }.into());
        }
        Ok(Self { packed, isa })
    }

    /// Rows of the table.
    pub fn rows(&self) -> usize {
        self.packed.k()
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.packed.n()
    }

    /// Writes the row of each id, one after the other, to `out` \[ids, width\]. Negative ids count from the end, as in
    /// ONNX's Gather. Many ids are split among the threads of `pool`.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `out` has another length; [`KernelError::Index`] for the first id beyond the table,
    /// with `out` as it was or partly written.
    pub fn lookup(&self, ids: &[i64], out: &mut [f32], pool: &dyn Parallel) -> Result<(), KernelError> {
        let width = self.width();
        check("out", ids.len(), width, out.len())?;
        let tasks = if out.len() < SMALL { 1 } else { pool.threads().clamp(1, ids.len()) };
        let bad = AtomicUsize::new(usize::MAX);
        let to = Shared(out.as_mut_ptr());
        let work = |task: usize| {
            let part = part(ids.len(), 1, tasks, task);
            // SAFETY: the parts are apart and lie within `out`.
            let out =
                unsafe { std::slice::from_raw_parts_mut(to.at(part.start * width), part.len() * width) };
            let copy = Copy { packed: &self.packed, ids: &ids[part.clone()], out };
            // SAFETY: the instruction set has been checked when this was made.
            if let Some(at) = unsafe { self.isa.run(copy) } {
                bad.fetch_min(part.start + at, Ordering::Relaxed);
            }
        };
        if tasks == 1 {
            work(0);
        } else {
            pool.run(tasks, &work);
        }
        match ids.get(bad.into_inner()) {
            Some(index) => Err(KernelError::Index { index: *index, rows: self.rows() }),
            None => Ok(()),
        }
    }
}

/// Some ids; gives the place of the first that is wrong.
struct Copy<'a, 'w> {
    packed: &'a Packed<'w>,
    ids: &'a [i64],
    out: &'a mut [f32],
}

impl Job for Copy<'_, '_> {
    type Output = Option<usize>;
    const ONLY_FLOATS: bool = true;

    #[inline(always)]
    fn run<M: Micro>(self) -> Option<usize> {
        let (rows, width) = (self.packed.k(), self.packed.n());
        let bytes = width * self.packed.format().bytes();
        for (at, (id, out)) in self.ids.iter().zip(self.out.chunks_exact_mut(width)).enumerate() {
            let id = if *id < 0 { id.saturating_add_unsigned(rows as u64) } else { *id };
            let Some(row) = usize::try_from(id).ok().filter(|row| *row < rows) else { return Some(at) };
            read(self.packed, row, &self.packed.values()[row * bytes..][..bytes], out);
        }
        None
    }
}

#[inline(always)]
fn read(packed: &Packed<'_>, row: usize, bytes: &[u8], out: &mut [f32]) {
    match packed.format() {
        Format::Fp32 => out.copy_from_slice(cast(bytes)),
        Format::Fp16 => widen(cast(bytes), out, f32_from_fp16),
        Format::Bf16 => widen(cast(bytes), out, f32_from_bf16),
        Format::Int8 => {
            let scale = packed.scales()[row];
            widen(cast(bytes), out, |code: i8| f32::from(code) * scale);
        }
    }
}

#[inline(always)]
fn widen<T: std::marker::Copy>(values: &[T], out: &mut [f32], to: impl Fn(T) -> f32) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = to(*value);
    }
}
