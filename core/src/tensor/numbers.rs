//! The elements of floating-point tensors of any width as `f64`, to calculate with.

use half::{bf16, f16};
use num_complex::Complex;

use super::{DType, Tensor};

/// The elements of a floating-point tensor, complex ones as pairs; `None` for everything else, 8-bit and smaller floats
/// among it.
pub(crate) fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    let pair = |re: f64, im: f64| [re, im];
    Some(match tensor.dtype() {
        DType::F32 => tensor.as_slice::<f32>().ok()?.iter().map(|&value| value.into()).collect(),
        DType::F64 => tensor.as_slice::<f64>().ok()?.to_vec(),
        DType::F16 => tensor.as_slice::<f16>().ok()?.iter().map(|&value| value.into()).collect(),
        DType::BF16 => tensor.as_slice::<bf16>().ok()?.iter().map(|&value| value.into()).collect(),
        DType::Complex64 => {
            let values = tensor.as_slice::<Complex<f32>>().ok()?;
            values.iter().flat_map(|value| pair(value.re.into(), value.im.into())).collect()
        }
        DType::Complex128 => {
            let values = tensor.as_slice::<Complex<f64>>().ok()?;
            values.iter().flat_map(|value| pair(value.re, value.im)).collect()
        }
        _ => return None,
    })
}
