//! `ortlet.quantize`: a model with numbers of fewer bits.

use ortlet::model::Model;
use ortlet::quantize::quantize_with;
use ortlet::{Error, QuantizeMode, QuantizeOptions, quantize as quantize_alone};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::depythonize;

use crate::calibrate::PyCalibration;
use crate::errors::Outcome;
use crate::model::{PyModel, opened};
use crate::{options, report};

/// Quantizes all layers that the mode is for. Gives the model and a report on each layer.
#[pyfunction]
#[pyo3(signature = (model, mode="int8-dynamic", *, calibration=None, **quantize_options))]
pub(crate) fn quantize<'py>(
    py: Python<'py>,
    model: &Bound<'py, PyAny>,
    mode: &str,
    calibration: Option<&Bound<'py, PyCalibration>>,
    quantize_options: Option<&Bound<'py, PyDict>>,
) -> Outcome<Bound<'py, PyAny>> {
    let mode = pyo3::types::PyString::new(py, mode);
    let mode: QuantizeMode =
        depythonize(mode.as_any()).map_err(|error| Error::invalid_argument("mode", error.to_string()))?;
    let options: QuantizeOptions = options::read(quantize_options, "options")?;
    let own = opened(py, model)?;
    let own = own.get();
    let calibration = calibration.map(|calibration| &calibration.get().calibration);
    let (model, report) = py.detach(|| match &own.source {
        Some(path) => quantize_with(&own.model, mode, calibration, &options, &Model::external_data(path)),
        None => quantize_alone(&own.model, mode, calibration, &options),
    })?;
    let model = PyModel { model, source: own.source.clone() };
    pair(py, "Quantized", model, &report, "QuantizeReport")
}

/// A model and a report on it, as a tuple with names.
pub(crate) fn pair<'py>(
    py: Python<'py>,
    class: &str,
    model: PyModel,
    report: &impl serde::Serialize,
    report_class: &str,
) -> Outcome<Bound<'py, PyAny>> {
    let model = Bound::new(py, model)?;
    let report = report::to_python(py, report, &pyo3::types::PyString::new(py, report_class))?;
    Ok(py.import(intern!(py, "ortlet._results"))?.getattr(class)?.call1((model, report))?)
}
