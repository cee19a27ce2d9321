//! Rows of activations as u8 codes: one scale and one zero point for a row or for each 128 values of it.

use crate::isa::Micro;
use crate::math::exp::ROUNDER;
use crate::math::fma;

/// How codes become values: `(code - zero) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// NaN if a value is not finite, 0 if all are (nearly) zero.
    pub scale: f32,
    /// The code of 0: 128 less where codes are [signed](Micro::SIGNED).
    pub zero: i32,
}

/// Smallest and largest value, with 0, as their bits: those of positive floats are in their order as signed numbers, those
/// of negative ones as unsigned ones, and infinities and NaN are beyond the finite ones. Loops over whole numbers become
/// vector code in whatever order they are added up.
#[derive(Clone, Copy)]
struct Range {
    /// Of the smallest value, if that is negative.
    low: u32,
    /// Of the largest value, if that is positive, else 0.
    high: i32,
}

const SIGN: u32 = 0x8000_0000;
impl Scale {
    /// That of a row of zeros.
    pub const ZERO: Self = Self { scale: 0.0, zero: 0 };
}

const INFINITY: i32 = 0x7f80_0000;

impl Range {
    #[inline(always)]
    fn of(values: &[f32]) -> Self {
        let (mut low, mut high) = (0, 0);
        for value in values {
            low = low.max(value.to_bits());
            high = high.max(value.to_bits() as i32);
        }
        Self { low: low.max(SIGN), high }
    }

    #[inline(always)]
    fn scale(self) -> Scale {
        if self.high >= INFINITY || self.low >= SIGN | INFINITY as u32 {
            return Scale { scale: f32::NAN, zero: 0 };
        }
        let (low, high) = (f32::from_bits(self.low), f32::from_bits(self.high as u32));
        let range = high - low;
        let scale = if range < f32::INFINITY { range / 255.0 } else { high / 255.0 - low / 255.0 };
        // The reciprocal of a smaller one would be infinite.
        if scale < f32::MIN_POSITIVE {
            return Scale::ZERO;
        }
        let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0) as i32;
        Scale { scale, zero }
    }
}

/// Range and codes of some values. `codes` may be longer: the rest becomes 0.
#[inline(always)]
pub(super) fn quantize<M: Micro>(values: &[f32], codes: &mut [u8]) -> Scale {
    let mut scale = Range::of(values).scale();
    let (used, rest) = codes.split_at_mut(values.len());
    encode::<M>(values, scale, used);
    rest.fill(0);
    if M::SIGNED {
        scale.zero -= 128;
    }
    scale
}

/// `round(value / scale + zero)`, kept within 0..=255, then shifted if codes are signed.
#[inline(always)]
fn encode<M: Micro>(values: &[f32], scale: Scale, codes: &mut [u8]) {
    let inverse = if scale.scale > 0.0 { 1.0 / scale.scale } else { 0.0 };
    // Around the middle, where the conversion to 8 bits keeps numbers in range at no cost.
    let zero = ROUNDER + (scale.zero - 128) as f32;
    let flip = if M::SIGNED { 0 } else { 0x80 };
    for (to, value) in codes.iter_mut().zip(values) {
        let steps = fma::<M>(*value, inverse, zero).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
        *to = steps.clamp(-128, 127) as u8 ^ flip;
    }
}
