//! Activations.

use super::exp::times_sigmoid;
use super::{fma, max, min, polynomial};
use crate::isa::Micro;

/// What is applied to the outputs of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// x Φ(x), by the error function.
    Gelu,
    /// GELU by its approximation with tanh.
    GeluTanh,
    /// x / (1 + e^-x), also called swish.
    Silu,
}

/// Applies it to all. `rounded`: whether values come from products of numbers with 8 bits of precision or fewer, so that
/// what is off by a ten-thousandth does not count.
#[inline(always)]
pub(crate) fn apply<M: Micro>(activation: Activation, rounded: bool, values: &mut [f32]) {
    match activation {
        Activation::None => {}
        Activation::Relu => each(values, relu),
        Activation::Gelu if rounded => each(values, gelu_rounded::<M>),
        Activation::Gelu => each(values, gelu::<M>),
        Activation::GeluTanh if rounded => each(values, gelu_tanh_rounded::<M>),
        Activation::GeluTanh => each(values, gelu_tanh::<M>),
        Activation::Silu => each(values, silu::<M>),
    }
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    let (chunks, rest) = values.as_chunks_mut::<16>();
    for chunk in chunks {
        for value in chunk {
            *value = function(*value);
        }
    }
    for value in rest {
        *value = function(*value);
    }
}

/// NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    max(0.0, x)
}

/// x Φ(x), off by less than 1e-6 (and by less than 3 units in the last place where it is larger than 5).
#[inline(always)]
fn gelu<M: Micro>(x: f32) -> f32 {
    gated::<M, 15>(
        x,
        5.25,
        // Of erf(x / sqrt 2) / x.
        [
            0.269_318_7,
            -0.134_253_71,
            0.099_291_97,
            -0.079_524_346,
            0.064_055_1,
            -0.050_106_384,
            0.037_131_85,
            -0.025_464_201,
            0.016_657_362,
            -0.011_056_035,
            0.006_079_433_5,
            -0.001_939_737_5,
            0.001_091_027_4,
            -0.001_359_773_8,
            0.000_554_920_06,
        ],
    )
}

/// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))), as near.
#[inline(always)]
fn gelu_tanh<M: Micro>(x: f32) -> f32 {
    gated::<M, 15>(
        x,
        5.0,
        // Of tanh(…) / x.
        [
            0.282_757_07,
            -0.140_730_99,
            0.103_309_914,
            -0.081_106_745,
            0.062_784_03,
            -0.045_799_855,
            0.031_428_058,
            -0.021_884_648,
            0.013_754,
            -0.004_263_635_7,
            0.001_551_574_7,
            -0.005_689_247,
            0.004_307_353_4,
            0.000_532_701_7,
            -0.000_949_623_6,
        ],
    )
}

/// [`gelu`], off by less than 1.5e-4 (or by 5e-5 of it, where it is larger than 4).
#[inline(always)]
fn gelu_rounded<M: Micro>(x: f32) -> f32 {
    gated::<M, 8>(
        x,
        4.0,
        [
            0.351_895_5,
            -0.168_714_94,
            0.112_101_62,
            -0.072_990_76,
            0.043_243_41,
            -0.026_519_955,
            0.016_422_572,
            -0.005_458_031,
        ],
    )
}

/// [`gelu_tanh`], as near.
#[inline(always)]
fn gelu_tanh_rounded<M: Micro>(x: f32) -> f32 {
    gated::<M, 8>(
        x,
        4.0,
        [
            0.352_009_5,
            -0.168_910_6,
            0.112_041_39,
            -0.072_243_95,
            0.042_044_226,
            -0.026_351_495,
            0.017_514_592,
            -0.006_118_185,
        ],
    )
}

/// 0.5 x (1 + f(x)), where f is odd and goes from -1 to 1, which it (nearly) is beyond `end`.
///
/// The coefficients are those of a polynomial for f(x) / x as a function of x², which is brought to -1..1: the Chebyshev
/// interpolation, or where there are only eight, the one whose largest error of the result is the smallest.
#[inline(always)]
fn gated<M: Micro, const N: usize>(x: f32, end: f32, coefficients: [f32; N]) -> f32 {
    // In this order NaN comes through.
    let inner = max(-end, min(end, x));
    let u = fma::<M>(inner * inner, 2.0 / (end * end), -1.0);
    let ratio = polynomial::<M, N>(u, coefficients);
    let half = 0.5 * x;
    let result = fma::<M>(half, ratio * inner, half);
    if x < -end { 0.0 } else { result }
}

#[inline(always)]
fn silu<M: Micro>(x: f32) -> f32 {
    let result = times_sigmoid::<M>(x, x);
    if x < -104.0 { 0.0 } else { result }
}
