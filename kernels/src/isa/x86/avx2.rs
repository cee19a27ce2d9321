//! AVX2 with FMA and F16C: eight lanes, and exact products of 8 bits without VNNI.
//!
//! The order in which products are added up does not depend on the tile's shape: it is that of k, and for fp16 that of
//! even and that of odd k. Weights in bf16 and fp16 are widened, which is exact.

#![expect(clippy::needless_range_loop, reason = "rows and columns of registers are counted alike")]

use std::arch::x86_64::*;

use crate::isa::rounds::rounds;
use crate::isa::shape::by_shape;
use crate::isa::{ACC_PITCH, Isa, Job, Micro, Panels};

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

impl Micro for Avx2 {
    const ISA: Isa = Isa::Avx2;
    const MAX_ROWS: usize = 6;
    const MAX_PANELS: usize = 3;
    const FMA: bool = true;
    const BF16: bool = false;

    fn panels(rows: usize) -> usize {
        if rows <= 2 { Self::MAX_PANELS } else { 1 }
    }

    #[inline(never)]
    #[target_feature(enable = "avx2,fma,f16c")]
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
        let a = a.cast::<f32>();
        // SAFETY: the caller's promises are those of the tile; rows are whole numbers of f32.
        unsafe { by_shape!(m, p, tile_bf16(a, a_stride_bytes / 4, panels, pairs, acc)) }
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
        for (p, panel) in panels.at.into_iter().enumerate().take(p) {
            // Two rows at once, as every column has two sums; with three, LLVM runs out of registers.
            for first in (0..m).step_by(2) {
                // SAFETY: the caller's promises, for some of the rows and one of the panels.
                unsafe {
                    let (a, acc) = (a.add(first * a_stride), acc.add(first * ACC_PITCH + 16 * p));
                    match m - first {
                        1 => tile_f16::<1>(a, a_stride, panel, pairs, acc),
                        _ => tile_f16::<2>(a, a_stride, panel, pairs, acc),
                    }
                }
            }
        }
    }

    unsafe fn peak_i8(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`). 16 products, whose sums are added.
        unsafe { rounds_i8(rounds) * 16 * 2 }
    }

    unsafe fn peak_f32(rounds: usize) -> u64 {
        // SAFETY: the caller's promise (see `Micro`).
        unsafe { rounds_f32(rounds) * 8 * 2 }
    }
}

/// Writes sums of floats where the caller wants them.
///
/// # Safety
/// `acc` has `M` rows, [`ACC_PITCH`] apart, of `P` times sixteen.
#[target_feature(enable = "avx2")]
unsafe fn store_f32<const M: usize, const P: usize>(sums: [[[__m256; 2]; P]; M], acc: *mut f32) {
    for m in 0..M {
        for p in 0..P {
            // SAFETY: inside of what the caller promises.
            unsafe {
                let at = acc.add(m * ACC_PITCH + p * 16);
                _mm256_storeu_ps(at, sums[m][p][0]);
                _mm256_storeu_ps(at.add(8), sums[m][p][1]);
            }
        }
    }
}

/// The same for integers.
///
/// # Safety
/// As [`store_f32`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn store_i32<const M: usize, const P: usize>(sums: [[[__m256i; 2]; P]; M], acc: *mut i32) {
    for m in 0..M {
        for p in 0..P {
            // SAFETY: inside of what the caller promises.
            unsafe {
                let at = acc.add(m * ACC_PITCH + p * 16).cast::<__m256i>();
                _mm256_storeu_si256(at, sums[m][p][0]);
                _mm256_storeu_si256(at.add(1), sums[m][p][1]);
            }
        }
    }
}

/// The 64 bytes at a place.
///
/// # Safety
/// There are 64 bytes.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn row(at: *const u8) -> [__m256i; 2] {
    // SAFETY: inside of what the caller promises.
    unsafe { [_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(32).cast())] }
}

/// Four codes, eight times.
///
/// # Safety
/// There are four bytes.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn four_codes(at: *const u8) -> __m256i {
    // SAFETY: the caller promises the bytes.
    _mm256_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

/// # Safety
/// [`Micro::tile_f32`]'s, for `M` rows and `P` panels.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_f32<const M: usize, const P: usize>(
    a: *const f32,
    a_stride: usize,
    panels: Panels,
    k: usize,
    acc: *mut f32,
) {
    let mut sums = [[[_mm256_setzero_ps(); 2]; P]; M];
    for index in 0..k {
        for p in 0..P {
            // SAFETY: `index` is below the number of the panel's rows.
            let [left, right] = unsafe { row(panels[p].add(64 * index)) };
            let weights = [_mm256_castsi256_ps(left), _mm256_castsi256_ps(right)];
            for m in 0..M {
                // SAFETY: `index` is below the row's length.
                let x = _mm256_set1_ps(unsafe { *a.add(m * a_stride + index) });
                add_products(&mut sums[m][p], x, weights);
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_f32(sums, acc) }
}

#[target_feature(enable = "avx2,fma")]
fn add_products(sums: &mut [__m256; 2], x: __m256, weights: [__m256; 2]) {
    *sums = [_mm256_fmadd_ps(x, weights[0], sums[0]), _mm256_fmadd_ps(x, weights[1], sums[1])];
}

/// bf16 is the upper half of an f32.
///
/// # Safety
/// [`Micro::tile_bf16`]'s, for `M` rows of f32 and `P` panels.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_bf16<const M: usize, const P: usize>(
    a: *const f32,
    a_stride: usize,
    panels: Panels,
    pairs: usize,
    acc: *mut f32,
) {
    let mut sums = [[[_mm256_setzero_ps(); 2]; P]; M];
    let upper = _mm256_set1_epi32(0xffff_0000_u32 as i32);
    for pair in 0..pairs {
        for p in 0..P {
            // SAFETY: `pair` is below the number of the panel's rows.
            let [left, right] = unsafe { row(panels[p].add(64 * pair)) };
            let first = [_mm256_slli_epi32::<16>(left), _mm256_slli_epi32::<16>(right)];
            let second = [_mm256_and_si256(left, upper), _mm256_and_si256(right, upper)];
            for (index, [left, right]) in [first, second].into_iter().enumerate() {
                let weights = [_mm256_castsi256_ps(left), _mm256_castsi256_ps(right)];
                for m in 0..M {
                    // SAFETY: the row has two values for every row of the panel.
                    let x = _mm256_set1_ps(unsafe { *a.add(m * a_stride + 2 * pair + index) });
                    add_products(&mut sums[m][p], x, weights);
                }
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_f32(sums, acc) }
}

/// Widens pairs as they lie, so that even and odd k have sums of their own until the end: nothing has to be shuffled.
///
/// # Safety
/// [`Micro::tile_f16`]'s, for `M` rows and one panel.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile_f16<const M: usize>(
    a: *const f32,
    a_stride: usize,
    panel: *const u8,
    pairs: usize,
    acc: *mut f32,
) {
    let mut sums = [[_mm256_setzero_ps(); 4]; M];
    for pair in 0..pairs {
        let mut x = [_mm256_setzero_ps(); M];
        for m in 0..M {
            // SAFETY: the row has two values for every row of the panel.
            let two = unsafe { a.add(m * a_stride + 2 * pair).cast::<f64>().read_unaligned() };
            x[m] = _mm256_castpd_ps(_mm256_set1_pd(two));
        }
        for quarter in 0..4 {
            // SAFETY: `pair` is below the number of the panel's rows, and a quarter of one has 16 bytes.
            let halves = unsafe { _mm_loadu_si128(panel.add(64 * pair + 16 * quarter).cast()) };
            let weights = _mm256_cvtph_ps(halves);
            for m in 0..M {
                sums[m][quarter] = _mm256_fmadd_ps(x[m], weights, sums[m][quarter]);
            }
        }
    }
    let mut whole = [[[_mm256_setzero_ps(); 2]; 1]; M];
    for m in 0..M {
        let [first, second, third, fourth] = sums[m];
        whole[m] = [[even_and_odd(first, second), even_and_odd(third, fourth)]];
    }
    // SAFETY: the caller promises the place.
    unsafe { store_f32(whole, acc) }
}

/// The sums of neighbours, in order.
#[target_feature(enable = "avx2")]
fn even_and_odd(left: __m256, right: __m256) -> __m256 {
    // Adds within halves of 128 bits, and gives those of the left and the right in turn.
    let mixed = _mm256_castps_pd(_mm256_hadd_ps(left, right));
    _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(mixed))
}

/// Products of 16 bits, of which `vpmaddwd` adds up two without loss: those of the even and those of the odd k values
/// of a group, which needs no shuffle. (`vpmaddubsw` would be half the work, but saturates.)
///
/// # Safety
/// [`Micro::tile_i8`]'s, for `M` rows and `P` panels.
#[target_feature(enable = "avx2")]
unsafe fn tile_i8<const M: usize, const P: usize>(
    a: *const u8,
    a_stride: usize,
    panels: Panels,
    groups: usize,
    acc: *mut i32,
) {
    let mut sums = [[[_mm256_setzero_si256(); 2]; P]; M];
    let low_bytes = _mm256_set1_epi16(0xff);
    for group in 0..groups {
        for p in 0..P {
            // SAFETY: `group` is below the number of the panel's rows.
            let [left, right] = unsafe { row(panels[p].add(64 * group)) };
            let even = [
                _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(left)),
                _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(right)),
            ];
            let odd = [_mm256_srai_epi16::<8>(left), _mm256_srai_epi16::<8>(right)];
            for m in 0..M {
                // SAFETY: the row has four codes for every row of the panel.
                let x = unsafe { four_codes(a.add(m * a_stride + 4 * group)) };
                let (x_even, x_odd) = (_mm256_and_si256(x, low_bytes), _mm256_srli_epi16::<8>(x));
                for half in 0..2 {
                    let sum = _mm256_add_epi32(sums[m][p][half], _mm256_madd_epi16(x_even, even[half]));
                    sums[m][p][half] = _mm256_add_epi32(sum, _mm256_madd_epi16(x_odd, odd[half]));
                }
            }
        }
    }
    // SAFETY: the caller promises the place.
    unsafe { store_i32(sums, acc) }
}

// A product of what never changes would be computed once.
rounds!(rounds_i8, "avx2", 12, _mm256_setzero_si256(), |sum, a, _b| {
    _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, a))
});
rounds!(rounds_f32, "avx2,fma", 12, _mm256_setzero_ps(), |sum, a, b| _mm256_fmadd_ps(a, b, *sum));
