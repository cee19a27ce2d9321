//! Tensors stored in a model: [`TensorProto`] and its sparse form.

use super::field::messages;
use super::{Bytes, Packed, StringStringEntryProto};
use crate::tensor::DType;
use crate::{Error, Result};

messages! {
    /// A tensor stored in the model, or a reference to a file that holds it.
    pub struct TensorProto {
        /// Number of elements along each axis; empty for a scalar.
        pub dims: Vec<i64> = 1,
        /// Number of the element type, see [`TensorProto::dtype`].
        pub data_type: Option<i32> = 2,
        /// Part of a larger tensor. ONNX Runtime does not support it.
        pub segment: Option<Box<SegmentProto>> = 3,
        /// Elements that are `float32` or `complex64`.
        pub float_data: Packed<f32> = 4,
        /// Elements that are integers of up to 32 bits, or `bool`, or bit patterns of floats of up to 16 bits.
        pub int32_data: Packed<i32> = 5,
        /// Elements that are texts.
        pub string_data: Vec<Bytes> = 6,
        /// Elements that are `int64`.
        pub int64_data: Packed<i64> = 7,
        /// Name of the tensor.
        pub name: Option<String> = 8,
        /// Elements of any type but `string`, little-endian.
        pub raw_data: Option<Bytes> = 9,
        /// Elements that are `float64` or `complex128`.
        pub double_data: Packed<f64> = 10,
        /// Elements that are `uint32` or `uint64`.
        pub uint64_data: Packed<u64> = 11,
        /// Text for people.
        pub doc_string: Option<String> = 12,
        /// Where the elements are if `data_location` is 1, see [`ExternalLocation`](super::ExternalLocation).
        pub external_data: Vec<StringStringEntryProto> = 13,
        /// 0, or absent: in the model. 1: in a file of its own.
        pub data_location: Option<i32> = 14,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 16,
    }

    /// The part of a larger tensor that a [`TensorProto`] is.
    pub struct SegmentProto {
        /// First element.
        pub begin: Option<i64> = 1,
        /// After the last element.
        pub end: Option<i64> = 2,
    }

    /// A tensor of which only some elements are stored, the others being zero.
    pub struct SparseTensorProto {
        /// The stored elements; carries the name.
        pub values: Option<TensorProto> = 1,
        /// Where they are, by number or by coordinates.
        pub indices: Option<TensorProto> = 2,
        /// Number of elements along each axis.
        pub dims: Vec<i64> = 3,
    }
}

impl SparseTensorProto {
    /// The dense tensors that it consists of: values and indices.
    pub fn parts(&self) -> impl Iterator<Item = &TensorProto> {
        self.values.iter().chain(&self.indices)
    }
}

impl TensorProto {
    /// The tensor's name, empty if it has none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the elements are in a file of their own.
    pub fn is_external(&self) -> bool {
        self.data_location == Some(1)
    }

    /// The element type.
    ///
    /// # Errors
    /// `invalid_model` if it is missing, `unsupported` if it is not among those that [`DType`] knows.
    pub fn dtype(&self) -> Result<DType> {
        match self.data_type {
            None | Some(0) => {
                Err(Error::invalid_model(format!("tensor `{}` has no element type", self.name())))
            }
            Some(number) => DType::from_onnx(number).ok_or_else(|| {
                Error::unsupported(format!("element type {number}"), format!("tensor `{}`", self.name()))
            }),
        }
    }

    /// Number of elements.
    ///
    /// # Errors
    /// `invalid_model` if a dimension is negative or their product does not fit into memory addresses.
    pub fn element_count(&self) -> Result<usize> {
        element_count(&self.dims).ok_or_else(|| {
            Error::invalid_model(format!("tensor `{}` has impossible dims {}", self.name(), Dims(&self.dims)))
        })
    }
}

/// Product of dimensions; `None` if one is negative or the product does not fit.
pub(super) fn element_count(dims: &[i64]) -> Option<usize> {
    let mut product = 1_u64;
    let mut empty = false;
    for &dim in dims {
        let dim = u64::try_from(dim).ok()?;
        empty |= dim == 0;
        // With a zero somewhere the tensor is empty, however large the others are.
        product = if empty { 0 } else { product.checked_mul(dim)? };
    }
    usize::try_from(product).ok()
}

/// Shows dims without the memory of a hostile number of them.
struct Dims<'a>(&'a [i64]);

impl std::fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            dims if dims.len() <= 8 => write!(f, "{dims:?}"),
            dims => write!(f, "{:?} and {} more", &dims[..8], dims.len() - 8),
        }
    }
}
