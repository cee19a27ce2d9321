//! Tensors that own their memory.

use std::fmt;
use std::sync::Arc;

use crate::tensor::view::{check_bytes, check_count};
use crate::tensor::{AlignedBuffer, DType, Element, Shape, TensorView, TensorViewMut};
use crate::{Error, Result};

/// Memory that a [`Tensor`] may keep without copying it: a `Vec`, or a buffer of the engine.
///
/// The bytes must stay the same, in place and in value, for as long as the object lives.
pub trait SharedBytes: Send + Sync {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

impl<T: Element> SharedBytes for Vec<T> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }
}

/// A tensor that owns its elements, in row-major order.
///
/// # Examples
/// ```
/// use ortlet::tensor::Tensor;
///
/// let tensor = Tensor::from_vec([2, 2], vec![1_i64, 2, 3, 4])?;
/// assert_eq!(tensor.as_slice::<i64>()?, [1, 2, 3, 4]);
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    dtype: DType,
    shape: Shape,
    storage: Storage,
}

enum Storage {
    Aligned(AlignedBuffer),
    Shared(Arc<dyn SharedBytes>),
    Strings(Vec<String>),
}

impl Clone for Storage {
    fn clone(&self) -> Self {
        match self {
            Self::Shared(shared) => Self::Shared(shared.clone()),
            Self::Strings(strings) => Self::Strings(strings.clone()),
            // `Vec<u8>` reports exhausted memory the way every clone does: by the allocation handler.
            Self::Aligned(buffer) => match AlignedBuffer::copy_of(buffer.bytes()) {
                Ok(copy) => Self::Aligned(copy),
                Err(_) => Self::Shared(Arc::new(buffer.bytes().to_vec())),
            },
        }
    }
}

impl Tensor {
    /// A tensor of zeros (or empty strings) on a 64-byte border.
    ///
    /// # Errors
    /// `limit_exceeded` if the size does not fit into memory.
    pub fn zeros(dtype: DType, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let count = shape.element_count()?;
        let storage = match dtype {
            DType::String => Storage::Strings(vec![String::new(); count]),
            _ => Storage::Aligned(AlignedBuffer::zeroed(dtype.size_bytes(count)?)?),
        };
        Ok(Self { dtype, shape, storage })
    }

    /// A copy of raw elements, on a 64-byte border.
    ///
    /// # Errors
    /// As [`TensorView::from_bytes`].
    pub fn from_bytes(dtype: DType, shape: impl Into<Shape>, bytes: &[u8]) -> Result<Self> {
        let shape = shape.into();
        check_bytes(dtype, &shape, bytes)?;
        Ok(Self { dtype, shape, storage: Storage::Aligned(AlignedBuffer::copy_of(bytes)?) })
    }

    /// Takes over a vector of elements without copying them.
    ///
    /// # Errors
    /// `tensor_mismatch` if the length is not the product of the dimensions.
    pub fn from_vec<T: Element>(shape: impl Into<Shape>, elements: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        check_count(T::DTYPE, &shape, elements.len())?;
        Ok(Self { dtype: T::DTYPE, shape, storage: Storage::Shared(Arc::new(elements)) })
    }

    /// Takes over memory without copying it.
    ///
    /// # Errors
    /// As [`TensorView::from_bytes`].
    pub fn from_shared(dtype: DType, shape: impl Into<Shape>, shared: Arc<dyn SharedBytes>) -> Result<Self> {
        let shape = shape.into();
        check_bytes(dtype, &shape, shared.bytes())?;
        Ok(Self::trusted_shared(dtype, shape, shared))
    }

    /// As [`Tensor::from_shared`], of bytes that are known to fit.
    pub(crate) fn trusted_shared(dtype: DType, shape: Shape, shared: Arc<dyn SharedBytes>) -> Self {
        Self { dtype, shape, storage: Storage::Shared(shared) }
    }

    /// Takes over a vector of strings.
    ///
    /// # Errors
    /// `tensor_mismatch` if the length is not the product of the dimensions.
    pub fn from_strings(shape: impl Into<Shape>, strings: Vec<String>) -> Result<Self> {
        let shape = shape.into();
        check_count(DType::String, &shape, strings.len())?;
        Ok(Self { dtype: DType::String, shape, storage: Storage::Strings(strings) })
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The raw elements; `None` for strings.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.storage {
            Storage::Aligned(buffer) => Some(buffer.bytes()),
            Storage::Shared(shared) => Some(shared.bytes()),
            Storage::Strings(_) => None,
        }
    }

    /// The elements as a slice, without a copy.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        self.view().as_slice()
    }

    /// The elements, to be changed. Memory that is shared is copied first.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type, `limit_exceeded` if the memory for a copy cannot be had.
    pub fn as_slice_mut<T: Element>(&mut self) -> Result<&mut [T]> {
        if self.dtype != T::DTYPE {
            return Err(Error::tensor_mismatch("tensor", T::DTYPE, self.dtype));
        }
        let dtype = self.dtype;
        bytemuck::checked::try_cast_slice_mut(self.bytes_mut()?)
            .map_err(|error| Error::internal(format!("own buffer of {dtype}: {error}")))
    }

    /// The same elements as a view through which they can be changed. Memory that is shared is copied first.
    ///
    /// # Errors
    /// `tensor_mismatch` for strings, `limit_exceeded` if the memory for a copy cannot be had.
    pub fn view_mut(&mut self) -> Result<TensorViewMut<'_>> {
        let (dtype, shape) = (self.dtype, self.shape.clone());
        Ok(TensorViewMut::trusted(dtype, shape, self.bytes_mut()?))
    }

    fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        if let Storage::Shared(shared) = &self.storage {
            self.storage = Storage::Aligned(AlignedBuffer::copy_of(shared.bytes())?);
        }
        match &mut self.storage {
            Storage::Aligned(buffer) => Ok(buffer.bytes_mut()),
            _ => Err(Error::tensor_mismatch("tensor", "numbers", self.dtype)),
        }
    }

    /// The elements as strings.
    ///
    /// # Errors
    /// `tensor_mismatch` if the element type is not `string`.
    pub fn as_strings(&self) -> Result<&[String]> {
        match &self.storage {
            Storage::Strings(strings) => Ok(strings),
            _ => Err(Error::tensor_mismatch("tensor", DType::String, self.dtype)),
        }
    }

    /// The same elements as a view.
    pub fn view(&self) -> TensorView<'_> {
        let shape = self.shape.clone();
        match &self.storage {
            Storage::Aligned(buffer) => TensorView::trusted(self.dtype, shape, buffer.bytes()),
            Storage::Shared(shared) => TensorView::trusted(self.dtype, shape, shared.bytes()),
            Storage::Strings(strings) => TensorView::trusted_strings(shape, strings),
        }
    }

    /// The same elements in other dimensions.
    ///
    /// # Errors
    /// `tensor_mismatch` if the number of elements differs.
    pub fn reshape(mut self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        check_count(self.dtype, &shape, self.shape.element_count()?)?;
        self.shape = shape;
        Ok(self)
    }
}

impl PartialEq for Tensor {
    /// Same type, dimensions and bits: NaN equals the same NaN, and zero differs from negative zero.
    fn eq(&self, other: &Self) -> bool {
        let same_data = match (&self.storage, &other.storage) {
            (Storage::Strings(own), Storage::Strings(other)) => own == other,
            _ => self.bytes() == other.bytes(),
        };
        self.dtype == other.dtype && self.shape == other.shape && same_data
    }
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn a_vector_is_taken_over_without_a_copy() {
        let elements = vec![1.0_f64, 2.0];
        let address = elements.as_ptr();
        let mut tensor = Tensor::from_vec([2], elements).unwrap();
        assert_eq!(tensor.as_slice::<f64>().unwrap().as_ptr(), address);

        let before = tensor.clone();
        tensor.as_slice_mut::<f64>().unwrap()[0] = 5.0;
        assert_eq!(before.as_slice::<f64>().unwrap(), [1.0, 2.0]);
        assert_eq!(tensor.as_slice::<f64>().unwrap(), [5.0, 2.0]);
    }

    #[test]
    fn zeros_are_aligned_and_hostile_sizes_refused() {
        let tensor = Tensor::zeros(DType::I4, [3, 3]).unwrap();
        assert_eq!(tensor.bytes().unwrap(), [0; 5]);
        assert_eq!(tensor.bytes().unwrap().as_ptr() as usize % 64, 0);
        for shape in [vec![usize::MAX], vec![1 << 40, 1 << 40], vec![isize::MAX as usize]] {
            assert_eq!(Tensor::zeros(DType::F32, shape).unwrap_err().code(), ErrorCode::LimitExceeded);
        }
        assert_eq!(Tensor::zeros(DType::String, [2]).unwrap().as_strings().unwrap(), ["", ""]);
    }

    #[test]
    fn equality_is_by_bits() {
        let tensor = |value: f32| Tensor::from_vec([1], vec![value]).unwrap();
        assert_eq!(tensor(f32::NAN), tensor(f32::NAN));
        assert_ne!(tensor(0.0), tensor(-0.0));
        assert_ne!(tensor(1.0), tensor(1.0).reshape([1, 1]).unwrap());
        assert!(tensor(1.0).reshape([2]).is_err());
    }
}
