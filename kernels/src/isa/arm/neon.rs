//! NEON as every 64-bit Arm has it: four lanes, and exact products of 8 bits without sdot.
//!
//! Every sum adds up its products in the order of k, whatever the tile's shape. Weights in bf16 and fp16 are widened,
//! so their sums are those that `tile_f32` gives for the same values.

#![expect(clippy::needless_range_loop, reason = "rows and columns of registers are counted alike")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::{row, store_f32, store_i32};
use crate::isa::rounds::rounds;
use crate::isa::shape::by_shape;
use crate::isa::{ACC_PITCH, Isa, Job, Micro, Panels};

#[derive(Clone, Copy)]
pub(crate) struct Neon;

impl Micro for Neon {
    const ISA: Isa = Isa::Neon;
    const MAX_ROWS: usize = 6;
    const MAX_PANELS: usize = 3;
    const FMA: bool = true;
    const BF16: bool = false;
    const SIGNED: bool = true;

    fn panels(rows: usize) -> usize {
        if rows <= 2 { Self::MAX_PANELS } else { 1 }
    }

    #[inline(never)]
    #[target_feature(enable = "neon")]
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
        for (p, panel) in panels.at.into_iter().enumerate().take(p) {
            // Two rows at once: their sums fill sixteen registers, as every column has two.
            for first in (0..m).step_by(2) {
                // SAFETY: the caller's promises, for some of the rows and one of the panels.
                unsafe {
                    let (a, acc) = (a.add(first * a_stride), acc.add(first * ACC_PITCH + 16 * p));
                    match m - first {
                        1 => tile_i8::<1>(a, a_stride, panel, groups, acc),
                        _ => tile_i8::<2>(a, a_stride, panel, groups, acc),
                    }
                }
            }
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
        // SAFETY: the caller's promises are those of the tile.
        unsafe { by_shape!(m, p, tile_f32(a, a_stride, panels, k, acc)) }
    }

    unsafe fn tile_bf16(
        m: usize,
        p: usize,
        a: *const u8,
        a_stride_bytes: usize,
        panels: Panels,
        pairs: usize,
        acc: *mut f32,
    ) {
        let (a, a_stride) = (a.cast::<f32>(), a_stride_bytes / 4);
        // SAFETY: the caller's promises are those of the tile; rows are whole numbers of f32.
        unsafe {
            by_shape!(m.min(3), p, tile_bf16(a, a_stride, panels, pairs, acc));
            if m > 3 {
                let (a, acc) = (a.add(3 * a_stride), acc.add(3 * ACC_PITCH));
                by_shape!(m - 3, p, tile_bf16(a, a_stride, panels, pairs, acc));
            }
        }
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
        // SAFETY: the caller's promises are those of the tile.
        unsafe { by_shape!(m, p, tile_f16(a, a_stride, panels, pairs, acc)) }
    }

    unsafe fn peak_f32(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe { rounds_f32(rounds) * 4 * 2 }
    }
}

/// # Safety
/// [`Micro::tile_f32`]'s, for `M` rows and `P` panels.
#[target_feature(enable = "neon")]
unsafe fn tile_f32<const M: usize, const P: usize>(
    a: *const f32,
    a_stride: usize,
    panels: Panels,
    k: usize,
    acc: *mut f32,
) {
    let mut sums = [[[vdupq_n_f32(0.0); 4]; P]; M];
    for index in 0..k {
        for p in 0..P {
            // SAFETY: `index` is below the number of the panel's rows.
            let weights = unsafe { row(panels[p].add(64 * index)) };
            for m in 0..M {
                // SAFETY: `index` is below the row's length.
                let x = unsafe { *a.add(m * a_stride + index) };
                for part in 0..4 {
                    let weights = vreinterpretq_f32_u8(weights[part]);
                    sums[m][p][part] = vfmaq_n_f32(sums[m][p][part], weights, x);
                }
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_all(sums, acc) }
}

/// # Safety
/// `acc` has `M` rows, [`ACC_PITCH`] apart, of `P` times sixteen.
#[target_feature(enable = "neon")]
unsafe fn store_all<const M: usize, const P: usize>(sums: [[[float32x4_t; 4]; P]; M], acc: *mut f32) {
    for m in 0..M {
        for p in 0..P {
            // SAFETY: inside of what the caller promises.
            unsafe { store_f32(sums[m][p], acc.add(m * ACC_PITCH + 16 * p)) }
        }
    }
}

/// bf16 is the upper half of an f32.
///
/// # Safety
/// [`Micro::tile_bf16`]'s, for `M` rows of f32 and `P` panels.
#[target_feature(enable = "neon")]
unsafe fn tile_bf16<const M: usize, const P: usize>(
    a: *const f32,
    a_stride: usize,
    panels: Panels,
    pairs: usize,
    acc: *mut f32,
) {
    let mut sums = [[[vdupq_n_f32(0.0); 4]; P]; M];
    let upper = vdupq_n_u32(0xffff_0000);
    for pair in 0..pairs {
        for p in 0..P {
            // SAFETY: `pair` is below the number of the panel's rows.
            let weights = unsafe { row(panels[p].add(64 * pair)) };
            for part in 0..4 {
                let weights = vreinterpretq_u32_u8(weights[part]);
                let first = vreinterpretq_f32_u32(vshlq_n_u32::<16>(weights));
                let second = vreinterpretq_f32_u32(vandq_u32(weights, upper));
                for m in 0..M {
                    // SAFETY: the row has two values for every row of the panel.
                    let x = unsafe { vld1_f32(a.add(m * a_stride + 2 * pair)) };
                    add_pair(&mut sums[m][p][part], x, first, second);
                }
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_all(sums, acc) }
}

/// Adds the products of both values of a pair.
#[target_feature(enable = "neon")]
fn add_pair(sum: &mut float32x4_t, x: float32x2_t, first: float32x4_t, second: float32x4_t) {
    *sum = vfmaq_lane_f32::<1>(vfmaq_lane_f32::<0>(*sum, first, x), second, x);
}

/// # Safety
/// [`Micro::tile_f16`]'s, for `M` rows and `P` panels.
#[target_feature(enable = "neon")]
unsafe fn tile_f16<const M: usize, const P: usize>(
    a: *const f32,
    a_stride: usize,
    panels: Panels,
    pairs: usize,
    acc: *mut f32,
) {
    let mut sums = [[[vdupq_n_f32(0.0); 4]; P]; M];
    for pair in 0..pairs {
        for p in 0..P {
            for half in 0..2 {
                // Takes the pairs of eight columns apart.
                // SAFETY: `pair` is below the number of the panel's rows, and half of one has 32 bytes.
                let uint16x8x2_t(first, second) =
                    unsafe { vld2q_u16(panels[p].add(64 * pair + 32 * half).cast()) };
                let low = [fcvtl(first), fcvtl(second)];
                let high = [fcvtl2(first), fcvtl2(second)];
                for m in 0..M {
                    // SAFETY: the row has two values for every row of the panel.
                    let x = unsafe { vld1_f32(a.add(m * a_stride + 2 * pair)) };
                    add_pair(&mut sums[m][p][2 * half], x, low[0], low[1]);
                    add_pair(&mut sums[m][p][2 * half + 1], x, high[0], high[1]);
                }
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_all(sums, acc) }
}

/// The lower four fp16 as f32. Its intrinsic needs the type `f16`, which is not stable.
#[target_feature(enable = "neon")]
fn fcvtl(halves: uint16x8_t) -> float32x4_t {
    let wide;
    // SAFETY: the instruction reads and writes these registers only, and every 64-bit Arm has it.
    unsafe {
        asm!(
            "fcvtl {wide:v}.4s, {halves:v}.4h",
            wide = lateout(vreg) wide,
            halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    wide
}

/// The upper four.
#[target_feature(enable = "neon")]
fn fcvtl2(halves: uint16x8_t) -> float32x4_t {
    let wide;
    // SAFETY: as above.
    unsafe {
        asm!(
            "fcvtl2 {wide:v}.4s, {halves:v}.8h",
            wide = lateout(vreg) wide,
            halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    wide
}

/// Products of 8 bits as 16 bits, of which two still fit: codes are at least -128 and weights within ±127, so two
/// products are within ±32512. (Weights of -128, which no packing gives, would wrap.) Every column has two sums until
/// the end.
///
/// # Safety
/// [`Micro::tile_i8`]'s, for `M` rows and one panel.
#[target_feature(enable = "neon")]
unsafe fn tile_i8<const M: usize>(
    a: *const u8,
    a_stride: usize,
    panel: *const u8,
    groups: usize,
    acc: *mut i32,
) {
    let mut sums = [[vdupq_n_s32(0); 8]; M];
    for group in (0..groups & !1).step_by(2) {
        for eighth in 0..8 {
            // SAFETY: `group` and the next are below the number of the panel's rows, and the rows have codes for them.
            unsafe {
                let weights = panel.add(64 * group + 8 * eighth).cast();
                let (first, second) = (vld1_s8(weights), vld1_s8(weights.add(64)));
                for m in 0..M {
                    let codes = a.add(m * a_stride + 4 * group);
                    let products = vmull_s8(first, four_codes(codes));
                    let products = vmlal_s8(products, second, four_codes(codes.add(4)));
                    sums[m][eighth] = vpadalq_s16(sums[m][eighth], products);
                }
            }
        }
    }
    if groups % 2 == 1 {
        for eighth in 0..8 {
            // SAFETY: the last group is one of the panel's rows, and the rows have codes for it.
            unsafe {
                let weights = vld1_s8(panel.add(64 * (groups - 1) + 8 * eighth).cast());
                for m in 0..M {
                    let codes = four_codes(a.add(m * a_stride + 4 * (groups - 1)));
                    sums[m][eighth] = vpadalq_s16(sums[m][eighth], vmull_s8(weights, codes));
                }
            }
        }
    }
    for m in 0..M {
        let mut whole = [vdupq_n_s32(0); 4];
        for part in 0..4 {
            whole[part] = vpaddq_s32(sums[m][2 * part], sums[m][2 * part + 1]);
        }
        // SAFETY: the caller promises the place.
        unsafe { store_i32(whole, acc.add(m * ACC_PITCH)) }
    }
}

/// Four codes, twice.
///
/// # Safety
/// There are four bytes.
#[target_feature(enable = "neon")]
unsafe fn four_codes(at: *const u8) -> int8x8_t {
    // SAFETY: the caller promises the bytes.
    vreinterpret_s8_s32(vdup_n_s32(unsafe { at.cast::<i32>().read_unaligned() }))
}

rounds!(rounds_f32, "neon", 24, vdupq_n_f32(0.0), |sum, a, b| vfmaq_f32(*sum, a, b));
