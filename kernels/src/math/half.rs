//! 16-bit floats: fp16 and bf16, to and from `f32`, without branches so that loops over them become vector code.

/// The value of an fp16.
#[inline(always)]
pub fn f32_from_fp16(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    // The exponent's bias is 112 smaller; the product also makes denormal numbers what they are.
    let scaled = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let special = magnitude >= 0x7c00 << 13;
    let value = if special { magnitude | 0x7f80_0000 } else { scaled.to_bits() };
    f32::from_bits(value | u32::from(bits & 0x8000) << 16)
}

/// The nearest fp16, ties to even; infinite where it is too large.
pub fn fp16_from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00 | (magnitude >> 13 & 0x3ff) as u16;
    }
    // Below the smallest normal number (2^-14) steps are 2^-24.
    if magnitude < 0x3880_0000 {
        let steps = f32::from_bits(magnitude) * 16_777_216.0;
        return sign | steps.round_ties_even() as u16;
    }
    let rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    sign | (rounded.wrapping_sub(112 << 23) >> 13).min(0x7c00) as u16
}

/// The value of a bf16.
#[inline(always)]
pub fn f32_from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest bf16, ties to even. NaN stays NaN.
#[inline(always)]
pub fn bf16_from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let not_a_number = bits & 0x7fff_ffff > 0x7f80_0000;
    ((if not_a_number { bits | 0x0040_0000 } else { rounded }) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All values, but where that takes minutes.
    const STEP: usize = if cfg!(miri) { 251 } else { 1 };

    /// By the definition, in f64.
    fn definition(bits: u16) -> f64 {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        // Exact everywhere, which `powi` is not.
        let two_to = |exponent: i32| f64::from_bits(((1023 + exponent) as u64) << 52);
        sign * match exponent {
            0 => fraction * two_to(-24),
            31 if fraction == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (1.0 + fraction / 1024.0) * two_to(exponent - 15),
        }
    }

    #[test]
    fn every_fp16_is_what_it_means_and_comes_back() {
        for bits in (0..=u16::MAX).step_by(STEP) {
            let (value, expected) = (f32_from_fp16(bits), definition(bits));
            if expected.is_nan() {
                assert!(value.is_nan() && f32_from_fp16(fp16_from_f32(value)).is_nan());
                continue;
            }
            assert_eq!(f64::from(value).to_bits(), expected.to_bits(), "{bits:#x}");
            assert_eq!(fp16_from_f32(value), bits);
        }
    }

    #[test]
    fn fp16_rounds_to_the_nearest_and_ties_to_even() {
        for bits in (0..0x7bff_u16).step_by(STEP) {
            let (low, high) = (f32_from_fp16(bits), f32_from_fp16(bits + 1));
            let middle = (low + high) / 2.0;
            let even = if bits % 2 == 0 { bits } else { bits + 1 };
            assert_eq!(fp16_from_f32(middle), even, "{middle}");
            assert_eq!(fp16_from_f32(f32::from_bits(middle.to_bits() - 1)), bits);
            assert_eq!(fp16_from_f32(-f32::from_bits(middle.to_bits() + 1)), 0x8000 | (bits + 1));
        }
        assert_eq!(fp16_from_f32(65519.9), 0x7bff);
        assert_eq!(fp16_from_f32(65520.0), 0x7c00);
        assert_eq!(fp16_from_f32(f32::MAX), 0x7c00);
    }

    #[test]
    fn bf16_rounds_to_the_nearest_and_ties_to_even() {
        for bits in (0..0x7f80_u16).chain(0x8000..0xff80).step_by(STEP) {
            let whole = u32::from(bits) << 16;
            assert_eq!(bf16_from_f32(f32::from_bits(whole)), bits);
            assert_eq!(bf16_from_f32(f32::from_bits(whole | 0x7fff)), bits);
            assert_eq!(bf16_from_f32(f32::from_bits(whole | 0x8000)), bits + (bits & 1));
            assert_eq!(bf16_from_f32(f32::from_bits(whole | 0x8001)), bits + 1);
        }
        for bits in [0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0xffff_ffff_u32] {
            assert!(f32_from_bf16(bf16_from_f32(f32::from_bits(bits))).is_nan());
        }
        assert_eq!(bf16_from_f32(f32::INFINITY), 0x7f80);
    }
}
