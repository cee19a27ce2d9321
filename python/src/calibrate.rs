//! `ortlet.calibrate`: what values the tensors of a model take.

use ortlet::{CalibrateOptions, Calibration, calibrate as calibrate_model};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::model::opened;
use crate::options;
use crate::work::Work;

/// What values the tensors of a model take; made by `calibrate`.
#[pyclass(frozen, module = "ortlet", name = "Calibration")]
pub(crate) struct PyCalibration {
    pub(crate) calibration: Calibration,
}

#[pymethods]
impl PyCalibration {
    /// Samples that were seen.
    #[getter]
    fn sample_count(&self) -> u64 {
        self.calibration.sample_count
    }

    fn __repr__(&self) -> String {
        let (samples, tensors) = (self.calibration.sample_count, self.calibration.tensors.len());
        format!("Calibration({samples} samples, {tensors} tensors)")
    }
}

/// Runs the model on samples of real inputs and keeps what values its tensors take, for `quantize`.
#[pyfunction]
#[pyo3(signature = (model, samples, *, cancel=None, progress=None, **calibrate_options))]
pub(crate) fn calibrate(
    py: Python<'_>,
    model: &Bound<'_, PyAny>,
    samples: &Bound<'_, PyAny>,
    cancel: Option<&Bound<'_, PyCancelToken>>,
    progress: Option<&Bound<'_, PyAny>>,
    calibrate_options: Option<&Bound<'_, PyDict>>,
) -> Outcome<PyCalibration> {
    let work = Work::new(py, cancel, progress, "learning the ranges")?;
    let (session, rest) = options::without_session(calibrate_options)?;
    let mut options: CalibrateOptions = options::read(rest.as_ref(), "options")?;
    options.session = options::session(session.as_ref(), &work)?;
    options.cancel = Some(work.cancel.clone());
    options.progress = Some(work.observer(py, "CalibrateProgress"));
    let samples = options::samples(samples)?;
    let model = opened(py, model)?;
    let model = model.get();
    model.look_beside(&mut options.session);
    let calibrated = py.detach(|| calibrate_model(&model.model, &samples, &options));
    Ok(PyCalibration { calibration: work.end(py, calibrated)? })
}
