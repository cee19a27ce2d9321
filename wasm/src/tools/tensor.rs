//! Tensors, as engines' outputs cross the border.

use ortlet::Result;
use ortlet::tensor::{DType, Shape, Tensor};

use crate::json;

/// A tensor of its element type, its dimensions and its memory. Texts are JSON, a list of them.
pub(super) fn tensor(dtype: String, shape: &[f64], data: &[u8]) -> Result<Tensor> {
    let dtype = DType::try_from(dtype)?;
    let dims: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    let shape = Shape::new(&dims);
    if dtype == DType::String {
        let texts = String::from_utf8_lossy(data);
        return Tensor::from_strings(shape, json::read(&texts, "data")?);
    }
    Tensor::from_bytes(dtype, shape, data)
}
