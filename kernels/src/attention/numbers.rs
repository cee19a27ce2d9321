//! The two forms that factors of products have: f32, and pairs of bf16.

use crate::isa::{Micro, Panels};
use crate::scratch::Plain;

/// Columns of a panel.
pub(super) const COLUMNS: usize = 16;

/// A form of factors. A row of a panel has 16 columns of [`NUMBERS`](Self::NUMBERS) consecutive ones.
pub(super) trait Numbers: Copy + 'static {
    /// One number.
    type Number: Plain;
    /// How many are in 4 bytes.
    const NUMBERS: usize;
    /// 0.
    const ZERO: Self::Number;

    /// The nearest number to each.
    ///
    /// # Safety
    /// The CPU has the instructions of `M`.
    unsafe fn round<M: Micro>(values: &[f32; COLUMNS]) -> [Self::Number; COLUMNS];

    /// `2^x - 1 = x * q(x)` for `x` from `-0.5` to `0.5`: coefficients of `q` from the highest down. As
    /// close as these numbers can tell.
    const POWER: &'static [f32];

    /// Products of `m` rows of factors with `p` panels; see [`Micro`].
    ///
    /// # Safety
    /// As [`Micro::tile_f32`], with `steps` rows of the panels.
    unsafe fn tile<M: Micro>(
        m: usize,
        p: usize,
        a: *const Self::Number,
        a_stride: usize,
        panels: Panels,
        steps: usize,
        acc: *mut f32,
    );
}

/// Factors as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fp32;

impl Numbers for Fp32 {
    type Number = f32;
    const NUMBERS: usize = 1;
    const ZERO: f32 = 0.0;
    // Relative errors below 1e-7.
    const POWER: &'static [f32] =
        &[0.001_326_472_7, 0.009_671_513, 0.055_507_336, 0.240_222_42, 0.693_146_94];

    #[inline(always)]
    unsafe fn round<M: Micro>(values: &[f32; COLUMNS]) -> [f32; COLUMNS] {
        *values
    }

    #[inline(always)]
    unsafe fn tile<M: Micro>(
        m: usize,
        p: usize,
        a: *const f32,
        a_stride: usize,
        panels: Panels,
        steps: usize,
        acc: *mut f32,
    ) {
        // SAFETY: the caller's promise.
        unsafe { M::tile_f32(m, p, a, a_stride, panels, steps, acc) }
    }
}

/// Factors rounded to bf16, for instruction sets that multiply pairs of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bf16;

impl Numbers for Bf16 {
    type Number = u16;
    const NUMBERS: usize = 2;
    const ZERO: u16 = 0;
    // Relative errors below 1.1e-4; the number is off by up to 2e-3.
    const POWER: &'static [f32] = &[0.055_008_933, 0.242_210_95, 0.693_282_96];

    #[inline(always)]
    unsafe fn round<M: Micro>(values: &[f32; COLUMNS]) -> [u16; COLUMNS] {
        // SAFETY: the caller's promise.
        unsafe { M::round_bf16(values) }
    }

    #[inline(always)]
    unsafe fn tile<M: Micro>(
        m: usize,
        p: usize,
        a: *const u16,
        a_stride: usize,
        panels: Panels,
        steps: usize,
        acc: *mut f32,
    ) {
        // SAFETY: the caller's promise; this form is only used where `M::BF16`, so rows are pairs.
        unsafe { M::tile_bf16(m, p, a.cast(), 2 * a_stride, panels, steps, acc) }
    }
}

/// Rounds a row; what is left of `out` becomes 0.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn round<M: Micro, N: Numbers>(row: &[f32], factor: f32, out: &mut [N::Number]) {
    let (values, _) = row.as_chunks::<COLUMNS>();
    let (chunks, _) = out.as_chunks_mut::<COLUMNS>();
    for (out, values) in chunks.iter_mut().zip(values) {
        // SAFETY: the caller's promise.
        *out = unsafe { scaled::<M, N>(*values, factor) };
    }
    let whole = values.len();
    if out.len() > whole * COLUMNS {
        // SAFETY: the caller's promise.
        let rest = unsafe { scaled::<M, N>(columns(row, whole), factor) };
        let out = &mut out[whole * COLUMNS..];
        out.copy_from_slice(&rest[..out.len()]);
    }
}

/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
unsafe fn scaled<M: Micro, N: Numbers>(mut values: [f32; COLUMNS], factor: f32) -> [N::Number; COLUMNS] {
    for value in &mut values {
        *value *= factor;
    }
    // SAFETY: the caller's promise.
    unsafe { N::round::<M>(&values) }
}

/// The numbers of a row that are in a panel, and zeros.
#[inline(always)]
pub(super) fn columns(row: &[f32], panel: usize) -> [f32; COLUMNS] {
    let row = row.get(panel * COLUMNS..).unwrap_or_default();
    if let Some(whole) = row.first_chunk() {
        return *whole;
    }
    let mut columns = [0.0; COLUMNS];
    columns[..row.len()].copy_from_slice(row);
    columns
}
