//! Scale and zero point of a range, in 8 bits with a sign or without.

use serde::{Deserialize, Serialize};

/// The largest magnitude that a range may reach, so that rounding cannot make an infinity of it.
const MAX_BORDER: f32 = f32::MAX / 2.0;

/// How activations become 8-bit integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationScheme {
    /// 0 to 255 with a zero point anywhere: the range may be lopsided.
    AsymmetricU8,
    /// -127 to 127 with the zero point 0: the range reaches as far below zero as above.
    SymmetricS8,
}

/// The values, both ends included, that quantization tells apart; what lies outside is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The low end, in the tensor's own unit.
    pub min: f32,
    /// The high end, in the tensor's own unit.
    pub max: f32,
}

/// What `QuantizeLinear` and `DequantizeLinear` need: a value is `(code - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleAndZeroPoint {
    /// The step from one code to the next, in the tensor's own unit; positive, finite and not denormal.
    pub scale: f32,
    /// The code of zero, within the codes of the scheme.
    pub zero_point: i32,
}

impl ActivationScheme {
    /// The smallest and the largest code.
    pub(super) fn codes(self) -> (i32, i32) {
        match self {
            Self::AsymmetricU8 => (0, 255),
            Self::SymmetricS8 => (-127, 127),
        }
    }
}

impl Range {
    /// Scale and zero point that cover this range and zero, which gets a code of its own.
    ///
    /// Ends beyond half of [`f32::MAX`] are taken for that. A range so small that its scale would be zero or denormal
    /// has scale 1 and zero point 0: its values become zero. If an
    /// end is NaN, the result is valid, but means nothing.
    pub fn scale_and_zero_point(self, scheme: ActivationScheme) -> ScaleAndZeroPoint {
        let low = f64::from(self.min.clamp(-MAX_BORDER, 0.0));
        let high = f64::from(self.max.clamp(0.0, MAX_BORDER));
        let span = match scheme {
            ActivationScheme::AsymmetricU8 => high - low,
            ActivationScheme::SymmetricS8 => high.max(-low),
        };
        let (_, max_code) = scheme.codes();
        let scale = (span / f64::from(max_code)) as f32;
        if !scale.is_normal() {
            return ScaleAndZeroPoint { scale: 1.0, zero_point: 0 };
        }
        let zero_point = match scheme {
            ActivationScheme::AsymmetricU8 => {
                (-low / f64::from(scale)).round_ties_even().min(f64::from(max_code)) as i32
            }
            ActivationScheme::SymmetricS8 => 0,
        };
        ScaleAndZeroPoint { scale, zero_point }
    }

    pub(super) fn around_zero(magnitude: f32) -> Self {
        Self { min: -magnitude, max: magnitude }
    }

    /// How far the range reaches from zero.
    pub(super) fn magnitude(self) -> f32 {
        self.max.max(-self.min)
    }

    /// The smallest range that holds both.
    pub(super) fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The ends moved, where necessary, to within those of another range.
    pub(super) fn within(self, other: Self) -> Self {
        Self { min: self.min.clamp(other.min, other.max), max: self.max.clamp(other.min, other.max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(min: f32, max: f32, scheme: ActivationScheme) -> (f32, i32) {
        let ScaleAndZeroPoint { scale, zero_point } = Range { min, max }.scale_and_zero_point(scheme);
        (scale, zero_point)
    }

    #[test]
    fn known_ranges_have_the_known_parameters() {
        let (u8, s8) = (ActivationScheme::AsymmetricU8, ActivationScheme::SymmetricS8);
        assert_eq!(of(0.0, 255.0, u8), (1.0, 0));
        assert_eq!(of(-255.0, 0.0, u8), (1.0, 255));
        assert_eq!(of(-128.0, 127.0, u8), (1.0, 128));
        // Zero is always inside.
        assert_eq!(of(25.5, 51.0, u8), (0.2, 0));
        assert_eq!(of(-51.0, -25.5, u8), (0.2, 255));
        assert_eq!(of(-63.5, 12.0, s8), (0.5, 0));
        assert_eq!(of(1.0, 254.0, s8), (2.0, 0));
    }

    #[test]
    fn every_range_has_usable_parameters() {
        let ends = [0.0, -0.0, 1e-45, 1e-38, 1e-30, 0.1, 7.0, 1e30, f32::MAX, f32::INFINITY, f32::NAN];
        for scheme in [ActivationScheme::AsymmetricU8, ActivationScheme::SymmetricS8] {
            for (min, max) in ends.iter().flat_map(|low| ends.map(|high| (-low, high))) {
                let (scale, zero_point) = of(min, max, scheme);
                let (first, last) = scheme.codes();
                assert!(scale.is_normal() && scale > 0.0, "{min} {max}");
                assert!((first..=last).contains(&zero_point), "{min} {max}");
                for code in [first, last] {
                    assert!(((code - zero_point) as f32 * scale).is_finite(), "{min} {max}");
                }
            }
        }
    }
}
