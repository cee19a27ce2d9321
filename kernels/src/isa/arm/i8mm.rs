//! NEON with `smmla` and `bfmmla` (Armv8.6 i8mm and bf16): products of 2 x 2 sums; fp32 and fp16 are NEON.
//!
//! Both instructions take two rows of eight bytes and two columns of eight bytes. A panel's row holds four bytes of
//! sixteen columns, so two of them, zipped at 32 bits, hold eight bytes of every column.

use std::arch::aarch64::*;
use std::arch::asm;

use super::dotprod::NeonDotprod;
use super::neon::Neon;
use super::{row, store_i32};
use crate::isa::rounds::rounds;
use crate::isa::{ACC_PITCH, Isa, Job, Micro, Panels};

#[derive(Clone, Copy)]
pub(crate) struct NeonI8mm;

impl Micro for NeonI8mm {
    const ISA: Isa = Isa::NeonI8mm;
    const MAX_ROWS: usize = Neon::MAX_ROWS;
    const MAX_PANELS: usize = Neon::MAX_PANELS;
    const FMA: bool = Neon::FMA;
    const BF16: bool = true;
    const SIGNED: bool = true;

    fn panels(rows: usize) -> usize {
        if rows <= 2 { Self::MAX_PANELS } else { 1 }
    }

    #[inline(never)]
    #[target_feature(enable = "neon,dotprod,i8mm,bf16")]
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
        // SAFETY: the caller's promises are those of the tiles.
        unsafe {
            if m == 1 {
                // Half of every `smmla` would be for nothing, and these sums are the same.
                NeonDotprod::tile_i8(m, p, a, a_stride, panels, groups, acc);
            } else {
                by_pairs::<false>(m, p, a, a_stride, panels, groups, acc);
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
        // SAFETY: the caller's promises; a pair is four bytes, and floats are stored as their bits.
        unsafe { by_pairs::<true>(m, p, a, a_stride_bytes, panels, pairs, acc.cast()) }
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
        // SAFETY: the caller's promise (see `Micro`). 4 sums of 8 products.
        unsafe { rounds_i8(rounds) * 4 * 8 * 2 }
    }

    unsafe fn peak_f32(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe { Neon::peak_f32(rounds) }
    }

    unsafe fn peak_bf16(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`). 4 sums of 4 products.
        unsafe { rounds_bf16(rounds) * 4 * 4 * 2 }
    }
}

/// From a tile's shape to the code for it. One panel at a time is enough: its eight sums hide the latency.
///
/// # Safety
/// [`Micro::tile_i8`]'s or, for `FLOATS`, [`Micro::tile_bf16`]'s.
#[target_feature(enable = "neon,i8mm,bf16")]
unsafe fn by_pairs<const FLOATS: bool>(
    m: usize,
    p: usize,
    a: *const u8,
    a_stride: usize,
    panels: Panels,
    groups: usize,
    acc: *mut i32,
) {
    for (index, panel) in panels.at.into_iter().enumerate().take(p) {
        // SAFETY: the caller's promises, for one of the panels.
        unsafe {
            let acc = acc.add(16 * index);
            match m.div_ceil(2) {
                1 => tile::<1, FLOATS>(m, a, a_stride, panel, groups, acc),
                2 => tile::<2, FLOATS>(m, a, a_stride, panel, groups, acc),
                3 => tile::<3, FLOATS>(m, a, a_stride, panel, groups, acc),
                _ => unreachable!("no tile has {m} rows"),
            }
        }
    }
}

/// `R` pairs of rows; where there is no second one, the first stands in for it.
///
/// # Safety
/// As [`by_pairs`], for `m` rows and one panel.
#[target_feature(enable = "neon,i8mm,bf16")]
unsafe fn tile<const R: usize, const FLOATS: bool>(
    m: usize,
    a: *const u8,
    a_stride: usize,
    panel: *const u8,
    groups: usize,
    acc: *mut i32,
) {
    let mut rows = [[a; 2]; R];
    for index in 0..2 * R {
        rows[index / 2][index % 2] = a.wrapping_add(index.min(m - 1) * a_stride);
    }
    let mut sums = [[vdupq_n_s32(0); 8]; R];
    for group in (0..groups & !1).step_by(2) {
        let mut codes = [vdupq_n_u8(0); R];
        // SAFETY: `group` and the next are below the number of the panel's rows, and the rows have bytes for them.
        unsafe {
            for r in 0..R {
                let [first, second] = rows[r];
                codes[r] = vcombine_u8(vld1_u8(first.add(4 * group)), vld1_u8(second.add(4 * group)));
            }
            let at = panel.add(64 * group);
            add_products::<R, FLOATS>(&mut sums, codes, row(at), row(at.add(64)));
        }
    }
    if groups % 2 == 1 {
        let mut codes = [vdupq_n_u8(0); R];
        // SAFETY: the last group is one of the panel's rows, and the rows have four bytes for it.
        unsafe {
            for r in 0..R {
                codes[r] = vcombine_u8(last_four(rows[r][0], groups), last_four(rows[r][1], groups));
            }
            let at = panel.add(64 * (groups - 1));
            add_products::<R, FLOATS>(&mut sums, codes, row(at), [vdupq_n_u8(0); 4]);
        }
    }
    for index in 0..m {
        // SAFETY: the caller promises the place of `m` rows.
        unsafe { store_i32(row_of(sums[index / 2], index % 2), acc.add(index * ACC_PITCH)) }
    }
}

/// The last four bytes of a row, and zeros.
///
/// # Safety
/// The row has `groups` times four bytes.
#[target_feature(enable = "neon")]
unsafe fn last_four(row: *const u8, groups: usize) -> uint8x8_t {
    // SAFETY: the caller promises the bytes.
    let four = unsafe { row.add(4 * (groups - 1)).cast::<u32>().read_unaligned() };
    vcreate_u8(four.into())
}

/// Adds what two rows of a panel give.
#[target_feature(enable = "neon,i8mm,bf16")]
fn add_products<const R: usize, const FLOATS: bool>(
    sums: &mut [[int32x4_t; 8]; R],
    codes: [uint8x16_t; R],
    first: [uint8x16_t; 4],
    second: [uint8x16_t; 4],
) {
    let product = |sum, codes, weights| {
        if FLOATS { bfmmla(sum, codes, weights) } else { smmla(sum, codes, weights) }
    };
    for part in 0..4 {
        let (first, second) = (vreinterpretq_u32_u8(first[part]), vreinterpretq_u32_u8(second[part]));
        let (left, right) = (vzip1q_u32(first, second), vzip2q_u32(first, second));
        for r in 0..R {
            sums[r][2 * part] = product(sums[r][2 * part], codes[r], left);
            sums[r][2 * part + 1] = product(sums[r][2 * part + 1], codes[r], right);
        }
    }
}

/// One row's sums out of those of a pair of rows.
#[target_feature(enable = "neon")]
fn row_of(sums: [int32x4_t; 8], second: usize) -> [int32x4_t; 4] {
    let mut row = [vdupq_n_s32(0); 4];
    for part in 0..4 {
        let left = vreinterpretq_s64_s32(sums[2 * part]);
        let right = vreinterpretq_s64_s32(sums[2 * part + 1]);
        let both = if second == 0 { vzip1q_s64(left, right) } else { vzip2q_s64(left, right) };
        row[part] = vreinterpretq_s32_s64(both);
    }
    row
}

/// Adds the products of two rows and two columns of eight integers. Its intrinsic is not stable.
#[target_feature(enable = "neon,i8mm")]
fn smmla(mut sums: int32x4_t, codes: uint8x16_t, weights: uint32x4_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only; who calls us has made sure that it exists.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {codes:v}.16b, {weights:v}.16b",
            sums = inlateout(vreg) sums,
            codes = in(vreg) codes,
            weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds the products of two rows and two columns of four bf16, to floats. Its intrinsic is not stable.
#[target_feature(enable = "neon,bf16")]
fn bfmmla(mut sums: int32x4_t, values: uint8x16_t, weights: uint32x4_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only; who calls us has made sure that it exists.
    unsafe {
        asm!(
            "bfmmla {sums:v}.4s, {values:v}.8h, {weights:v}.8h",
            sums = inlateout(vreg) sums,
            values = in(vreg) values,
            weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

rounds!(rounds_i8, "neon,i8mm", 24, vdupq_n_s32(0), |sum, a, b| {
    smmla(*sum, vreinterpretq_u8_s32(a), vreinterpretq_u32_s32(b))
});
rounds!(rounds_bf16, "neon,bf16", 24, vdupq_n_s32(0), |sum, a, b| {
    bfmmla(*sum, vreinterpretq_u8_s32(a), vreinterpretq_u32_s32(b))
});
