//! Arm, 64 bits: NEON, and what later versions of the architecture add to it for products of 8 and 16 bits.

mod dotprod;
mod i8mm;
mod neon;

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

pub(crate) use dotprod::NeonDotprod;
pub(crate) use i8mm::NeonI8mm;
pub(crate) use neon::Neon;

/// What every 64-bit Arm with an operating system has.
pub(super) fn has_neon() -> bool {
    is_aarch64_feature_detected!("neon")
}

/// The same with dot products of 8-bit numbers.
pub(super) fn has_dotprod() -> bool {
    has_neon() && is_aarch64_feature_detected!("dotprod")
}

/// The same with products of matrices of 8-bit numbers and of bf16.
pub(super) fn has_i8mm() -> bool {
    has_dotprod() && is_aarch64_feature_detected!("i8mm") && is_aarch64_feature_detected!("bf16")
}

/// The 64 bytes at a place.
///
/// # Safety
/// There are 64 bytes.
#[target_feature(enable = "neon")]
unsafe fn row(at: *const u8) -> [uint8x16_t; 4] {
    // SAFETY: inside of what the caller promises.
    unsafe { [vld1q_u8(at), vld1q_u8(at.add(16)), vld1q_u8(at.add(32)), vld1q_u8(at.add(48))] }
}

/// Writes one row of a panel's sums.
///
/// # Safety
/// There is place for sixteen at `acc`.
#[target_feature(enable = "neon")]
unsafe fn store_i32(sums: [int32x4_t; 4], acc: *mut i32) {
    for (quarter, sum) in sums.into_iter().enumerate() {
        // SAFETY: inside of what the caller promises.
        unsafe { vst1q_s32(acc.add(4 * quarter), sum) }
    }
}

/// The same for floats.
///
/// # Safety
/// As [`store_i32`].
#[target_feature(enable = "neon")]
unsafe fn store_f32(sums: [float32x4_t; 4], acc: *mut f32) {
    for (quarter, sum) in sums.into_iter().enumerate() {
        // SAFETY: inside of what the caller promises.
        unsafe { vst1q_f32(acc.add(4 * quarter), sum) }
    }
}
