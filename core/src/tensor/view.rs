//! Views: tensors that lie in the caller's memory.

use std::fmt;

use crate::tensor::{DType, Element, Shape};
use crate::{Error, Result};

/// A tensor in memory that somebody else owns, in row-major order. Making one copies nothing.
///
/// # Examples
/// ```
/// use ortlet::tensor::TensorView;
///
/// let pixels = [0.0_f32; 6];
/// let view = TensorView::from_slice([2, 3], &pixels)?;
/// assert_eq!(view.to_string(), "float32[2, 3]");
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone)]
pub struct TensorView<'a> {
    dtype: DType,
    shape: Shape,
    data: ViewData<'a>,
}

#[derive(Clone, Copy)]
enum ViewData<'a> {
    Bytes(&'a [u8]),
    Strings(&'a [String]),
}

impl<'a> TensorView<'a> {
    /// A view of raw elements; packed types start a new byte only once, at the beginning.
    ///
    /// The bytes need no alignment here: what is misaligned for its type is copied when it is run.
    ///
    /// # Errors
    /// `tensor_mismatch` if the number of bytes is not what type and shape need or a `bool` is neither 0 nor 1,
    /// `invalid_argument` for strings, `limit_exceeded` for a shape whose size does not fit into memory.
    pub fn from_bytes(dtype: DType, shape: impl Into<Shape>, bytes: &'a [u8]) -> Result<Self> {
        let shape = shape.into();
        check_bytes(dtype, &shape, bytes)?;
        Ok(Self { dtype, shape, data: ViewData::Bytes(bytes) })
    }

    /// A view of a slice of elements.
    ///
    /// # Errors
    /// `tensor_mismatch` if the length is not the product of the dimensions.
    pub fn from_slice<T: Element>(shape: impl Into<Shape>, elements: &'a [T]) -> Result<Self> {
        let shape = shape.into();
        check_count(T::DTYPE, &shape, elements.len())?;
        Ok(Self { dtype: T::DTYPE, shape, data: ViewData::Bytes(bytemuck::cast_slice(elements)) })
    }

    /// A view of strings.
    ///
    /// # Errors
    /// `tensor_mismatch` if the length is not the product of the dimensions.
    pub fn from_strings(shape: impl Into<Shape>, strings: &'a [String]) -> Result<Self> {
        let shape = shape.into();
        check_count(DType::String, &shape, strings.len())?;
        Ok(Self { dtype: DType::String, shape, data: ViewData::Strings(strings) })
    }

    /// A view whose parts were checked when the tensor was made.
    pub(crate) fn trusted(dtype: DType, shape: Shape, bytes: &'a [u8]) -> Self {
        Self { dtype, shape, data: ViewData::Bytes(bytes) }
    }

    /// As [`TensorView::trusted`], of strings.
    pub(super) fn trusted_strings(shape: Shape, strings: &'a [String]) -> Self {
        Self { dtype: DType::String, shape, data: ViewData::Strings(strings) }
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
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self.data {
            ViewData::Bytes(bytes) => Some(bytes),
            ViewData::Strings(_) => None,
        }
    }

    /// The elements as a slice, without a copy.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type or the bytes are misaligned for it.
    pub fn as_slice<T: Element>(&self) -> Result<&'a [T]> {
        let wrong = |actual: &dyn fmt::Display| Error::tensor_mismatch("view", T::DTYPE, actual);
        match self.data {
            ViewData::Bytes(bytes) if self.dtype == T::DTYPE => {
                T::from_bytes(bytes).ok_or_else(|| wrong(&format!("misaligned {}", self.dtype)))
            }
            _ => Err(wrong(&self.dtype)),
        }
    }

    /// The elements as strings.
    ///
    /// # Errors
    /// `tensor_mismatch` if the element type is not `string`.
    pub fn as_strings(&self) -> Result<&'a [String]> {
        match self.data {
            ViewData::Strings(strings) => Ok(strings),
            ViewData::Bytes(_) => Err(Error::tensor_mismatch("view", DType::String, self.dtype)),
        }
    }
}

impl fmt::Display for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `count` elements are what the shape needs.
pub(super) fn check_count(dtype: DType, shape: &Shape, count: usize) -> Result<()> {
    let expected = shape.element_count()?;
    if count == expected {
        return Ok(());
    }
    let (name, expected) = (format!("{dtype}{shape}"), format!("{expected} elements"));
    Err(Error::tensor_mismatch(name, expected, format!("{count} elements")))
}

/// Whether the bytes are what type and shape need.
pub(super) fn check_bytes(dtype: DType, shape: &Shape, bytes: &[u8]) -> Result<()> {
    if dtype == DType::String {
        return Err(Error::invalid_argument("dtype", "strings have no raw bytes"));
    }
    let expected = dtype.size_bytes(shape.element_count()?)?;
    let mismatch = |expected: String, actual: String| {
        Err(Error::tensor_mismatch(format!("{dtype}{shape}"), expected, actual))
    };
    if bytes.len() != expected {
        return mismatch(format!("{expected} bytes"), format!("{} bytes", bytes.len()));
    }
    let wrong = if dtype == DType::Bool { bytes.iter().find(|&&byte| byte > 1) } else { None };
    wrong.map_or(Ok(()), |byte| mismatch("bytes that are 0 or 1".into(), byte.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn views_check_sizes_types_and_alignment() {
        let data = [1.0_f32, 2.0, 3.0];
        let view = TensorView::from_slice([3], &data).unwrap();
        assert_eq!(view.as_slice::<f32>().unwrap(), data);
        assert_eq!(view.as_slice::<i32>().unwrap_err().code(), ErrorCode::TensorMismatch);
        assert!(view.as_strings().is_err());
        assert!(TensorView::from_slice([4], &data).is_err());
        // No elements are aligned wherever they are said to lie.
        let bytes = [0_u8; 9];
        for start in 0..8 {
            let empty = TensorView::from_bytes(DType::F64, [0, 3], &bytes[start..start]).unwrap();
            assert!(empty.as_slice::<f64>().unwrap().is_empty());
        }

        let bytes = view.bytes().unwrap();
        assert!(TensorView::from_bytes(DType::F32, [2], bytes).is_err());
        let misaligned = TensorView::from_bytes(DType::F32, [2], &bytes[1..9]).unwrap();
        assert_eq!(misaligned.as_slice::<f32>().unwrap_err().code(), ErrorCode::TensorMismatch);
    }

    #[test]
    fn bytes_that_are_no_bool_and_raw_strings_are_refused() {
        assert!(TensorView::from_bytes(DType::Bool, [2], &[0, 1]).is_ok());
        assert!(TensorView::from_bytes(DType::Bool, [2], &[0, 2]).is_err());
        assert!(TensorView::from_bytes(DType::String, [0], &[]).is_err());
        assert!(TensorView::from_bytes(DType::U4, [3], &[0, 0]).is_ok());
    }
}
