//! Conversions between tensors and `ndarray` arrays, without a copy where the layout allows.

use ndarray::{Array, ArrayBase, ArrayD, ArrayViewD, Data, Dimension, IxDyn};

use crate::tensor::{Element, Tensor, TensorView};
use crate::{Error, Result};

impl Tensor {
    /// Takes over an array. Only one that is not in row-major order is copied.
    ///
    /// # Errors
    /// `limit_exceeded` if the rank is over [`MAX_RANK`](super::MAX_RANK).
    ///
    /// # Examples
    /// ```
    /// use ndarray::array;
    /// use ortlet::tensor::Tensor;
    ///
    /// let tensor = Tensor::from_array(array![[1.0_f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(tensor.to_string(), "float32[2, 2]");
    /// assert_eq!(tensor.view().as_array::<f32>()?[[1, 0]], 3.0);
    /// # Ok::<(), ortlet::Error>(())
    /// ```
    pub fn from_array<T: Element, D: Dimension>(array: Array<T, D>) -> Result<Self> {
        let shape = array.shape().to_vec();
        let elements = if array.is_standard_layout() {
            let count = array.len();
            let (mut elements, offset) = array.into_raw_vec_and_offset();
            // An array cut out of a larger one still owns all of it.
            elements.truncate(offset.unwrap_or(0) + count);
            elements.drain(..offset.unwrap_or(0));
            elements
        } else {
            array.iter().copied().collect()
        };
        Self::from_vec(shape, elements)
    }

    /// Copies the elements into an array.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type.
    pub fn to_array<T: Element>(&self) -> Result<ArrayD<T>> {
        Ok(self.view().as_array()?.to_owned())
    }
}

impl<'a> TensorView<'a> {
    /// A view of an array in row-major order.
    ///
    /// # Errors
    /// `invalid_argument` if the array is in another order: `as_standard_layout()` makes one that fits.
    pub fn from_array<T: Element, S: Data<Elem = T>, D: Dimension>(
        array: &'a ArrayBase<S, D>,
    ) -> Result<Self> {
        let elements = array.as_slice().ok_or_else(|| {
            Error::invalid_argument(
                "array",
                "not in row-major order; as_standard_layout() makes a copy that is",
            )
        })?;
        Self::from_slice(array.shape(), elements)
    }

    /// The elements as an array view.
    ///
    /// # Errors
    /// `tensor_mismatch` if `T` is not the element type or the elements are misaligned.
    pub fn as_array<T: Element>(&self) -> Result<ArrayViewD<'a, T>> {
        ArrayViewD::from_shape(IxDyn(self.shape().dims()), self.as_slice()?)
            .map_err(|error| Error::internal(format!("array view of {self}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array, s};

    #[test]
    fn row_major_arrays_are_not_copied() {
        let array = Array2::from_shape_vec((2, 3), vec![1, 2, 3, 4, 5, 6_i32]).unwrap();
        let address = array.as_ptr();
        assert_eq!(TensorView::from_array(&array).unwrap().as_slice::<i32>().unwrap().as_ptr(), address);
        let tensor = Tensor::from_array(array).unwrap();
        assert_eq!(tensor.as_slice::<i32>().unwrap().as_ptr(), address);
        assert_eq!(tensor.view().as_array::<i32>().unwrap().as_ptr(), address);
    }

    #[test]
    fn other_layouts_keep_their_logical_order() {
        let transposed = array![[1, 2, 3], [4, 5, 6_u8]].reversed_axes();
        assert!(TensorView::from_array(&transposed).is_err());
        let tensor = Tensor::from_array(transposed).unwrap();
        assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 4, 2, 5, 3, 6]);
        assert_eq!(tensor.shape().dims(), [3, 2]);

        let cut = array![[1, 2], [3, 4], [5, 6_i64]].slice_move(s![1..2, ..]);
        let tensor = Tensor::from_array(cut).unwrap();
        assert_eq!(tensor.to_array::<i64>().unwrap(), array![[3, 4]].into_dyn());
    }
}
