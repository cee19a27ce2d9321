//! Element types between ONNX Runtime's numbering and ours.

use ort::sys::ONNXTensorElementDataType as Ort;

use crate::tensor::DType;
use crate::{Error, Result};

/// The pairs. ONNX Runtime numbers the newest types otherwise than ONNX does.
const PAIRS: [(DType, Ort); 26] = [
    (DType::F32, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT),
    (DType::U8, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8),
    (DType::I8, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8),
    (DType::U16, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16),
    (DType::I16, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16),
    (DType::I32, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32),
    (DType::I64, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64),
    (DType::String, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING),
    (DType::Bool, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL),
    (DType::F16, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16),
    (DType::F64, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE),
    (DType::U32, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32),
    (DType::U64, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64),
    (DType::Complex64, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64),
    (DType::Complex128, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128),
    (DType::BF16, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16),
    (DType::F8E4M3FN, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN),
    (DType::F8E4M3FNUZ, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ),
    (DType::F8E5M2, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2),
    (DType::F8E5M2FNUZ, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ),
    (DType::U4, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4),
    (DType::I4, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4),
    (DType::F4E2M1, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT4E2M1),
    (DType::F8E8M0, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E8M0),
    (DType::U2, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT2),
    (DType::I2, Ort::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT2),
];

/// ONNX Runtime's number of an element type.
pub(super) fn to_ort(dtype: DType) -> Ort {
    PAIRS[dtype as usize].1
}

/// The element type with this number of ONNX Runtime's.
///
/// # Errors
/// `unsupported` for numbers that this version of Ortlet does not know.
pub(super) fn from_ort(number: i32) -> Result<DType> {
    PAIRS.iter().find(|pair| pair.1 as i32 == number).map(|pair| pair.0).ok_or_else(|| {
        Error::unsupported("element type", format!("ONNX Runtime's number {number} is not known"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairs_are_in_the_order_of_the_variants() {
        for (index, dtype) in DType::all().enumerate() {
            assert_eq!(PAIRS[index].0, dtype);
            assert_eq!(from_ort(to_ort(dtype) as i32).unwrap(), dtype);
        }
        assert!(from_ort(0).is_err());
        assert!(from_ort(99).is_err());
    }
}
