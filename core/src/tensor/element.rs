//! The Rust types that can be elements of a tensor.

use bytemuck::{CheckedBitPattern, NoUninit};
use half::{bf16, f16};
use num_complex::Complex;

use crate::tensor::{DType, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0};

mod sealed {
    pub trait Sealed {}
}

/// A Rust type whose values lie in memory exactly as ONNX lays out one element.
///
/// Sealed: the set follows [`DType`]. Packed 4-bit and 2-bit types have no Rust type, see [`unpack`](super::unpack);
/// strings are handled apart.
pub trait Element: sealed::Sealed + CheckedBitPattern + NoUninit + Default + Send + Sync + 'static {
    /// The element type.
    const DTYPE: DType;

    /// The bytes as elements, or `None` if they are misaligned, not a whole number of elements, or (for `bool`)
    /// hold a value that the type does not have.
    fn from_bytes(bytes: &[u8]) -> Option<&[Self]> {
        // No elements lie nowhere in particular.
        if bytes.is_empty() {
            return Some(&[]);
        }
        bytemuck::checked::try_cast_slice(bytes).ok()
    }
}

macro_rules! elements {
    ($($type:ty => $dtype:ident),* $(,)?) => {
        $(
            impl sealed::Sealed for $type {}
            impl Element for $type {
                const DTYPE: DType = DType::$dtype;
            }
        )*
    };
}

elements! {
    f32 => F32, f64 => F64, f16 => F16, bf16 => BF16,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64,
    i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    bool => Bool, Complex<f32> => Complex64, Complex<f64> => Complex128,
    F8E4M3FN => F8E4M3FN, F8E4M3FNUZ => F8E4M3FNUZ, F8E5M2 => F8E5M2, F8E5M2FNUZ => F8E5M2FNUZ, F8E8M0 => F8E8M0,
}
