//! `ortlet.Model`: an ONNX model that can be looked at, changed by other functions, saved and run.

use std::path::PathBuf;

use ortlet::SessionOptions;
use ortlet::model::Model;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Outcome;
use crate::options::Source;
use crate::report;
use crate::session::{byte_slice, bytes_of};

/// An ONNX model: to be looked at, quantized, saved, run.
#[pyclass(frozen, module = "ortlet", name = "Model")]
pub(crate) struct PyModel {
    pub(crate) model: Model,
    /// The file that it came from, in whose folder its external data is.
    pub(crate) source: Option<PathBuf>,
}

impl PyModel {
    pub(crate) fn look_beside(&self, options: &mut SessionOptions) {
        if let Some(source) = &self.source {
            options.look_beside(source);
        }
    }

    fn read(path: PathBuf) -> ortlet::Result<Self> {
        Ok(Self { model: Model::open(&path)?, source: Some(path) })
    }
}

#[pymethods]
impl PyModel {
    /// Reads a model file in ONNX format. External data stays where it is.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> Outcome<Self> {
        Ok(py.detach(|| Self::read(path))?)
    }

    /// Reads a model in ONNX format from memory.
    #[staticmethod]
    fn parse(data: &Bound<'_, PyAny>) -> Outcome<Self> {
        let bytes = bytes_of(data)?;
        let bytes = byte_slice(&bytes.view()?)?.to_vec();
        Ok(Self { model: data.py().detach(|| Model::parse(bytes))?, source: None })
    }

    /// What was pickled: the bytes, and the file that they came from.
    #[staticmethod]
    fn _restored(data: &Bound<'_, PyAny>, source: Option<PathBuf>) -> Outcome<Self> {
        Ok(Self { source, ..Self::parse(data)? })
    }

    /// What is inside: inputs, outputs, operators, sizes, quantization.
    fn report<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        report::to_python(py, &self.model.report(), intern!(py, "ModelReport"))
    }

    /// Writes the model to a file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> Outcome<()> {
        Ok(py.detach(|| self.model.save(path))?)
    }

    /// The model as the bytes of an ONNX file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.model.to_bytes())?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        let source = self.source.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default();
        let report = self.model.report();
        let list = |infos: &[ortlet::tensor::ValueInfo]| {
            infos.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        format!("Model({source}{} -> {})", list(&report.inputs), list(&report.outputs))
    }

    fn _repr_html_<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        Ok(self.report(py)?.call_method0(intern!(py, "_repr_html_"))?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Outcome<Bound<'py, PyAny>> {
        let py = slf.py();
        let restore = slf.get_type().getattr(intern!(py, "_restored"))?;
        Ok((restore, (slf.get().to_bytes(py)?, slf.get().source.as_deref())).into_pyobject(py)?.into_any())
    }
}

/// A model that is given as such, or by its path.
pub(crate) fn opened<'py>(py: Python<'py>, object: &Bound<'py, PyAny>) -> Outcome<Bound<'py, PyModel>> {
    match Source::of(object)? {
        Source::Model(model) => Ok(model),
        Source::Path(path) => Ok(Bound::new(py, py.detach(|| PyModel::read(path))?)?),
        Source::Bytes(bytes) => Ok(Bound::new(py, PyModel::parse(&bytes)?)?),
    }
}
