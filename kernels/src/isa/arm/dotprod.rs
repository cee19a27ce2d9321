//! NEON with `sdot` (Armv8.2 dotprod): sums of four products of 8 bits in one instruction; the rest is NEON.

#![expect(clippy::needless_range_loop, reason = "rows and columns of registers are counted alike")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::Neon;
use super::{row, store_i32};
use crate::isa::rounds::rounds;
use crate::isa::shape::by_shape;
use crate::isa::{ACC_PITCH, Isa, Job, Micro, Panels};

#[derive(Clone, Copy)]
pub(crate) struct NeonDotprod;

impl Micro for NeonDotprod {
    const ISA: Isa = Isa::NeonDotprod;
    const MAX_ROWS: usize = Neon::MAX_ROWS;
    const MAX_PANELS: usize = Neon::MAX_PANELS;
    const FMA: bool = Neon::FMA;
    const BF16: bool = Neon::BF16;
    const SIGNED: bool = true;

    fn panels(rows: usize) -> usize {
        if rows <= 2 { Self::MAX_PANELS } else { 1 }
    }

    #[inline(never)]
    #[target_feature(enable = "neon,dotprod")]
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
        // SAFETY: the caller's promises are those of the tile.
        unsafe { by_shape!(m, p, tile_i8(a, a_stride, panels, groups, acc)) }
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
        // SAFETY: the same promises.
        unsafe { Neon::tile_f32(m, p, a, a_stride, panels, k, acc) }
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
        // SAFETY: the same promises.
        unsafe { Neon::tile_bf16(m, p, a, a_stride_bytes, panels, pairs, acc) }
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
        // SAFETY: the same promises.
        unsafe { Neon::tile_f16(m, p, a, a_stride, panels, pairs, acc) }
    }

    unsafe fn peak_i8(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`). 4 sums of 4 products.
        unsafe { rounds_i8(rounds) * 4 * 4 * 2 }
    }

    unsafe fn peak_f32(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe { Neon::peak_f32(rounds) }
    }
}

/// # Safety
/// [`Micro::tile_i8`]'s, for `M` rows and `P` panels.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn tile_i8<const M: usize, const P: usize>(
    a: *const u8,
    a_stride: usize,
    panels: Panels,
    groups: usize,
    acc: *mut i32,
) {
    let mut sums = [[[vdupq_n_s32(0); 4]; P]; M];
    for group in 0..groups {
        let mut codes = [vdupq_n_s32(0); M];
        for m in 0..M {
            // SAFETY: the row has four codes for every row of the panel.
            let four = unsafe { a.add(m * a_stride + 4 * group).cast::<i32>().read_unaligned() };
            codes[m] = vsetq_lane_s32::<0>(four, codes[m]);
        }
        for p in 0..P {
            // SAFETY: `group` is below the number of the panel's rows.
            let weights = unsafe { row(panels[p].add(64 * group)) };
            for part in 0..4 {
                for m in 0..M {
                    sums[m][p][part] = sdot(sums[m][p][part], weights[part], codes[m]);
                }
            }
        }
    }
    for m in 0..M {
        for p in 0..P {
            // SAFETY: the caller promises the place.
            unsafe { store_i32(sums[m][p], acc.add(m * ACC_PITCH + 16 * p)) }
        }
    }
}

/// `sum` plus the products of four columns' weights and the first four codes. Its intrinsic is not stable.
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sum: int32x4_t, weights: uint8x16_t, codes: int32x4_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only; who calls us has made sure that it exists.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weights:v}.16b, {codes:v}.4b[0]",
            sum = inlateout(vreg) sum,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

rounds!(rounds_i8, "neon,dotprod", 24, vdupq_n_s32(0), |sum, a, b| {
    sdot(*sum, vreinterpretq_u8_s32(a), b)
});
