//! AVX-VNNI: products of 8 bits in one instruction on registers of eight lanes; the rest is AVX2.
//!
//! The code is written once for two names of the same instruction, `vpdpbusd` on `ymm` registers: AVX-VNNI encodes it
//! with VEX, AVX512-VL with AVX512-VNNI encodes it with EVEX. The second exists for tests only, on processors that lack
//! the first. Nothing but the intrinsic's name and the features it needs tells the two apart.

use std::arch::x86_64::*;

use super::avx2::{Avx2, four_codes, row, store_i32};
use crate::isa::rounds::rounds;
use crate::isa::shape::by_shape;
use crate::isa::{Isa, Job, Micro, Panels};

macro_rules! ymm_dot {
    ($isa:ident, $features:literal, $dot:ident) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $isa;

        impl Micro for $isa {
            const ISA: Isa = Isa::AvxVnni;
            const MAX_ROWS: usize = Avx2::MAX_ROWS;
            const MAX_PANELS: usize = Avx2::MAX_PANELS;
            const FMA: bool = Avx2::FMA;
            const BF16: bool = Avx2::BF16;

            fn panels(rows: usize) -> usize {
                if rows <= 2 { Self::MAX_PANELS } else { 1 }
            }

            #[inline(never)]
            #[target_feature(enable = $features)]
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
                /// # Safety
                /// [`Micro::tile_i8`]'s, for `M` rows and `P` panels.
                #[target_feature(enable = $features)]
                unsafe fn tile<const M: usize, const P: usize>(
                    a: *const u8,
                    a_stride: usize,
                    panels: Panels,
                    groups: usize,
                    acc: *mut i32,
                ) {
                    let mut sums = [[[_mm256_setzero_si256(); 2]; P]; M];
                    for group in 0..groups {
                        for p in 0..P {
                            // SAFETY: `group` is below the number of the panel's rows.
                            let [left, right] = unsafe { row(panels[p].add(64 * group)) };
                            for m in 0..M {
                                // SAFETY: the row has four codes for every row of the panel.
                                let x = unsafe { four_codes(a.add(m * a_stride + 4 * group)) };
                                let [left_sum, right_sum] = sums[m][p];
                                sums[m][p] = [$dot(left_sum, x, left), $dot(right_sum, x, right)];
                            }
                        }
                    }
                    // SAFETY: the caller promises the place.
                    unsafe { store_i32(sums, acc) }
                }
                // SAFETY: the caller's promises are those of the tile.
                unsafe { by_shape!(m, p, tile(a, a_stride, panels, groups, acc)) }
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
                unsafe { Avx2::tile_f32(m, p, a, a_stride, panels, k, acc) }
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
                unsafe { Avx2::tile_bf16(m, p, a, a_stride_bytes, panels, pairs, acc) }
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
                unsafe { Avx2::tile_f16(m, p, a, a_stride, panels, pairs, acc) }
            }

            unsafe fn peak_i8(rounds: usize) -> u64 {
                rounds!(rounds_i8, $features, 12, _mm256_setzero_si256(), |sum, a, b| $dot(*sum, a, b));
                // SAFETY: the caller's promise (see `Micro`). 8 sums of 4 products.
                unsafe { rounds_i8(rounds) * 8 * 4 * 2 }
            }

            unsafe fn peak_f32(rounds: usize) -> u64 {
                // SAFETY: the caller's promise (see `Micro`).
                unsafe { Avx2::peak_f32(rounds) }
            }
        }
    };
}

ymm_dot!(AvxVnni, "avx2,fma,f16c,avxvnni", _mm256_dpbusd_avx_epi32);

#[cfg(test)]
ymm_dot!(AvxVnniTwin, "avx2,fma,f16c,avx512vl,avx512vnni", _mm256_dpbusd_epi32);
