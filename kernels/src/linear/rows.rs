//! Rows of activations in the form that tiles read.

use super::quantize::{Scale, quantize};
use crate::isa::Micro;
use crate::layout::{Format, GROUP, Packed};
use crate::math::half::bf16_from_f32;
use crate::scratch::Scratch;

/// Rows of activations, K values each. They may overlap, as the windows of a convolution do.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// From the first value of the first row to the last value of the last one.
    pub values: &'a [f32],
    pub count: usize,
    /// Values from the start of a row to that of the next.
    pub stride: usize,
}

/// Rows that a product reads.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Floats(Input<'a>),
    /// So many rows as [`Destination::Rounded`](super::Destination::Rounded) leaves them.
    Rounded(&'a [u16], usize),
}

impl Source<'_> {
    /// How many rows.
    pub fn count(&self) -> usize {
        match self {
            Self::Floats(input) => input.count,
            Self::Rounded(_, count) => *count,
        }
    }
}

impl<'a> Input<'a> {
    /// Rows of `k` values without gaps.
    pub fn dense(values: &'a [f32], k: usize) -> Self {
        Self { values, count: values.len() / k, stride: k }
    }

    #[inline(always)]
    fn row(&self, row: usize, k: usize) -> &'a [f32] {
        &self.values[row * self.stride..][..k]
    }
}

/// Rows as tiles read them: codes, bf16 or f32.
pub(super) struct Rows<'a> {
    pub base: *const u8,
    /// Bytes from row to row.
    pub stride: usize,
    /// int8: \[rows, groups\]. Else empty.
    pub scales: &'a [Scale],
    /// int8: values of outlier channels, \[rows, channels\]. Else empty.
    pub outliers: &'a [f32],
    /// How many rows.
    pub count: usize,
}

/// Bytes from row to row of codes: whole cache lines, an odd number of them, so that the rows of a tile do not fall on
/// the same places of the cache.
const fn code_stride(k: usize) -> usize {
    (k.div_ceil(64) | 1) * 64
}

/// Bytes from row to row of bf16.
pub(crate) const fn bf16_stride(k: usize) -> usize {
    ((k * 2).div_ceil(64) | 1) * 64
}

/// Bytes from row to row of f32 with an even number of values.
const fn even_stride(k: usize) -> usize {
    k.next_multiple_of(2) * 4
}

/// Scratch memory for so many rows, with any instruction set.
pub(super) fn scratch_bytes(weights: &Packed<'_>, rows: usize) -> usize {
    let k = weights.k();
    match weights.format() {
        Format::Fp32 => 0,
        Format::Fp16 => Scratch::bytes::<u8>(rows * even_stride(k)),
        Format::Bf16 => Scratch::bytes::<u8>(rows * even_stride(k).max(bf16_stride(k))),
        Format::Int8 => {
            let scales = Scratch::bytes::<Scale>(rows * weights.header().groups());
            let outliers =
                Scratch::bytes::<f32>(rows * weights.outlier_indices().len()) + Scratch::bytes::<f32>(k);
            Scratch::bytes::<u8>(rows * code_stride(k)) + scales + outliers
        }
    }
}

impl<'a> Rows<'a> {
    /// How many outlier channels there are.
    #[inline(always)]
    pub fn channels(&self) -> usize {
        self.outliers.len() / self.count
    }

    /// Brings rows of K values into the form that the weights' format needs.
    #[inline(always)]
    pub fn prepare<M: Micro>(weights: &Packed<'_>, x: Source<'a>, scratch: &mut Scratch<'a>) -> Self {
        let k = weights.k();
        let x = match x {
            Source::Floats(x) => x,
            Source::Rounded(rows, count) => {
                let stride = bf16_stride(k);
                assert!(M::BF16 && weights.format() == Format::Bf16 && rows.len() * 2 >= count * stride);
                return Self::floats(rows.as_ptr().cast(), stride, count);
            }
        };
        // Tiles read without asking.
        assert!(x.values.len() >= (x.count - 1) * x.stride + k);
        match weights.format() {
            Format::Int8 if M::serves(Format::Int8) => Self::codes::<M>(weights, x, scratch),
            // Overlapping rows are rounded as the one row that they are; pairs have to stay pairs.
            Format::Bf16 if M::BF16 && x.stride < k && k.is_multiple_of(2) && x.stride.is_multiple_of(2) => {
                Self::overlapping::<M>(k, x, scratch)
            }
            Format::Bf16 if M::BF16 => Self::bf16::<M>(k, x, scratch),
            Format::Bf16 | Format::Fp16 if k % 2 == 1 => Self::even(k, x, scratch),
            _ => Self::floats(x.values.as_ptr().cast(), x.stride * 4, x.count),
        }
    }

    #[inline(always)]
    fn floats(base: *const u8, stride: usize, count: usize) -> Self {
        Self { base, stride, scales: &[], outliers: &[], count }
    }

    #[inline(always)]
    fn codes<M: Micro>(weights: &Packed<'_>, x: Input<'a>, scratch: &mut Scratch<'a>) -> Self {
        let (k, groups) = (weights.k(), weights.header().groups());
        let stride = code_stride(k);
        let rows = x.count;
        let codes = scratch.take::<u8>(rows * stride);
        let scales = scratch.take::<Scale>(rows * groups);
        let outliers = weights.outlier_indices();
        let kept = scratch.take::<f32>(rows * outliers.len());
        let others = scratch.take::<f32>(if outliers.is_empty() { 0 } else { k });
        let width = if weights.grouped() { GROUP } else { k };
        for row in 0..rows {
            let values = x.row(row, k);
            let codes = &mut codes[row * stride..][..stride];
            let scales = &mut scales[row * groups..][..groups];
            if outliers.is_empty() {
                quantize_groups::<M>(values, width, codes, scales);
                continue;
            }
            others.copy_from_slice(values);
            let mut finite = true;
            for (kept, index) in kept[row * outliers.len()..].iter_mut().zip(outliers) {
                *kept = std::mem::take(&mut others[*index as usize]);
                finite &= kept.is_finite();
            }
            quantize_groups::<M>(others, width, codes, scales);
            if !finite {
                scales[0].scale = f32::NAN;
            }
        }
        Self { base: codes.as_ptr(), stride, scales, outliers: kept, count: rows }
    }

    #[inline(always)]
    fn bf16<M: Micro>(k: usize, x: Input<'a>, scratch: &mut Scratch<'a>) -> Self {
        let stride = bf16_stride(k);
        let rounded = scratch.take::<u16>(x.count * stride / 2);
        for (row, to) in rounded.chunks_exact_mut(stride / 2).enumerate() {
            round::<M>(x.row(row, k), to);
            if k % 2 == 1 {
                to[k] = 0;
            }
        }
        Self::floats(rounded.as_ptr().cast(), stride, x.count)
    }

    #[inline(always)]
    fn overlapping<M: Micro>(k: usize, x: Input<'a>, scratch: &mut Scratch<'a>) -> Self {
        let values = &x.values[..(x.count - 1) * x.stride + k];
        let rounded = scratch.take::<u16>(values.len());
        round::<M>(values, rounded);
        Self::floats(rounded.as_ptr().cast(), x.stride * 2, x.count)
    }

    /// f32 with a zero behind an odd number of values: tiles read two at a time.
    #[inline(always)]
    fn even(k: usize, x: Input<'a>, scratch: &mut Scratch<'a>) -> Self {
        let copy = scratch.take::<f32>(x.count * (k + 1));
        for (row, to) in copy.chunks_exact_mut(k + 1).enumerate() {
            to[..k].copy_from_slice(x.row(row, k));
            to[k] = 0.0;
        }
        Self::floats(copy.as_ptr().cast(), (k + 1) * 4, x.count)
    }
}

/// The nearest bf16 of each value. For instruction sets that multiply bf16.
#[inline(always)]
fn round<M: Micro>(values: &[f32], rounded: &mut [u16]) {
    let (values, rest) = values.as_chunks();
    let (chunks, _) = rounded.as_chunks_mut();
    for (to, from) in chunks.iter_mut().zip(values) {
        // SAFETY: tiles are made where the CPU has the instructions.
        *to = unsafe { M::round_bf16(from) };
    }
    let rounded_rest = &mut rounded[16 * values.len()..];
    for (to, from) in rounded_rest.iter_mut().zip(rest) {
        *to = bf16_from_f32(*from);
    }
}

/// Codes of a row, group by group, with zeros behind the last one up to a whole number of four.
#[inline(always)]
fn quantize_groups<M: Micro>(values: &[f32], width: usize, codes: &mut [u8], scales: &mut [Scale]) {
    let end = values.len().next_multiple_of(4);
    let codes = codes[..end].chunks_mut(width.next_multiple_of(4));
    for ((values, codes), scale) in values.chunks(width).zip(codes).zip(scales) {
        *scale = quantize::<M>(values, codes);
    }
}
