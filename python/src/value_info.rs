//! `ortlet.ValueInfo`: the name and type of an input or output.

use ortlet::tensor::{Dim, ValueInfo, ValueType};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pythonize::pythonize;

use crate::errors::Outcome;

/// The name and declared type of an input or output, or of what is in one.
#[pyclass(frozen, module = "ortlet", name = "ValueInfo", eq)]
#[derive(PartialEq)]
pub(crate) struct PyValueInfo {
    /// `None` for what is in a sequence, map or optional.
    name: Option<String>,
    value_type: ValueType,
}

impl PyValueInfo {
    pub(crate) fn new(info: &ValueInfo) -> Self {
        Self { name: Some(info.name.clone()), value_type: info.value_type.clone() }
    }

    fn part(value_type: &ValueType) -> Self {
        Self { name: None, value_type: value_type.clone() }
    }
}

#[pymethods]
impl PyValueInfo {
    /// Its name; `None` for what is in a sequence, map or optional.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// `tensor`, `sequence`, `map` or `optional`; `sparse_tensor`, `opaque` and `unknown` cannot be run.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.value_type {
            ValueType::Tensor { .. } => "tensor",
            ValueType::Sequence { .. } => "sequence",
            ValueType::Map { .. } => "map",
            ValueType::Optional { .. } => "optional",
            ValueType::SparseTensor { .. } => "sparse_tensor",
            ValueType::Opaque => "opaque",
            ValueType::Unknown => "unknown",
        }
    }

    /// The element type of a tensor: `float32`, `string`, ...; `None` for other kinds.
    #[getter]
    fn dtype(&self) -> Option<&'static str> {
        match &self.value_type {
            ValueType::Tensor { dtype, .. } | ValueType::SparseTensor { dtype, .. } => Some(dtype.name()),
            _ => None,
        }
    }

    /// The dimensions of a tensor: sizes, names of sizes, and `None` for any size. `None` if their number is open.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let (ValueType::Tensor { shape, .. } | ValueType::SparseTensor { shape, .. }) = &self.value_type
        else {
            return Ok(None);
        };
        let dim = |dim: &Dim| match dim {
            Dim::Fixed(size) => size.into_bound_py_any(py),
            Dim::Symbol(name) => name.into_bound_py_any(py),
            Dim::Unknown => Ok(py.None().into_bound(py)),
        };
        let dims = shape.dims().map(|dims| dims.iter().map(dim).collect::<PyResult<Vec<_>>>()).transpose()?;
        dims.map(|dims| PyTuple::new(py, dims)).transpose()
    }

    /// What a sequence or optional holds.
    #[getter]
    fn element(&self) -> Option<Self> {
        match &self.value_type {
            ValueType::Sequence { element } | ValueType::Optional { element } => Some(Self::part(element)),
            _ => None,
        }
    }

    /// The type of a map's keys.
    #[getter]
    fn key(&self) -> Option<&'static str> {
        match &self.value_type {
            ValueType::Map { key, .. } => Some(key.name()),
            _ => None,
        }
    }

    /// What a map's values are.
    #[getter]
    fn value(&self) -> Option<Self> {
        match &self.value_type {
            ValueType::Map { value, .. } => Some(Self::part(value)),
            _ => None,
        }
    }

    /// The same as a dict, as every language of Ortlet's shows it.
    fn to_dict<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        let plain = match &self.name {
            Some(name) => {
                pythonize(py, &ValueInfo { name: name.clone(), value_type: self.value_type.clone() })
            }
            None => pythonize(py, &self.value_type),
        };
        Ok(plain?)
    }

    fn __str__(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}: {}", self.value_type),
            None => self.value_type.to_string(),
        }
    }

    fn __repr__(&self) -> String {
        format!("ValueInfo({})", self.__str__())
    }
}
