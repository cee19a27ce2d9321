//! Functions of single numbers, written so that loops over them become vector code.
//!
//! All are `#[inline(always)]` and without branches. They take the instruction set as a parameter only to know whether a
//! product and a sum are one instruction.

pub(crate) mod activation;
pub(crate) mod exp;
pub(crate) mod half;

use crate::isa::Micro;

/// `a * b + c`, rounded once where that is one instruction.
#[inline(always)]
pub(crate) fn fma<M: Micro>(a: f32, b: f32, c: f32) -> f32 {
    if M::FMA { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial, the highest coefficient last.
#[inline(always)]
pub(crate) fn polynomial<M: Micro, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for at in (0..N - 1).rev() {
        sum = fma::<M>(sum, x, coefficients[at]);
    }
    sum
}

/// The smaller one; the second if one is NaN. One instruction, which `f32::min` is not.
#[inline(always)]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger one; the second if one is NaN.
#[inline(always)]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
