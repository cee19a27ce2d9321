//! Declared types of a session's inputs and outputs.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use ort::sys::{ONNXTensorElementDataType, ONNXType, OrtTensorTypeAndShapeInfo, OrtTypeInfo};

use crate::engine::runtime::dtype::from_ort;
use crate::engine::runtime::status::check;
use crate::tensor::{DType, Dim, MAX_RANK, Shape, SymbolicShape, ValueType};
use crate::{Error, Result};

const READ: &str = "read a type";

/// Reads a type and releases it.
///
/// # Safety
/// `info` must be a live type that nobody else releases.
pub(super) unsafe fn take_type(info: *mut OrtTypeInfo) -> Result<ValueType> {
    // SAFETY: by the contract of this function.
    unsafe {
        let read = read_type(info);
        (ort::api().ReleaseTypeInfo)(info);
        read
    }
}

/// # Safety
/// `info` must be a live type.
unsafe fn read_type(info: *const OrtTypeInfo) -> Result<ValueType> {
    let api = ort::api();
    let mut kind = 0_i32;
    // SAFETY: `info` is alive; the kind is read as the integer that the enum is, because a newer runtime may know
    // more. The types that the casts lend belong to `info`; those that the getters make are released by `take_type`.
    unsafe {
        check((api.GetOnnxTypeFromTypeInfo)(info, (&raw mut kind).cast()), READ)?;
        let is = |known: ONNXType| kind == known as i32;
        if is(ONNXType::ONNX_TYPE_TENSOR) || is(ONNXType::ONNX_TYPE_SPARSETENSOR) {
            let mut tensor = std::ptr::null();
            check((api.CastTypeInfoToTensorInfo)(info, &mut tensor), READ)?;
            let (dtype, shape) = (read_dtype(tensor)?, read_symbolic_shape(tensor)?);
            let dense = is(ONNXType::ONNX_TYPE_TENSOR);
            return Ok(if dense {
                ValueType::Tensor { dtype, shape }
            } else {
                ValueType::SparseTensor { dtype, shape }
            });
        }
        let mut element = std::ptr::null_mut();
        if is(ONNXType::ONNX_TYPE_SEQUENCE) {
            let mut sequence = std::ptr::null();
            check((api.CastTypeInfoToSequenceTypeInfo)(info, &mut sequence), READ)?;
            check((api.GetSequenceElementType)(sequence, &mut element), READ)?;
            Ok(ValueType::Sequence { element: Box::new(take_type(element)?) })
        } else if is(ONNXType::ONNX_TYPE_OPTIONAL) {
            let mut optional = std::ptr::null();
            check((api.CastTypeInfoToOptionalTypeInfo)(info, &mut optional), READ)?;
            check((api.GetOptionalContainedTypeInfo)(optional, &mut element), READ)?;
            Ok(ValueType::Optional { element: Box::new(take_type(element)?) })
        } else if is(ONNXType::ONNX_TYPE_MAP) {
            let mut map = std::ptr::null();
            check((api.CastTypeInfoToMapTypeInfo)(info, &mut map), READ)?;
            let mut key = MaybeUninit::<ONNXTensorElementDataType>::uninit();
            check((api.GetMapKeyType)(map, key.as_mut_ptr()), READ)?;
            check((api.GetMapValueType)(map, &mut element), READ)?;
            let key = from_ort(key.as_ptr().cast::<i32>().read())?;
            Ok(ValueType::Map { key, value: Box::new(take_type(element)?) })
        } else {
            Ok(ValueType::Opaque)
        }
    }
}

/// # Safety
/// `info` must be alive.
unsafe fn read_dtype(info: *const OrtTensorTypeAndShapeInfo) -> Result<DType> {
    let mut dtype = 0_i32;
    // SAFETY: by the contract; read as the integer that the enum is, because a newer runtime may know more types.
    check(unsafe { (ort::api().GetTensorElementType)(info, (&raw mut dtype).cast()) }, READ)?;
    from_ort(dtype)
}

/// The dimensions of a live tensor, which are all known.
pub(super) fn sizes(dims: &[i64]) -> Result<Shape> {
    let mut sizes = [0; MAX_RANK];
    let too_many = || Error::limit_exceeded("rank", MAX_RANK as u64, dims.len() as u64);
    let sizes = sizes.get_mut(..dims.len()).ok_or_else(too_many)?;
    for (size, &dim) in sizes.iter_mut().zip(dims) {
        *size = usize::try_from(dim).map_err(|_| Error::internal(format!("dimension of size {dim}")))?;
    }
    Ok(Shape::new(sizes))
}

/// # Safety
/// `info` must be alive.
unsafe fn read_dims(info: *const OrtTensorTypeAndShapeInfo) -> Result<smallvec::SmallVec<[i64; 6]>> {
    let mut rank = 0;
    // SAFETY: by the contract; the array has the length that it is said to have.
    unsafe {
        check((ort::api().GetDimensionsCount)(info, &mut rank), READ)?;
        let mut dims = smallvec::smallvec![0; rank];
        check((ort::api().GetDimensions)(info, dims.as_mut_ptr(), rank), READ)?;
        Ok(dims)
    }
}

/// # Safety
/// `info` must be alive.
unsafe fn read_symbolic_shape(info: *const OrtTensorTypeAndShapeInfo) -> Result<SymbolicShape> {
    // SAFETY: by the contract; the names belong to `info` and are copied while it lives.
    unsafe {
        if !(ort::api().TensorTypeAndShape_HasShape)(info) {
            return Ok(SymbolicShape::unranked());
        }
        let dims = read_dims(info)?;
        let mut names = vec![std::ptr::null(); dims.len()];
        check((ort::api().GetSymbolicDimensions)(info, names.as_mut_ptr(), names.len()), READ)?;
        let dim = |(&size, &name): (&i64, &*const c_char)| match usize::try_from(size) {
            Ok(size) => Dim::Fixed(size),
            Err(_) if name.is_null() || CStr::from_ptr(name).is_empty() => Dim::Unknown,
            Err(_) => Dim::Symbol(CStr::from_ptr(name).to_string_lossy().into_owned()),
        };
        Ok(SymbolicShape::new(dims.iter().zip(&names).map(dim).collect()))
    }
}
