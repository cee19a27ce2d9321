//! Rows of activations as u8 codes: one scale and one zero point for a row or for each 128 values of it.

use crate::isa::Micro;
use crate::math::exp::ROUNDER;
use crate::math::{max, min};

/// How codes become values: `(code - zero) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// NaN if a value is not finite, 0 if all are (nearly) zero.
    pub scale: f32,
    /// The code of 0: 128 less where codes are [signed](Micro::SIGNED).
    pub zero: i32,
}

/// Smallest and largest value, with 0, as whole numbers in the order of the values: those of infinities and NaN are
/// beyond those of all finite values. Loops over whole numbers become vector code in whatever order they are added up.
#[derive(Clone, Copy)]
struct Range {
    low: i32,
    high: i32,
}

/// The whole number of a value, and back.
#[inline(always)]
fn ordered(bits: i32) -> i32 {
    bits ^ (bits >> 31 & i32::MAX)
}

const INFINITY: i32 = 0x7f80_0000;

impl Range {
    #[inline(always)]
    fn with(self, values: &[f32]) -> Self {
        let Self { mut low, mut high } = self;
        for value in values {
            let value = ordered(value.to_bits() as i32);
            low = low.min(value);
            high = high.max(value);
        }
        Self { low, high }
    }

    #[inline(always)]
    fn scale(self) -> Scale {
        if self.high >= INFINITY || self.low <= !INFINITY {
            return Scale { scale: f32::NAN, zero: 0 };
        }
        let value = |order: i32| f32::from_bits(ordered(order) as u32);
        let (low, high) = (value(self.low), value(self.high));
        let range = high - low;
        let scale = if range < f32::INFINITY { range / 255.0 } else { high / 255.0 - low / 255.0 };
        // The reciprocal of a smaller one would be infinite.
        if scale < f32::MIN_POSITIVE {
            return Scale { scale: 0.0, zero: 0 };
        }
        let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0) as i32;
        Scale { scale, zero }
    }
}

/// Range and codes of some values. `codes` may be longer: the rest becomes 0.
#[inline(always)]
pub(super) fn quantize<M: Micro>(values: &[f32], codes: &mut [u8]) -> Scale {
    let mut scale = Range { low: 0, high: 0 }.with(values).scale();
    let (used, rest) = codes.split_at_mut(values.len());
    encode(values, scale, if M::SIGNED { -128 } else { 0 }, used);
    rest.fill(0);
    if M::SIGNED {
        scale.zero -= 128;
    }
    scale
}

/// `round(value / scale) + zero`, kept within 0..=255, then shifted.
#[inline(always)]
fn encode(values: &[f32], scale: Scale, shift: i32, codes: &mut [u8]) {
    let inverse = if scale.scale > 0.0 { 1.0 / scale.scale } else { 0.0 };
    let zero = (scale.zero + shift) as u32;
    let (low, high) = (-scale.zero as f32, (255 - scale.zero) as f32);
    let code = |value: f32| {
        let steps = max(low, min(high, value * inverse));
        // The lowest byte of the rounder is 0, so the code is the lowest byte of the sum.
        (steps + ROUNDER).to_bits().wrapping_add(zero) as u8
    };
    for (to, value) in codes.iter_mut().zip(values) {
        *to = code(*value);
    }
}
