//! `ortlet.Tensor`: a tensor of any type, also of those that NumPy lacks.

use std::sync::Arc;

use ortlet::tensor::{
    DType, Element, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0, SharedBytes, Tensor, unpack,
};
use ortlet::{Error, error::ResultExt};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyAttributeError, PyBufferError, PyImportError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::errors::Outcome;
use crate::value;

/// A tensor of any element type, also of those that NumPy lacks. It never changes.
#[pyclass(frozen, module = "ortlet", name = "Tensor", eq)]
#[derive(PartialEq)]
pub(crate) struct PyTensor {
    pub(crate) tensor: Tensor,
}

#[pymethods]
impl PyTensor {
    #[new]
    #[pyo3(signature = (data, dtype=None, shape=None))]
    fn new(data: &Bound<'_, PyAny>, dtype: Option<&str>, shape: Option<Vec<usize>>) -> Outcome<Self> {
        let dtype = dtype.map(named).transpose()?;
        let tensor = match dtype {
            Some(dtype) if data.is_instance_of::<PyBytes>() && dtype != DType::String => {
                let bytes = data.cast::<PyBytes>()?.as_bytes();
                return Ok(Self { tensor: shared(of_bytes(bytes, dtype, shape)?)? });
            }
            Some(dtype) if value::is_literal(data) => value::nested_list(data, dtype)?,
            _ => tensor_of(data, dtype)?,
        };
        let tensor = match shape {
            Some(shape) => tensor.reshape(shape)?,
            None => tensor,
        };
        Ok(Self { tensor: shared(tensor)? })
    }

    /// The element type: `float32`, `bfloat16`, `int4`, `string`, ...
    #[getter]
    fn dtype(&self) -> &'static str {
        self.tensor.dtype().name()
    }

    /// The dimensions, outermost first.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.shape().iter())
    }

    /// The elements as nested lists; a number or text if there are no dimensions.
    fn tolist<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        nested(py, &self.tensor)
    }

    /// The raw elements in row-major order; those of less than a byte are packed, the first in the lowest bits.
    fn tobytes<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyBytes>> {
        let bytes = self.tensor.bytes();
        let bytes = bytes.ok_or_else(|| Error::unsupported("the bytes of texts", "use `tolist`"))?;
        Ok(PyBytes::new(py, bytes))
    }

    /// The tensor as an array of NumPy's, which shares its memory and cannot be written; texts are copied.
    fn numpy<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        match value::array_of_tensor(py, self.tensor.clone(), false)? {
            Some(array) => Ok(array),
            None => {
                let package = if py.import("numpy").is_err() { "numpy" } else { "ml_dtypes" };
                let text = format!("an array of {} needs the package {package}", self.tensor.dtype());
                Err(PyImportError::new_err(text).into())
            }
        }
    }

    /// Where the memory is, for NumPy and those who speak its way; only of types that NumPy has.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyDict>> {
        let bytes = self.tensor.bytes().unwrap_or_default();
        let typestr = value::typestr(self.tensor.dtype()).ok_or_else(|| {
            PyAttributeError::new_err(format!("NumPy has no arrays of {}", self.tensor.dtype()))
        })?;
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", typestr)?;
        interface.set_item("shape", self.shape(py)?)?;
        interface.set_item("data", (bytes.as_ptr() as usize, true))?;
        Ok(interface)
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let array = self.numpy(py)?;
        match (dtype, copy) {
            (None, Some(true)) => Ok(array.call_method0("copy")?),
            (None, _) => Ok(array),
            (Some(dtype), _) => Ok(array.call_method1("astype", (dtype,))?),
        }
    }

    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        slf: &Bound<'py, Self>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> Outcome<Bound<'py, PyAny>> {
        if stream.is_some() || dl_device.is_some_and(|device| device != (1, 0)) || copy == Some(true) {
            return Err(PyBufferError::new_err("the tensor lies on the CPU, and is not copied").into());
        }
        value::export(slf, max_version.is_some_and(|(major, _)| major >= 1))
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        (1, 0)
    }

    /// A part of the elements, as NumPy gives it.
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> Outcome<Bound<'py, PyAny>> {
        Ok(self.numpy(py)?.get_item(key)?)
    }

    /// The only element, as Python's own.
    fn item<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        let count = self.tensor.shape().element_count()?;
        match flat(py, &self.tensor)?.pop() {
            Some(item) if count == 1 => Ok(item),
            _ => Err(Error::invalid_argument("tensor", format!("has {count} elements, not one")).into()),
        }
    }

    fn __len__(&self) -> PyResult<usize> {
        self.tensor
            .shape()
            .first()
            .copied()
            .ok_or_else(|| PyTypeError::new_err("a tensor without dimensions has no length"))
    }

    fn __repr__(&self, py: Python<'_>) -> Outcome<String> {
        let (dtype, shape) = (self.tensor.dtype(), self.tensor.shape());
        let mut shown = match shape.element_count()? {
            0..=64 => nested(py, &self.tensor)?.repr()?.to_string(),
            count => format!("{count} elements"),
        };
        if shown.len() > 400 {
            shown = format!("{} elements", shape.element_count()?);
        }
        Ok(format!("Tensor({dtype}{shape}: {shown})"))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Outcome<Bound<'py, PyAny>> {
        let (py, own) = (slf.py(), slf.get());
        let data = match own.tensor.bytes() {
            Some(bytes) => PyBytes::new(py, bytes).into_any(),
            None => PyList::new(py, own.tensor.as_strings()?)?.into_any(),
        };
        let arguments = (data, own.dtype(), own.shape(py)?);
        Ok((slf.get_type(), arguments).into_pyobject(py)?.into_any())
    }
}

fn of_bytes(bytes: &[u8], dtype: DType, shape: Option<Vec<usize>>) -> ortlet::Result<Tensor> {
    let count = || match dtype.bits() as usize {
        bits if bits >= 8 => bytes.len() / (bits / 8),
        bits => bytes.len() * (8 / bits),
    };
    Tensor::from_bytes(dtype, shape.unwrap_or_else(|| vec![count()]), bytes)
}

/// A tensor whose clones share its memory.
struct Kept(Tensor);

impl SharedBytes for Kept {
    fn bytes(&self) -> &[u8] {
        self.0.bytes().unwrap_or_default()
    }
}

/// The same tensor, which runs and arrays then use without a copy. Texts are copied all the same.
fn shared(tensor: Tensor) -> ortlet::Result<Tensor> {
    match tensor.dtype() {
        DType::String => Ok(tensor),
        dtype => Tensor::from_shared(dtype, tensor.shape().clone(), Arc::new(Kept(tensor))),
    }
}

/// What an object holds, which is of that type already, or its bytes taken as elements of it.
fn tensor_of(data: &Bound<'_, PyAny>, dtype: Option<DType>) -> Outcome<Tensor> {
    // A tensor never changes, so what others may change is copied.
    let tensor = value::read(data, None)?.into_copy()?.into_tensor()?;
    match dtype {
        Some(dtype) if dtype != tensor.dtype() => {
            Err(Error::tensor_mismatch("data", dtype, tensor.dtype()).into())
        }
        _ => Ok(tensor),
    }
}

/// The type of this name.
pub(crate) fn named(name: &str) -> ortlet::Result<DType> {
    let names = || DType::all().map(DType::name);
    DType::from_name(name).ok_or_else(|| Error::not_found("element type", name, names()))
}

/// The elements as nested lists of Python's own.
pub(crate) fn nested<'py>(py: Python<'py>, tensor: &Tensor) -> Outcome<Bound<'py, PyAny>> {
    let flat = flat(py, tensor)?;
    let mut items = flat;
    for &size in tensor.shape().iter().skip(1).rev() {
        items = match size {
            0 => empty_rows(py, tensor)?,
            _ => {
                items.chunks(size).map(|row| Ok(PyList::new(py, row)?.into_any())).collect::<PyResult<_>>()?
            }
        };
        if size == 0 {
            break;
        }
    }
    match tensor.shape().rank() {
        0 => Ok(items.swap_remove(0)),
        _ => Ok(PyList::new(py, items)?.into_any()),
    }
}

/// The rows of a tensor without elements, down to the first dimension of none.
fn empty_rows<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Vec<Bound<'py, PyAny>>> {
    fn rows<'py>(py: Python<'py>, shape: &[usize]) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let Some((&size, inner)) = shape.split_first() else { return Ok(Vec::new()) };
        (0..size).map(|_| Ok(PyList::new(py, rows(py, inner)?)?.into_any())).collect()
    }
    rows(py, tensor.shape())
}

fn flat<'py>(py: Python<'py>, tensor: &Tensor) -> Outcome<Vec<Bound<'py, PyAny>>> {
    let dtype = tensor.dtype();
    match dtype {
        DType::F32 => numbers(py, tensor, |x: f32| f64::from(x)),
        DType::F64 => numbers(py, tensor, |x: f64| x),
        DType::F16 => numbers(py, tensor, |x: half::f16| x.to_f64()),
        DType::BF16 => numbers(py, tensor, |x: half::bf16| x.to_f64()),
        DType::I8 => numbers(py, tensor, |x: i8| x),
        DType::I16 => numbers(py, tensor, |x: i16| x),
        DType::I32 => numbers(py, tensor, |x: i32| x),
        DType::I64 => numbers(py, tensor, |x: i64| x),
        DType::U8 => numbers(py, tensor, |x: u8| x),
        DType::U16 => numbers(py, tensor, |x: u16| x),
        DType::U32 => numbers(py, tensor, |x: u32| x),
        DType::U64 => numbers(py, tensor, |x: u64| x),
        DType::Bool => numbers(py, tensor, |x: bool| x),
        DType::F8E4M3FN => numbers(py, tensor, |x: F8E4M3FN| f64::from(x.to_f32())),
        DType::F8E4M3FNUZ => numbers(py, tensor, |x: F8E4M3FNUZ| f64::from(x.to_f32())),
        DType::F8E5M2 => numbers(py, tensor, |x: F8E5M2| f64::from(x.to_f32())),
        DType::F8E5M2FNUZ => numbers(py, tensor, |x: F8E5M2FNUZ| f64::from(x.to_f32())),
        DType::F8E8M0 => numbers(py, tensor, |x: F8E8M0| f64::from(x.to_f32())),
        DType::String => objects(py, tensor.as_strings()?.iter()),
        DType::U4 | DType::U2 => objects(py, in_bytes(tensor)?.into_iter()),
        DType::I4 | DType::I2 => objects(py, in_bytes(tensor)?.into_iter().map(|byte| byte as i8)),
        DType::Complex64 | DType::Complex128 => complex(py, tensor),
        DType::F4E2M1 => objects(py, in_bytes(tensor)?.into_iter().map(float4)),
        other => Err(Error::unsupported(format!("a list of {other}"), "use `tobytes`").into()),
    }
}

fn numbers<'py, T: Element + Copy, P: IntoPyObject<'py>>(
    py: Python<'py>,
    tensor: &Tensor,
    convert: impl Fn(T) -> P,
) -> Outcome<Vec<Bound<'py, PyAny>>> {
    objects(py, tensor.as_slice::<T>()?.iter().map(|&element| convert(element)))
}

fn objects<'py, P: IntoPyObject<'py>>(
    py: Python<'py>,
    elements: impl Iterator<Item = P>,
) -> Outcome<Vec<Bound<'py, PyAny>>> {
    let object = |element: P| element.into_bound_py_any(py);
    Ok(elements.map(object).collect::<PyResult<_>>()?)
}

/// Real and imaginary parts lie beside each other.
fn complex<'py>(py: Python<'py>, tensor: &Tensor) -> Outcome<Vec<Bound<'py, PyAny>>> {
    let bytes = tensor.bytes().unwrap_or_default();
    let parts: Vec<f64> = if tensor.dtype() == DType::Complex64 {
        bytes.as_chunks::<4>().0.iter().map(|&part| f64::from(f32::from_ne_bytes(part))).collect()
    } else {
        bytes.as_chunks::<8>().0.iter().map(|&part| f64::from_ne_bytes(part)).collect()
    };
    let number = |pair: &[f64; 2]| pyo3::types::PyComplex::from_doubles(py, pair[0], pair[1]).into_any();
    Ok(parts.as_chunks::<2>().0.iter().map(number).collect())
}

fn in_bytes(tensor: &Tensor) -> ortlet::Result<Vec<u8>> {
    let count = tensor.shape().element_count()?;
    unpack(tensor.dtype(), tensor.bytes().unwrap_or_default(), count).with_context(|| "tensor")
}

/// The values of a 4-bit float: a sign and eight magnitudes.
fn float4(bits: u8) -> f64 {
    const MAGNITUDES: [f64; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
    let magnitude = MAGNITUDES[usize::from(bits & 7)];
    if bits & 8 == 0 { magnitude } else { -magnitude }
}
