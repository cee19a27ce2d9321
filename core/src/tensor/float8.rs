//! 8-bit floating-point elements, converted exactly to and with rounding from `f32`.
//!
//! Formats: OCP 8-bit Floating Point Specification 1.0 (E4M3, E5M2), the FNUZ variants of arXiv:2206.02915, and the
//! E8M0 scale of the OCP Microscaling Formats specification 1.0. Rounding is to nearest, ties to even; values beyond
//! the largest finite one saturate to it, infinities included, as in ONNX's `Cast` with `saturate = 1`.

use bytemuck::{Pod, Zeroable};

/// How the bits of an 8-bit format are laid out and which patterns are special.
struct Format {
    mantissa_bits: u32,
    bias: i32,
    /// The largest finite magnitude, as bits without the sign.
    max_bits: u8,
    /// The bits of NaN.
    nan_bits: u8,
    /// Whether the format has no negative zero (its bits mean NaN).
    unsigned_zero: bool,
    /// Bits of positive infinity, if the format has one.
    infinity_bits: Option<u8>,
}

const E4M3FN: Format = Format {
    mantissa_bits: 3,
    bias: 7,
    max_bits: 0x7E,
    nan_bits: 0x7F,
    unsigned_zero: false,
    infinity_bits: None,
};
const E4M3FNUZ: Format = Format {
    mantissa_bits: 3,
    bias: 8,
    max_bits: 0x7F,
    nan_bits: 0x80,
    unsigned_zero: true,
    infinity_bits: None,
};
const E5M2: Format = Format {
    mantissa_bits: 2,
    bias: 15,
    max_bits: 0x7B,
    nan_bits: 0x7F,
    unsigned_zero: false,
    infinity_bits: Some(0x7C),
};
const E5M2FNUZ: Format = Format {
    mantissa_bits: 2,
    bias: 16,
    max_bits: 0x7F,
    nan_bits: 0x80,
    unsigned_zero: true,
    infinity_bits: None,
};

impl Format {
    fn decode(&self, bits: u8) -> f32 {
        let (sign, magnitude) = (bits >> 7, bits & 0x7F);
        if self.unsigned_zero && bits == self.nan_bits {
            return f32::NAN;
        }
        let value = match self.infinity_bits {
            Some(infinity) if magnitude == infinity => f32::INFINITY,
            _ if magnitude > self.max_bits => f32::NAN,
            _ => self.decode_finite(magnitude),
        };
        if sign == 1 { -value } else { value }
    }

    fn decode_finite(&self, magnitude: u8) -> f32 {
        let exponent = i32::from(magnitude >> self.mantissa_bits);
        let mantissa = f32::from(magnitude & ((1 << self.mantissa_bits) - 1));
        let steps = (1 << self.mantissa_bits) as f32;
        if exponent == 0 {
            mantissa / steps * exp2(1 - self.bias)
        } else {
            (1.0 + mantissa / steps) * exp2(exponent - self.bias)
        }
    }

    fn encode(&self, value: f32) -> u8 {
        if value.is_nan() {
            return self.nan_bits;
        }
        let magnitude = self.encode_magnitude(value.abs());
        let negative = value.is_sign_negative() && !(self.unsigned_zero && magnitude == 0);
        if negative { magnitude | 0x80 } else { magnitude }
    }

    /// The nearest representable magnitude: the finite patterns count upward in value, so the value's place between
    /// two neighbours decides.
    fn encode_magnitude(&self, value: f32) -> u8 {
        let exponent = (((value.to_bits() >> 23) as i32) - 127).max(1 - self.bias);
        // Above the largest exponent of any format the result saturates anyway.
        if exponent > 32 {
            return self.max_bits;
        }
        let quantum = exp2(exponent - self.mantissa_bits as i32);
        // Dividing by a power of two is exact, and `round_ties_even` of it is the mantissa with its carry.
        let steps = (value / quantum).round_ties_even() as i32;
        let first = (exponent + self.bias - 1) << self.mantissa_bits;
        (first + steps).clamp(0, i32::from(self.max_bits)) as u8
    }
}

/// `2^exponent` for exponents that are normal in `f32`.
fn exp2(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

macro_rules! float8 {
    ($name:ident, $format:ident, $text:literal) => {
        #[doc = $text]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(
            /// The bits.
            pub u8,
        );

        impl $name {
            /// The nearest value of this format, saturating; NaN stays NaN.
            pub fn from_f32(value: f32) -> Self {
                Self($format.encode(value))
            }

            /// The exact value.
            pub fn to_f32(self) -> f32 {
                $format.decode(self.0)
            }
        }
    };
}

float8!(
    F8E4M3FN,
    E4M3FN,
    "8-bit float with 4 exponent and 3 mantissa bits; finite up to 448, no infinities."
);
float8!(
    F8E4M3FNUZ,
    E4M3FNUZ,
    "8-bit float with 4 exponent and 3 mantissa bits, bias 8; finite up to 240, one zero."
);
float8!(
    F8E5M2,
    E5M2,
    "8-bit float with 5 exponent and 2 mantissa bits; finite up to 57344, with infinities."
);
float8!(
    F8E5M2FNUZ,
    E5M2FNUZ,
    "8-bit float with 5 exponent and 2 mantissa bits, bias 16; one zero, no infinities."
);

/// 8-bit power of two: the shared scale of a microscaling block. 255 is NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct F8E8M0(
    /// The exponent, biased by 127.
    pub u8,
);

impl F8E8M0 {
    /// The exact value: `2^(bits - 127)`.
    pub fn to_f32(self) -> f32 {
        match self.0 {
            255 => f32::NAN,
            0 => f32::from_bits(1 << 22),
            exponent => f32::from_bits(u32::from(exponent) << 23),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pattern decodes to a value that encodes to the same pattern, and the midpoint of two neighbours goes
    /// to the even one.
    fn check(format: &Format) {
        for bits in 0..=255_u8 {
            let value = format.decode(bits);
            if value.is_finite() {
                assert_eq!(format.encode(value), bits, "{value}");
            }
        }
        for bits in 0..format.max_bits {
            let (low, high) = (format.decode(bits), format.decode(bits + 1));
            let even = bits + (bits & 1);
            assert_eq!(format.encode((low + high) / 2.0), even, "between {low} and {high}");
            assert_eq!(format.encode(low + (high - low) * 0.49), bits);
        }
        assert!(format.decode(format.encode(f32::NAN)).is_nan());
        assert_eq!(format.encode(f32::INFINITY), format.max_bits);
        assert_eq!(format.encode(f32::MAX), format.max_bits);
        assert_eq!(format.encode(-f32::MAX), format.max_bits | 0x80);
        assert_eq!(format.encode(f32::from_bits(1)), 0);
    }

    #[test]
    fn patterns_round_trip_and_ties_go_to_even() {
        for format in [&E4M3FN, &E4M3FNUZ, &E5M2, &E5M2FNUZ] {
            check(format);
        }
    }

    #[test]
    fn known_values_of_the_specification() {
        assert_eq!(F8E4M3FN(0x7E).to_f32(), 448.0);
        assert_eq!(F8E4M3FN(0x01).to_f32(), 1.0 / 512.0);
        assert!(F8E4M3FN(0xFF).to_f32().is_nan());
        assert_eq!(F8E4M3FNUZ(0x7F).to_f32(), 240.0);
        assert!(F8E4M3FNUZ(0x80).to_f32().is_nan());
        assert_eq!(F8E5M2(0x7B).to_f32(), 57344.0);
        assert_eq!(F8E5M2(0xFC).to_f32(), f32::NEG_INFINITY);
        assert_eq!(F8E5M2FNUZ(0x7F).to_f32(), 57344.0);
        assert_eq!(F8E8M0(127).to_f32(), 1.0);
        assert_eq!(F8E8M0(0).to_f32(), f32::MIN_POSITIVE / 2.0);
        assert!(F8E8M0(255).to_f32().is_nan());
        assert_eq!(F8E4M3FNUZ::from_f32(-0.0).0, 0);
        assert_eq!(F8E4M3FN::from_f32(-0.0).0, 0x80);
    }
}
