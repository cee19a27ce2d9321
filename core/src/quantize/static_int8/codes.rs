//! Scales, zero points and codes of constants.

use crate::quantize::{ActivationScheme, Range, ScaleAndZeroPoint};

/// The largest and smallest scale of a constant that is an operand.
const SCALES: std::ops::RangeInclusive<f32> = 1e-12..=1e12;

/// Unsigned 8-bit numbers for a constant, by its smallest and largest element; `None` if it cannot be.
pub(super) fn of_constant(floats: &[f32]) -> Option<ScaleAndZeroPoint> {
    if floats.iter().any(|number| !number.is_finite()) {
        return None;
    }
    let min = floats.iter().copied().fold(0.0, f32::min);
    let max = floats.iter().copied().fold(0.0, f32::max);
    let codes = Range { min, max }.scale_and_zero_point(ActivationScheme::AsymmetricU8);
    SCALES.contains(&codes.scale).then_some(codes)
}

/// The code of a number.
pub(super) fn encode(number: f32, codes: ScaleAndZeroPoint) -> u8 {
    let steps = (f64::from(number) / f64::from(codes.scale)).round_ties_even();
    (steps + f64::from(codes.zero_point)).clamp(0.0, 255.0) as u8
}
