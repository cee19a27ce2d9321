//! AVX-512: tiles of 8 rows and 48 columns, 24 registers of sums.
//!
//! Loops over registers count by index: closures and iterators are functions of their own without these instruction sets,
//! and stay that where the compiler does not inline them.
#![allow(clippy::needless_range_loop, reason = "see above")]

use std::arch::x86_64::{
    __m256bh, __m512, __m512bh, __m512i, _mm512_and_si512, _mm512_castsi512_ps, _mm512_cvtepi32_epi16,
    _mm512_cvtneps_pbh, _mm512_cvtph_ps, _mm512_dpbf16_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
};

use crate::isa::Isa;
use std::hint::black_box;

use crate::isa::micro::{ACC_PITCH, Job, Micro, Panels};

/// AVX-512 with VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// AVX-512 with VNNI and BF16.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16;

/// Calls the tile that is compiled for so many rows and panels.
macro_rules! for_size {
    ($m:expr, $p:expr, $tile:ident $arguments:tt) => {
        match ($m, $p) {
            (8, 3) => for_size!(@call 8 3 $tile $arguments),
            (8, 2) => for_size!(@call 8 2 $tile $arguments),
            (8, 1) => for_size!(@call 8 1 $tile $arguments),
            (1, 3) => for_size!(@call 1 3 $tile $arguments),
            (1, 2) => for_size!(@call 1 2 $tile $arguments),
            (1, 1) => for_size!(@call 1 1 $tile $arguments),
            (2, 3) => for_size!(@call 2 3 $tile $arguments),
            (2, 2) => for_size!(@call 2 2 $tile $arguments),
            (2, 1) => for_size!(@call 2 1 $tile $arguments),
            (3, 3) => for_size!(@call 3 3 $tile $arguments),
            (3, 2) => for_size!(@call 3 2 $tile $arguments),
            (3, 1) => for_size!(@call 3 1 $tile $arguments),
            (4, 3) => for_size!(@call 4 3 $tile $arguments),
            (4, 2) => for_size!(@call 4 2 $tile $arguments),
            (4, 1) => for_size!(@call 4 1 $tile $arguments),
            (5, 3) => for_size!(@call 5 3 $tile $arguments),
            (5, 2) => for_size!(@call 5 2 $tile $arguments),
            (5, 1) => for_size!(@call 5 1 $tile $arguments),
            (6, 3) => for_size!(@call 6 3 $tile $arguments),
            (6, 2) => for_size!(@call 6 2 $tile $arguments),
            (6, 1) => for_size!(@call 6 1 $tile $arguments),
            (7, 3) => for_size!(@call 7 3 $tile $arguments),
            (7, 2) => for_size!(@call 7 2 $tile $arguments),
            (7, 1) => for_size!(@call 7 1 $tile $arguments),
            _ => unreachable!("tiles have 1 to 8 rows and 1 to 3 panels"),
        }
    };
    (@call $m:literal $p:literal $tile:ident ($($argument:expr),*)) => { $tile::<$m, $p>($($argument),*) };
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn int8<const M: usize, const P: usize>(
    a: *const u8,
    stride: usize,
    panels: Panels,
    groups: usize,
    acc: *mut i32,
) {
    let mut sums = [[_mm512_setzero_si512(); P]; M];
    for group in 0..groups {
        panels.prefetch(group);
        // SAFETY: see `Micro`: panels have so many rows of 64 bytes, rows so many groups of 4 codes.
        unsafe {
            let mut weights = [_mm512_setzero_si512(); P];
            for panel in 0..P {
                weights[panel] = _mm512_loadu_si512(panels[panel].add(group * 64).cast());
            }
            for row in 0..M {
                let codes = a.add(row * stride + group * 4).cast::<i32>().read_unaligned();
                let codes = _mm512_set1_epi32(codes);
                for panel in 0..P {
                    sums[row][panel] = _mm512_dpbusd_epi32(sums[row][panel], codes, weights[panel]);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (panel, sum) in sums.iter().enumerate() {
            // SAFETY: see `Micro`: `acc` is as large as a full tile.
            unsafe { _mm512_storeu_si512(acc.add(row * ACC_PITCH + panel * 16).cast(), *sum) };
        }
    }
}

/// Writes the sums of a tile.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store<const M: usize, const P: usize>(sums: &[[__m512; P]; M], acc: *mut f32) {
    for (row, sums) in sums.iter().enumerate() {
        for (panel, sum) in sums.iter().enumerate() {
            // SAFETY: see `Micro`: `acc` is as large as a full tile.
            unsafe { _mm512_storeu_ps(acc.add(row * ACC_PITCH + panel * 16), *sum) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn fp32<const M: usize, const P: usize>(
    a: *const f32,
    stride: usize,
    panels: Panels,
    k: usize,
    acc: *mut f32,
) {
    let mut sums = [[_mm512_setzero_ps(); P]; M];
    for at in 0..k {
        panels.prefetch(at);
        // SAFETY: see `Micro`: panels have so many rows of 64 bytes, rows so many values.
        unsafe {
            let mut weights = [_mm512_setzero_ps(); P];
            for panel in 0..P {
                weights[panel] = _mm512_loadu_ps(panels[panel].add(at * 64).cast());
            }
            for row in 0..M {
                let value = _mm512_set1_ps(a.add(row * stride + at).read());
                for panel in 0..P {
                    sums[row][panel] = _mm512_fmadd_ps(value, weights[panel], sums[row][panel]);
                }
            }
        }
    }
    // SAFETY: as here.
    unsafe { store(&sums, acc) };
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn bf16<const M: usize, const P: usize>(
    a: *const u8,
    stride: usize,
    panels: Panels,
    pairs: usize,
    acc: *mut f32,
) {
    let mut sums = [[_mm512_setzero_ps(); P]; M];
    for pair in 0..pairs {
        panels.prefetch(pair);
        // SAFETY: see `Micro`: panels have so many rows of 64 bytes, rows so many pairs.
        unsafe {
            let mut weights = [_mm512_setzero_si512(); P];
            for panel in 0..P {
                weights[panel] = _mm512_loadu_si512(panels[panel].add(pair * 64).cast());
            }
            for row in 0..M {
                let values = a.add(row * stride + pair * 4).cast::<i32>().read_unaligned();
                let values = as_bf16(_mm512_set1_epi32(values));
                for panel in 0..P {
                    sums[row][panel] = _mm512_dpbf16_ps(sums[row][panel], values, as_bf16(weights[panel]));
                }
            }
        }
    }
    // SAFETY: as here.
    unsafe { store(&sums, acc) };
}

/// Tiles of f32 rows with weights of 16 bits; `$widen` makes the first and the second of each pair.
macro_rules! halves {
    ($name:ident, $widen:ident) => {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw")]
        unsafe fn $name<const M: usize, const P: usize>(
            a: *const f32,
            stride: usize,
            panels: Panels,
            pairs: usize,
            acc: *mut f32,
        ) {
            let mut sums = [[_mm512_setzero_ps(); P]; M];
            for pair in 0..pairs {
                panels.prefetch(pair);
                // SAFETY: see `Micro`: panels have so many rows of 64 bytes, rows so many pairs.
                unsafe {
                    let mut weights = [[_mm512_setzero_ps(); 2]; P];
                    for panel in 0..P {
                        weights[panel] = $widen(_mm512_loadu_si512(panels[panel].add(pair * 64).cast()));
                    }
                    for row in 0..M {
                        for half in 0..2 {
                            let value = _mm512_set1_ps(a.add(row * stride + pair * 2 + half).read());
                            for panel in 0..P {
                                let sum = sums[row][panel];
                                sums[row][panel] = _mm512_fmadd_ps(value, weights[panel][half], sum);
                            }
                        }
                    }
                }
            }
            // SAFETY: as here.
            unsafe { store(&sums, acc) };
        }
    };
}

halves!(fp16, widen_fp16);
halves!(bf16_widened, widen_bf16);

/// The lower and the upper halves of the 32-bit lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn widen_fp16(pairs: __m512i) -> [__m512; 2] {
    let second = _mm512_srli_epi32::<16>(pairs);
    [_mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs)), _mm512_cvtph_ps(_mm512_cvtepi32_epi16(second))]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widen_bf16(pairs: __m512i) -> [__m512; 2] {
    let second = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
    [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)), _mm512_castsi512_ps(second)]
}

/// The nearest bf16 of each; numbers below the normal ones become 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn round(values: &[f32; 16]) -> [u16; 16] {
    // SAFETY: 16 numbers are read; vectors are plain bytes.
    unsafe {
        std::mem::transmute::<__m256bh, [u16; 16]>(_mm512_cvtneps_pbh(_mm512_loadu_ps(values.as_ptr())))
    }
}

/// Registers of sums of a full tile.
const SUMS: usize = 24;

/// `rounds` rounds of 24 instructions that do not wait for each other; gives the number of instructions.
macro_rules! peak {
    ($name:ident, $features:literal, $zero:expr, |$sum:ident, $a:ident, $b:ident| $step:expr) => {
        #[target_feature(enable = $features)]
        fn $name(rounds: usize) -> u64 {
            let zero = $zero;
            // In registers before the loop, and nothing the compiler could know.
            let ($a, $b) = (black_box(_mm512_setzero_si512()), black_box(_mm512_setzero_si512()));
            let mut sums = [zero; SUMS];
            for _ in 0..rounds {
                for $sum in &mut sums {
                    *$sum = $step;
                }
            }
            black_box(sums);
            (rounds * SUMS) as u64
        }
    };
}

peak!(peak_int8, "avx512f,avx512vnni", _mm512_setzero_si512(), |sum, a, b| {
    _mm512_dpbusd_epi32(*sum, a, b)
});
peak!(peak_fp32, "avx512f", _mm512_setzero_ps(), |sum, a, b| {
    _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), *sum)
});
peak!(peak_bf16, "avx512f,avx512bf16", _mm512_setzero_ps(), |sum, a, b| {
    _mm512_dpbf16_ps(*sum, as_bf16(a), as_bf16(b))
});

#[inline]
#[target_feature(enable = "avx512f")]
fn as_bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes, and every bit pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

/// What both have in common; `$bf16` are the statements of `tile_bf16`.
macro_rules! micro {
    ($name:ident, $features:literal, $native:literal, { $($more:item)* }, |$m:ident, $p:ident, $a:ident, $stride:ident, $rest:ident| $bf16:expr) => {
        impl Micro for $name {
            const ISA: Isa = Isa::$name;
            const MAX_ROWS: usize = 8;
            const MAX_PANELS: usize = 3;
            const FMA: bool = true;
            const BF16: bool = $native;

            $($more)*

            #[inline(never)]
            #[target_feature(enable = $features)]
            unsafe fn enter<J: Job>(job: J) -> J::Output {
                job.run::<Self>()
            }

            #[inline]
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
                unsafe { for_size!(m, p, int8(a, a_stride, panels, groups, acc)) }
            }

            #[inline]
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
                unsafe { for_size!(m, p, fp32(a, a_stride, panels, k, acc)) }
            }

            #[inline]
            unsafe fn tile_bf16(
                $m: usize,
                $p: usize,
                $a: *const u8,
                $stride: usize,
                panels: Panels,
                pairs: usize,
                acc: *mut f32,
            ) {
                let $rest = (panels, pairs, acc);
                // SAFETY: the caller's promise (see `Micro`).
                unsafe { $bf16 }
            }

            #[inline]
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
                unsafe { for_size!(m, p, fp16(a, a_stride, panels, pairs, acc)) }
            }

            unsafe fn peak_i8(rounds: usize) -> u64 {
                // SAFETY: the caller's promise (see `Micro`). 16 sums of 4 products.
                unsafe { peak_int8(rounds) * 16 * 4 * 2 }
            }

            unsafe fn peak_f32(rounds: usize) -> u64 {
                // SAFETY: the caller's promise (see `Micro`).
                unsafe { peak_fp32(rounds) * 16 * 2 }
            }

            unsafe fn peak_bf16(rounds: usize) -> u64 {
                // SAFETY: the caller's promise (see `Micro`). 16 sums of 2 products.
                if Self::BF16 { unsafe { peak_bf16(rounds) * 16 * 2 * 2 } } else { 0 }
            }
        }
    };
}

micro!(
    Avx512,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c",
    false,
    {},
    |m, p, a, stride, rest| for_size!(m, p, bf16_widened(a.cast(), stride / 4, rest.0, rest.1, rest.2))
);
micro!(
    Avx512Bf16,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c",
    true,
    {
        #[inline(always)]
        unsafe fn round_bf16(values: &[f32; 16]) -> [u16; 16] {
            // SAFETY: the caller's promise.
            unsafe { round(values) }
        }
    },
    |m, p, a, stride, rest| for_size!(m, p, bf16(a, stride, rest.0, rest.1, rest.2))
);
