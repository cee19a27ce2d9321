//! The exponential function and the sigmoid.

use super::{fma, max, min, polynomial};
use crate::isa::Micro;

/// 1.5 * 2^23: a small number added to it is rounded to a whole one, ties to even, in the lowest bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// e^x, off by at most 2 units in the last place; 0 below -104, infinite above 88.8. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<M: Micro>(x: f32) -> f32 {
    // ln 2 in two parts, the first so short that multiples are exact.
    const LN2_HIGH: f32 = 355.0 / 512.0;
    const LN2_LOW: f32 = -0.000_212_194_44;
    // In this order NaN comes through.
    let x = max(-105.0, min(90.0, x));
    let rounded = fma::<M>(x, std::f32::consts::LOG2_E, ROUNDER);
    let n = rounded - ROUNDER;
    let rest = fma::<M>(n, -LN2_LOW, fma::<M>(n, -LN2_HIGH, x));
    // Chebyshev interpolation on -ln(2)/2..ln(2)/2.
    let power =
        polynomial::<M, 7>(rest, [1.0, 1.0, 0.5, 0.166_664_15, 0.041_666_35, 0.008_375_126, 0.001_394_110_9]);
    // In two steps, since 2^n alone may be beyond the normal numbers.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let half = n >> 1;
    let two_to = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    power * two_to(half) * two_to(n.wrapping_sub(half))
}

/// x / (1 + e^-factor·x): with 1 that is SiLU.
#[inline(always)]
pub(crate) fn times_sigmoid<M: Micro>(x: f32, argument: f32) -> f32 {
    x / (1.0 + exp::<M>(-argument))
}
