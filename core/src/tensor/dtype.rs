//! Element types of ONNX tensors.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Element type of a tensor: every type that ONNX defines.
///
/// The names ([`DType::name`], also used by serde) are NumPy's, with `ml_dtypes` names for what NumPy lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum DType {
    /// IEEE 754 single precision.
    F32,
    /// 8-bit unsigned integer.
    U8,
    /// 8-bit signed integer.
    I8,
    /// 16-bit unsigned integer.
    U16,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// UTF-8 text of any length.
    String,
    /// One byte, 0 or 1.
    Bool,
    /// IEEE 754 half precision.
    F16,
    /// IEEE 754 double precision.
    F64,
    /// 32-bit unsigned integer.
    U32,
    /// 64-bit unsigned integer.
    U64,
    /// Two `F32`: real, imaginary.
    Complex64,
    /// Two `F64`: real, imaginary.
    Complex128,
    /// The upper 16 bits of an `F32`.
    BF16,
    /// 8-bit float, 4 exponent bits, 3 mantissa bits, no infinities.
    F8E4M3FN,
    /// 8-bit float, 4 exponent bits, 3 mantissa bits, no infinities, no negative zero.
    F8E4M3FNUZ,
    /// 8-bit float, 5 exponent bits, 2 mantissa bits.
    F8E5M2,
    /// 8-bit float, 5 exponent bits, 2 mantissa bits, no infinities, no negative zero.
    F8E5M2FNUZ,
    /// 4-bit unsigned integer, two in a byte, the first in the low half.
    U4,
    /// 4-bit signed integer, two in a byte, the first in the low half.
    I4,
    /// 4-bit float, 2 exponent bits, 1 mantissa bit, two in a byte.
    F4E2M1,
    /// 8-bit power of two (a scale), no sign, no mantissa.
    F8E8M0,
    /// 2-bit unsigned integer, four in a byte, the first in the lowest bits.
    U2,
    /// 2-bit signed integer, four in a byte, the first in the lowest bits.
    I2,
}

/// Variant, ONNX number (`TensorProto.DataType`), bits of one element, name.
const TABLE: [(DType, i32, u32, &str); 26] = [
    (DType::F32, 1, 32, "float32"),
    (DType::U8, 2, 8, "uint8"),
    (DType::I8, 3, 8, "int8"),
    (DType::U16, 4, 16, "uint16"),
    (DType::I16, 5, 16, "int16"),
    (DType::I32, 6, 32, "int32"),
    (DType::I64, 7, 64, "int64"),
    (DType::String, 8, 0, "string"),
    (DType::Bool, 9, 8, "bool"),
    (DType::F16, 10, 16, "float16"),
    (DType::F64, 11, 64, "float64"),
    (DType::U32, 12, 32, "uint32"),
    (DType::U64, 13, 64, "uint64"),
    (DType::Complex64, 14, 64, "complex64"),
    (DType::Complex128, 15, 128, "complex128"),
    (DType::BF16, 16, 16, "bfloat16"),
    (DType::F8E4M3FN, 17, 8, "float8_e4m3fn"),
    (DType::F8E4M3FNUZ, 18, 8, "float8_e4m3fnuz"),
    (DType::F8E5M2, 19, 8, "float8_e5m2"),
    (DType::F8E5M2FNUZ, 20, 8, "float8_e5m2fnuz"),
    (DType::U4, 21, 4, "uint4"),
    (DType::I4, 22, 4, "int4"),
    (DType::F4E2M1, 23, 4, "float4_e2m1fn"),
    (DType::F8E8M0, 24, 8, "float8_e8m0fnu"),
    (DType::U2, 25, 2, "uint2"),
    (DType::I2, 26, 2, "int2"),
];

impl DType {
    /// Every element type, in ONNX order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The number of this type in ONNX files (`TensorProto.DataType`).
    pub fn onnx(self) -> i32 {
        TABLE[self as usize].1
    }

    /// The type with this number in ONNX files, if there is one.
    pub fn from_onnx(number: i32) -> Option<Self> {
        usize::try_from(number).ok()?.checked_sub(1).and_then(|index| TABLE.get(index)).map(|row| row.0)
    }

    /// Bits of one element; 0 for strings, whose size varies.
    pub fn bits(self) -> u32 {
        TABLE[self as usize].2
    }

    /// The type's name, for example `float32`.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].3
    }

    /// The type with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.3 == name).map(|row| row.0)
    }

    /// Whether several elements share one byte.
    pub fn is_packed(self) -> bool {
        matches!(self.bits(), 1..=7)
    }

    /// Whether the type is a floating-point type (complex types are not).
    pub fn is_float(self) -> bool {
        matches!(
            self,
            Self::F16
                | Self::BF16
                | Self::F32
                | Self::F64
                | Self::F8E4M3FN
                | Self::F8E4M3FNUZ
                | Self::F8E5M2
                | Self::F8E5M2FNUZ
                | Self::F8E8M0
                | Self::F4E2M1
        )
    }

    /// Alignment in bytes that an element needs in memory.
    pub fn align_bytes(self) -> usize {
        match self.bits() {
            16 => 2,
            32 => 4,
            64 if self == Self::Complex64 => 4,
            64 | 128 => 8,
            _ => 1,
        }
    }

    /// Bytes of `count` elements, packed types rounded up to a whole byte; 0 for strings.
    ///
    /// # Errors
    /// `limit_exceeded` if the size does not fit into memory addresses.
    pub fn size_bytes(self, count: usize) -> Result<usize> {
        let bits = count as u128 * u128::from(self.bits());
        let bytes = bits.div_ceil(8);
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= isize::MAX as usize => Ok(bytes),
            _ => Err(Error::limit_exceeded(
                "tensor size in bytes",
                isize::MAX as u64,
                u64::try_from(bytes).unwrap_or(u64::MAX),
            )),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<DType> for &'static str {
    fn from(dtype: DType) -> Self {
        dtype.name()
    }
}

impl TryFrom<String> for DType {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::from_name(&name).ok_or_else(|| Error::not_found("element type", name, TABLE.map(|row| row.3)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_variants_and_of_onnx() {
        for (index, dtype) in DType::all().enumerate() {
            assert_eq!(dtype as usize, index);
            assert_eq!(dtype.onnx() as usize, index + 1);
            assert_eq!(DType::from_onnx(dtype.onnx()), Some(dtype));
            assert_eq!(DType::from_name(dtype.name()), Some(dtype));
            let json = serde_json::to_string(&dtype).unwrap();
            assert_eq!(serde_json::from_str::<DType>(&json).unwrap(), dtype);
        }
        for unknown in [i32::MIN, -1, 0, 27, i32::MAX] {
            assert_eq!(DType::from_onnx(unknown), None);
        }
    }

    #[test]
    fn sizes_round_up_and_do_not_overflow() {
        assert_eq!(DType::I4.size_bytes(3).unwrap(), 2);
        assert_eq!(DType::U2.size_bytes(5).unwrap(), 2);
        assert_eq!(DType::F32.size_bytes(0).unwrap(), 0);
        assert_eq!(DType::F64.size_bytes(usize::MAX).unwrap_err().code(), crate::ErrorCode::LimitExceeded);
    }
}
