//! Tiles in plain Rust, for CPUs that there is no other code for, and for Miri.

use super::Isa;
use super::micro::{ACC_PITCH, Job, Micro, Panels};
use crate::math::half::{f32_from_bf16, f32_from_fp16};

/// Plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// The sums of one row with one panel: `step` adds a row of 64 bytes.
///
/// # Safety
/// `panel` points to `rows` rows of 64 bytes, `acc` to 16 elements.
#[inline(always)]
unsafe fn panel<T: Copy + Default>(
    panel: *const u8,
    rows: usize,
    acc: *mut T,
    mut step: impl FnMut(usize, &[u8; 64], &mut [T; 16]),
) {
    let mut sums = [T::default(); 16];
    for row in 0..rows {
        // SAFETY: the caller's promise.
        step(row, unsafe { &*panel.add(row * 64).cast() }, &mut sums);
    }
    // SAFETY: the caller's promise.
    unsafe { acc.cast::<[T; 16]>().write_unaligned(sums) };
}

/// Every row with every panel: `work(row, panel, acc)`.
#[inline(always)]
unsafe fn each<T>(m: usize, p: usize, acc: *mut T, mut work: impl FnMut(usize, usize, *mut T)) {
    for row in 0..m {
        for panel in 0..p {
            // SAFETY: `acc` is as large as a full tile.
            work(row, panel, unsafe { acc.add(row * ACC_PITCH + panel * 16) });
        }
    }
}

#[inline(always)]
fn half_at(row: &[u8; 64], at: usize) -> u16 {
    u16::from_le_bytes([row[at * 2], row[at * 2 + 1]])
}

/// Rows of f32 with panels of 16-bit floats.
#[inline(always)]
unsafe fn halves(
    (m, p): (usize, usize),
    (a, a_stride): (*const f32, usize),
    panels: Panels,
    pairs: usize,
    acc: *mut f32,
    widen: impl Fn(u16) -> f32,
) {
    // SAFETY: the caller's promise (see `Micro`).
    unsafe {
        each(m, p, acc, |row, at, acc| {
            panel(panels[at], pairs, acc, |pair, weights, sums: &mut [f32; 16]| {
                for half in 0..2 {
                    let value = a.add(row * a_stride + pair * 2 + half).read();
                    for (column, sum) in sums.iter_mut().enumerate() {
                        *sum += value * widen(half_at(weights, column * 2 + half));
                    }
                }
            });
        });
    }
}

impl Micro for Portable {
    const ISA: Isa = Isa::Portable;
    const MAX_ROWS: usize = 4;
    const MAX_PANELS: usize = 1;
    const FMA: bool = false;
    const BF16: bool = false;
    const SMALL: bool = true;

    #[inline(never)]
    unsafe fn enter<J: Job>(job: J) -> J::Output {
        job.run::<Self>()
    }

    unsafe fn tile_i8(
        m: usize,
        p: usize,
        a: *const u8,
        a_stride: usize,
        panels: Panels,
        groups: usize,
        acc: *mut i32,
    ) {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe {
            each(m, p, acc, |row, at, acc| {
                panel(panels[at], groups, acc, |group, weights, sums: &mut [i32; 16]| {
                    let codes = a.add(row * a_stride + group * 4).cast::<[u8; 4]>().read();
                    for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
                        let product = |at: usize| i32::from(codes[at]) * i32::from(weights[at] as i8);
                        *sum = sum.wrapping_add(product(0) + product(1) + product(2) + product(3));
                    }
                });
            });
        }
    }

    unsafe fn tile_f32(
        m: usize,
        p: usize,
        a: *const f32,
        a_stride: usize,
        panels: Panels,
        k: usize,
        acc: *mut f32,
    ) {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe {
            each(m, p, acc, |row, at, acc| {
                panel(panels[at], k, acc, |k, weights, sums: &mut [f32; 16]| {
                    let value = a.add(row * a_stride + k).read();
                    for (sum, weight) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
                        *sum += value * f32::from_le_bytes(*weight);
                    }
                });
            });
        }
    }

    unsafe fn tile_bf16(
        m: usize,
        p: usize,
        a: *const u8,
        a_stride: usize,
        panels: Panels,
        pairs: usize,
        acc: *mut f32,
    ) {
        // SAFETY: the caller's promise (see `Micro`); the rows are f32, a whole number of them apart.
        unsafe { halves((m, p), (a.cast(), a_stride / 4), panels, pairs, acc, f32_from_bf16) };
    }

    unsafe fn tile_f16(
        m: usize,
        p: usize,
        a: *const f32,
        a_stride: usize,
        panels: Panels,
        pairs: usize,
        acc: *mut f32,
    ) {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe { halves((m, p), (a, a_stride), panels, pairs, acc, f32_from_fp16) };
    }
}
