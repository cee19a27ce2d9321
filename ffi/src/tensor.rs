//! Tensors in memory: type, shape and where the elements are.

use std::ffi::c_void;

use ortlet::tensor::{DType, Shape, TensorView, TensorViewMut};
use ortlet::{Error, Result};

use crate::arguments::{slice, slice_mut};

/// The type of a tensor's elements: one of the numbers below, which are those of ONNX.
pub type ortlet_dtype = u32;

/// 32-bit float.
pub const ORTLET_FLOAT32: u32 = 1;
/// Unsigned 8-bit integer.
pub const ORTLET_UINT8: u32 = 2;
/// Signed 8-bit integer.
pub const ORTLET_INT8: u32 = 3;
/// Unsigned 16-bit integer.
pub const ORTLET_UINT16: u32 = 4;
/// Signed 16-bit integer.
pub const ORTLET_INT16: u32 = 5;
/// Signed 32-bit integer.
pub const ORTLET_INT32: u32 = 6;
/// Signed 64-bit integer.
pub const ORTLET_INT64: u32 = 7;
/// Texts in UTF-8; see `ortlet_value_new_strings` and `ortlet_value_string`.
pub const ORTLET_STRING: u32 = 8;
/// A byte that is 0 or 1.
pub const ORTLET_BOOL: u32 = 9;
/// 16-bit IEEE float.
pub const ORTLET_FLOAT16: u32 = 10;
/// 64-bit float.
pub const ORTLET_FLOAT64: u32 = 11;
/// Unsigned 32-bit integer.
pub const ORTLET_UINT32: u32 = 12;
/// Unsigned 64-bit integer.
pub const ORTLET_UINT64: u32 = 13;
/// Two 32-bit floats.
pub const ORTLET_COMPLEX64: u32 = 14;
/// Two 64-bit floats.
pub const ORTLET_COMPLEX128: u32 = 15;
/// 16-bit float with the exponent of a 32-bit one.
pub const ORTLET_BFLOAT16: u32 = 16;
/// 8-bit float: 4 bits of exponent, no infinity.
pub const ORTLET_FLOAT8_E4M3FN: u32 = 17;
/// The same without a negative zero.
pub const ORTLET_FLOAT8_E4M3FNUZ: u32 = 18;
/// 8-bit float: 5 bits of exponent.
pub const ORTLET_FLOAT8_E5M2: u32 = 19;
/// The same without infinity and negative zero.
pub const ORTLET_FLOAT8_E5M2FNUZ: u32 = 20;
/// Unsigned 4-bit integers, two in a byte, the first in the lower half.
pub const ORTLET_UINT4: u32 = 21;
/// Signed 4-bit integers, packed likewise.
pub const ORTLET_INT4: u32 = 22;
/// 4-bit floats, packed likewise.
pub const ORTLET_FLOAT4_E2M1FN: u32 = 23;
/// 8-bit exponents.
pub const ORTLET_FLOAT8_E8M0FNU: u32 = 24;
/// Unsigned 2-bit integers, four in a byte.
pub const ORTLET_UINT2: u32 = 25;
/// Signed 2-bit integers, packed likewise.
pub const ORTLET_INT2: u32 = 26;

/// A tensor in memory of the caller's or of a handle's. Ortlet never frees `data` or `shape`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_tensor {
    /// The elements in row-major order. Any alignment will do, but what is misaligned for its type is copied.
    pub data: *const c_void,
    /// Their size; has to be what type and shape need.
    pub size_bytes: usize,
    /// The dimensions, outermost first; may be `NULL` for a scalar.
    pub shape: *const usize,
    /// How many dimensions there are.
    pub rank: usize,
    /// The type of the elements.
    pub dtype: ortlet_dtype,
}

/// A tensor whose elements may be changed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_tensor_mut {
    /// The elements in row-major order.
    pub data: *mut c_void,
    /// Their size; has to be what type and shape need.
    pub size_bytes: usize,
    /// The dimensions, outermost first; may be `NULL` for a scalar.
    pub shape: *const usize,
    /// How many dimensions there are.
    pub rank: usize,
    /// The type of the elements.
    pub dtype: ortlet_dtype,
}

impl ortlet_tensor {
    /// The tensor as the library takes it.
    pub(crate) unsafe fn view<'a>(&self) -> Result<TensorView<'a>> {
        let dtype = dtype(self.dtype)?;
        // SAFETY: as many as the caller says; see the crate's documentation.
        let (shape, bytes) = unsafe {
            (shape(self.shape, self.rank)?, slice(self.data.cast::<u8>(), self.size_bytes, "data")?)
        };
        if dtype == DType::String {
            let reason =
                "texts have no place in an ortlet_tensor; make a value with ortlet_value_new_strings";
            return Err(Error::invalid_argument("dtype", reason));
        }
        TensorView::from_bytes(dtype, shape, bytes)
    }

    /// A tensor of the library's for the caller. `dims` are where the caller may keep a pointer to.
    pub(crate) fn of(dtype: DType, dims: &[usize], bytes: Option<&[u8]>) -> Self {
        let bytes = bytes.unwrap_or_default();
        Self {
            data: bytes.as_ptr().cast(),
            size_bytes: bytes.len(),
            shape: dims.as_ptr(),
            rank: dims.len(),
            dtype: number(dtype),
        }
    }
}

impl ortlet_tensor_mut {
    /// The tensor as the library takes it.
    pub(crate) unsafe fn view_mut<'a>(&self) -> Result<TensorViewMut<'a>> {
        let dtype = dtype(self.dtype)?;
        // SAFETY: as many as the caller says, and used by nobody else; see the crate's documentation.
        let (shape, bytes) = unsafe {
            (shape(self.shape, self.rank)?, slice_mut(self.data.cast::<u8>(), self.size_bytes, "data")?)
        };
        TensorViewMut::from_bytes(dtype, shape, bytes)
    }
}

pub(crate) unsafe fn shape(dims: *const usize, rank: usize) -> Result<Shape> {
    // SAFETY: as the caller's.
    unsafe { slice(dims, rank, "shape") }.map(Shape::from)
}

fn dtype(number: ortlet_dtype) -> Result<DType> {
    let known = i32::try_from(number).ok().and_then(DType::from_onnx);
    known.ok_or_else(|| Error::invalid_argument("dtype", format!("{number} is no type of elements")))
}

pub(crate) fn number(dtype: DType) -> ortlet_dtype {
    dtype.onnx().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// Every type of elements, with its name in the header.
    const DTYPES: [(u32, &str); 26] = [
        (ORTLET_FLOAT32, "float32"),
        (ORTLET_UINT8, "uint8"),
        (ORTLET_INT8, "int8"),
        (ORTLET_UINT16, "uint16"),
        (ORTLET_INT16, "int16"),
        (ORTLET_INT32, "int32"),
        (ORTLET_INT64, "int64"),
        (ORTLET_STRING, "string"),
        (ORTLET_BOOL, "bool"),
        (ORTLET_FLOAT16, "float16"),
        (ORTLET_FLOAT64, "float64"),
        (ORTLET_UINT32, "uint32"),
        (ORTLET_UINT64, "uint64"),
        (ORTLET_COMPLEX64, "complex64"),
        (ORTLET_COMPLEX128, "complex128"),
        (ORTLET_BFLOAT16, "bfloat16"),
        (ORTLET_FLOAT8_E4M3FN, "float8_e4m3fn"),
        (ORTLET_FLOAT8_E4M3FNUZ, "float8_e4m3fnuz"),
        (ORTLET_FLOAT8_E5M2, "float8_e5m2"),
        (ORTLET_FLOAT8_E5M2FNUZ, "float8_e5m2fnuz"),
        (ORTLET_UINT4, "uint4"),
        (ORTLET_INT4, "int4"),
        (ORTLET_FLOAT4_E2M1FN, "float4_e2m1fn"),
        (ORTLET_FLOAT8_E8M0FNU, "float8_e8m0fnu"),
        (ORTLET_UINT2, "uint2"),
        (ORTLET_INT2, "int2"),
    ];

    #[test]
    fn every_type_has_its_number() {
        assert_eq!(DTYPES.len(), DType::all().count());
        for (number, name) in DTYPES {
            assert_eq!(dtype(number).unwrap().name(), name);
        }
        for unknown in [0, 27, u32::MAX] {
            assert!(dtype(unknown).is_err());
        }
    }

    /// As the C tests assert of the header.
    #[test]
    fn layouts_are_those_of_the_header() {
        let word = size_of::<usize>();
        assert_eq!(size_of::<ortlet_tensor>(), 5 * word);
        assert_eq!(size_of::<ortlet_tensor_mut>(), 5 * word);
        assert_eq!(offset_of!(ortlet_tensor, size_bytes), word);
        assert_eq!(offset_of!(ortlet_tensor, shape), 2 * word);
        assert_eq!(offset_of!(ortlet_tensor, rank), 3 * word);
        assert_eq!(offset_of!(ortlet_tensor, dtype), 4 * word);
    }
}
