//! x86-64: which instructions the CPU has, and the tiles in them.

mod avx2;
mod avx512;
mod avx_vnni;

pub(crate) use avx_vnni::AvxVnni;
#[cfg(test)]
pub(crate) use avx_vnni::AvxVnniTwin;
pub(crate) use avx2::Avx2;
pub(crate) use avx512::{Avx512, Avx512Bf16};

/// AVX2, with what every CPU that has it has.
pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// The same with dot products of 8-bit numbers, encoded with VEX.
pub(super) fn has_avx_vnni() -> bool {
    has_avx2() && is_x86_feature_detected!("avxvnni")
}

/// AVX-512 F, BW, DQ, VL and VNNI, with what every CPU that has them has.
pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && has_avx2()
}

/// The same with dot products of bf16.
pub(super) fn has_avx512_bf16() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512bf16")
}
