//! The elements of a [`TensorProto`], whichever of its fields holds them.

use super::{Bytes, ExternalDataResolver, TensorProto};
use crate::error::ResultExt;
use crate::tensor::DType;
use crate::{Error, Result};

impl TensorProto {
    /// The elements as little-endian bytes in row-major order, packed types two or four to a byte.
    ///
    /// Nothing is copied if the model holds them in this form, as `raw_data`, `float_data` or `double_data` do;
    /// external data is as `resolver` gives it.
    ///
    /// # Errors
    /// `invalid_model` if the data does not fit type and shape, `unsupported` for text (see
    /// [`TensorProto::strings`]) and unknown types, and the errors of `resolver`.
    ///
    /// # Examples
    /// ```
    /// use ortlet::model::{NoExternalData, TensorProto};
    ///
    /// let tensor = TensorProto {
    ///     data_type: Some(1),
    ///     dims: vec![2],
    ///     float_data: vec![1.0, 2.0].into(),
    ///     ..TensorProto::default()
    /// };
    /// assert_eq!(tensor.data_bytes(&NoExternalData)?[..4], 1_f32.to_le_bytes());
    /// # Ok::<(), ortlet::Error>(())
    /// ```
    pub fn data_bytes(&self, resolver: &dyn ExternalDataResolver) -> Result<Bytes> {
        let dtype = self.dtype()?;
        if dtype == DType::String {
            return Err(Error::unsupported(
                "bytes of text",
                format!("the elements of tensor `{}` are strings", self.name()),
            ));
        }
        self.check_data()?;
        if let Some(mut location) = self.external_location()? {
            let size = dtype.size_bytes(self.element_count()?)?;
            location.length_bytes.get_or_insert(size as u64);
            let bytes = resolver.read(&location).with_context(|| format!("tensor `{}`", self.name()))?;
            return if bytes.len() == size {
                Ok(bytes)
            } else {
                Err(self.misfit("bytes", size, bytes.len()))
            };
        }
        Ok(match &self.raw_data {
            Some(raw) => raw.clone(),
            None => self.typed_bytes(dtype),
        })
    }

    /// The elements of a tensor of text, in row-major order. They should be UTF-8, but nothing ensures it.
    ///
    /// # Errors
    /// `invalid_model` if the tensor is not of text, or their number does not fit the shape.
    pub fn strings(&self) -> Result<&[Bytes]> {
        if self.dtype()? != DType::String {
            return Err(Error::invalid_model(format!("tensor `{}` does not hold strings", self.name())));
        }
        self.check_data()?;
        Ok(&self.string_data)
    }

    /// Checks that the data fits type and shape; of external data, that its location is well formed and the stated
    /// length fits.
    ///
    /// # Errors
    /// `invalid_model` if it does not, `unsupported` if the element type is unknown, `limit_exceeded` if the tensor
    /// is too large for memory addresses.
    pub fn check_data(&self) -> Result<()> {
        let dtype = self.dtype()?;
        let elements = self.element_count()?;
        let size = dtype.size_bytes(elements)?;
        if let Some(location) = self.external_location()? {
            return match location.length_bytes {
                _ if dtype == DType::String => Err(Error::invalid_model(format!(
                    "tensor `{}` keeps strings as external data",
                    self.name()
                ))),
                Some(length) if length != size as u64 => Err(self.misfit("bytes", size, length)),
                _ => Ok(()),
            };
        }
        match &self.raw_data {
            Some(_) if dtype == DType::String => {
                Err(Error::invalid_model(format!("tensor `{}` keeps strings as raw data", self.name())))
            }
            Some(raw) if raw.len() != size => Err(self.misfit("bytes", size, raw.len())),
            Some(_) => Ok(()),
            None => self.check_typed(dtype, elements, size),
        }
    }

    fn check_typed(&self, dtype: DType, elements: usize, size: usize) -> Result<()> {
        let (expected, actual) = match dtype {
            DType::F32 => (elements, self.float_data.len()),
            DType::Complex64 => (size / 4, self.float_data.len()),
            DType::F64 => (elements, self.double_data.len()),
            DType::Complex128 => (size / 8, self.double_data.len()),
            DType::I64 => (elements, self.int64_data.len()),
            DType::U32 | DType::U64 => (elements, self.uint64_data.len()),
            DType::String => (elements, self.string_data.len()),
            packed if packed.is_packed() => (size, self.int32_data.len()),
            _ => (elements, self.int32_data.len()),
        };
        if expected == actual { Ok(()) } else { Err(self.misfit("values", expected, actual)) }
    }

    fn typed_bytes(&self, dtype: DType) -> Bytes {
        match dtype {
            DType::F32 | DType::Complex64 => self.float_data.to_encoded(),
            DType::F64 | DType::Complex128 => self.double_data.to_encoded(),
            DType::I64 => low_bytes(self.int64_data.iter().map(i64::to_le_bytes), 8),
            DType::U64 => low_bytes(self.uint64_data.iter().map(u64::to_le_bytes), 8),
            DType::U32 => low_bytes(self.uint64_data.iter().map(u64::to_le_bytes), 4),
            _ => {
                // Packed types have one byte in each number.
                let width = (dtype.bits() as usize).div_ceil(8);
                low_bytes(self.int32_data.iter().map(i32::to_le_bytes), width)
            }
        }
    }

    fn misfit(&self, unit: &str, expected: usize, actual: impl std::fmt::Display) -> Error {
        Error::invalid_model(format!("tensor `{}` needs {expected} {unit}, but has {actual}", self.name()))
    }
}

/// The lowest `width` bytes of each number.
fn low_bytes<const N: usize>(numbers: impl Iterator<Item = [u8; N]>, width: usize) -> Bytes {
    let mut bytes = Vec::new();
    numbers.for_each(|number| bytes.extend_from_slice(&number[..width]));
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryFiles, NoExternalData, StringStringEntryProto};

    fn tensor(dtype: DType, dims: &[i64]) -> TensorProto {
        TensorProto { data_type: Some(dtype.onnx()), dims: dims.to_vec(), ..Default::default() }
    }

    fn bytes(tensor: &TensorProto) -> Vec<u8> {
        tensor.data_bytes(&NoExternalData).unwrap().to_vec()
    }

    #[test]
    fn every_field_gives_the_same_bytes_as_raw_data() {
        let ints = |dtype, dims: &[i64], data: Vec<i32>| TensorProto {
            int32_data: data.into(),
            ..tensor(dtype, dims)
        };
        assert_eq!(bytes(&ints(DType::I8, &[2], vec![-1, 127])), [0xff, 0x7f]);
        assert_eq!(bytes(&ints(DType::U8, &[2], vec![255, 0])), [0xff, 0]);
        assert_eq!(bytes(&ints(DType::Bool, &[1], vec![1])), [1]);
        assert_eq!(bytes(&ints(DType::F16, &[1], vec![0x3c00])), [0, 0x3c]);
        assert_eq!(bytes(&ints(DType::I16, &[1], vec![-2])), [0xfe, 0xff]);
        assert_eq!(bytes(&ints(DType::I32, &[1], vec![-2])), (-2_i32).to_le_bytes());
        assert_eq!(bytes(&ints(DType::I4, &[3], vec![0x21, 0x03])), [0x21, 0x03]);
        assert_eq!(bytes(&ints(DType::U2, &[5], vec![0xe4, 0x01])), [0xe4, 0x01]);
        let long = TensorProto { int64_data: vec![-3].into(), ..tensor(DType::I64, &[]) };
        assert_eq!(bytes(&long), (-3_i64).to_le_bytes());
        let unsigned = TensorProto { uint64_data: vec![7].into(), ..tensor(DType::U32, &[1]) };
        assert_eq!(bytes(&unsigned), 7_u32.to_le_bytes());
        let complex = TensorProto { float_data: vec![1.0, 2.0].into(), ..tensor(DType::Complex64, &[1]) };
        assert_eq!(bytes(&complex), [1_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat());
        let double = TensorProto { double_data: vec![1.5].into(), ..tensor(DType::F64, &[1]) };
        assert_eq!(bytes(&double), 1.5_f64.to_le_bytes());
    }

    #[test]
    fn data_that_does_not_fit_is_refused() {
        let raw = |dims: &[i64], raw: &[u8]| TensorProto {
            raw_data: Some(raw.to_vec().into()),
            ..tensor(DType::F32, dims)
        };
        assert!(raw(&[1], &[0; 4]).check_data().is_ok());
        assert!(raw(&[0, i64::MAX, i64::MAX], &[]).check_data().is_ok());
        for (dims, bytes) in
            [(vec![2], 4), (vec![1], 8), (vec![-1], 4), (vec![i64::MAX, 3], 0), (vec![1 << 62], 0)]
        {
            assert!(raw(&dims, &vec![0; bytes]).check_data().is_err(), "{dims:?}");
        }
        assert!(tensor(DType::I4, &[3]).check_data().is_err());
        assert!(TensorProto { data_type: Some(99), ..Default::default() }.check_data().is_err());
        assert!(TensorProto::default().check_data().is_err());
    }

    #[test]
    fn external_data_is_cut_to_the_tensor() {
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Default::default()
        };
        let mut tensor = TensorProto {
            data_location: Some(1),
            external_data: vec![entry("location", "w"), entry("offset", "1")],
            ..tensor(DType::U8, &[3])
        };
        let files = MemoryFiles::from_iter([("w", vec![0, 1, 2, 3, 4])]);
        assert_eq!(tensor.data_bytes(&files).unwrap().to_vec(), [1, 2, 3]);
        tensor.dims = vec![5];
        assert!(tensor.data_bytes(&files).is_err());
        tensor.external_data.push(entry("length", "4"));
        assert!(tensor.data_bytes(&files).is_err());
        assert!(tensor.data_bytes(&NoExternalData).is_err());
    }
}
