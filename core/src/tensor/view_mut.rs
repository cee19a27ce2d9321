//! Views through which a tensor in the caller's memory is changed.

use std::fmt;

use crate::tensor::view::{check_bytes, check_count};
use crate::tensor::{DType, Element, Shape, TensorView};
use crate::{Error, Result};

/// A tensor in memory that somebody else owns, in row-major order, to be read and written. Strings cannot be in one.
///
/// # Examples
/// ```
/// use ortlet::tensor::TensorViewMut;
///
/// let mut scores = [0.0_f32; 4];
/// let mut view = TensorViewMut::from_slice([1, 4], &mut scores)?;
/// view.as_slice_mut::<f32>()?[2] = 0.5;
/// assert_eq!(scores, [0.0, 0.0, 0.5, 0.0]);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub struct TensorViewMut<'a> {
    dtype: DType,
    shape: Shape,
    bytes: &'a mut [u8],
}

impl<'a> TensorViewMut<'a> {
    /// A view of raw elements.
    ///
    /// # Errors
    /// As [`TensorView::from_bytes`].
    pub fn from_bytes(dtype: DType, shape: impl Into<Shape>, bytes: &'a mut [u8]) -> Result<Self> {
        let shape = shape.into();
        check_bytes(dtype, &shape, bytes)?;
        Ok(Self { dtype, shape, bytes })
    }

    /// A view of a slice of numbers. (A `bool` is changed as bytes, because not every byte is one.)
    ///
    /// # Errors
    /// `tensor_mismatch` if the length is not the product of the dimensions.
    pub fn from_slice<T: Element + bytemuck::AnyBitPattern>(
        shape: impl Into<Shape>,
        elements: &'a mut [T],
    ) -> Result<Self> {
        let shape = shape.into();
        check_count(T::DTYPE, &shape, elements.len())?;
        Ok(Self { dtype: T::DTYPE, shape, bytes: bytemuck::cast_slice_mut(elements) })
    }

    /// A view whose parts were checked when the tensor was made.
    pub(crate) fn trusted(dtype: DType, shape: Shape, bytes: &'a mut [u8]) -> Self {
        Self { dtype, shape, bytes }
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The raw elements.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// The elements as a slice.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type or the memory is misaligned for it.
    pub fn as_slice_mut<T: Element>(&mut self) -> Result<&mut [T]> {
        if self.dtype != T::DTYPE {
            return Err(Error::tensor_mismatch("view", T::DTYPE, self.dtype));
        }
        if self.bytes.is_empty() {
            return Ok(&mut []);
        }
        let misaligned = |_| Error::tensor_mismatch("view", T::DTYPE, format!("misaligned {}", self.dtype));
        bytemuck::checked::try_cast_slice_mut(self.bytes).map_err(misaligned)
    }

    /// The same elements, only to be read.
    pub fn as_view(&self) -> TensorView<'_> {
        TensorView::trusted(self.dtype, self.shape.clone(), self.bytes)
    }

    /// Copies the elements of another tensor.
    ///
    /// # Errors
    /// `tensor_mismatch` if it has another type or shape.
    pub fn copy_from(&mut self, other: &TensorView<'_>) -> Result<()> {
        match other.bytes() {
            Some(bytes) if other.dtype() == self.dtype && other.shape() == &self.shape => {
                self.bytes.copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(Error::tensor_mismatch("view", &self, other)),
        }
    }

    /// Type, dimensions and elements.
    pub fn into_parts(self) -> (DType, Shape, &'a mut [u8]) {
        (self.dtype, self.shape, self.bytes)
    }
}

impl fmt::Display for TensorViewMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for TensorViewMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_changed_in_place_and_mistakes_are_told() {
        let mut memory = [0_u8; 16];
        let mut view = TensorViewMut::from_bytes(DType::U8, [4, 4], &mut memory).unwrap();
        view.as_slice_mut::<u8>().unwrap()[5] = 7;
        assert_eq!(view.as_slice_mut::<f32>().unwrap_err().code(), crate::ErrorCode::TensorMismatch);
        let other = [3_u8; 16];
        assert!(view.copy_from(&TensorView::from_slice([16], &other).unwrap()).is_err());
        view.copy_from(&TensorView::from_slice([4, 4], &other).unwrap()).unwrap();
        assert_eq!(memory, other);
        for start in 0..8 {
            let mut empty = TensorViewMut::from_bytes(DType::F64, [0], &mut memory[start..start]).unwrap();
            assert!(empty.as_slice_mut::<f64>().unwrap().is_empty());
        }
        assert!(TensorViewMut::from_bytes(DType::F32, [3], &mut memory).is_err());
        assert!(TensorViewMut::from_slice([5], &mut [0.0_f32; 4]).is_err());
    }
}
