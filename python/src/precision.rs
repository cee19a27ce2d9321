//! `ortlet.choose_precision`: the fastest form of a model within the accuracy asked for.

use ortlet::choose_precision as choose;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::model::PyModel;
use crate::quantize::pair;
use crate::session::precision_options;
use crate::work::Work;

/// Finds out with what numbers the model is fastest on this device within the accuracy asked for.
#[pyfunction]
#[pyo3(signature = (model, *, time_limit_ms=None, seed=None, cancel=None, progress=None, **session_options))]
pub(crate) fn choose_precision<'py>(
    py: Python<'py>,
    model: std::path::PathBuf,
    time_limit_ms: Option<u64>,
    seed: Option<u64>,
    cancel: Option<&Bound<'py, PyCancelToken>>,
    progress: Option<&Bound<'py, PyAny>>,
    session_options: Option<&Bound<'py, PyDict>>,
) -> Outcome<Bound<'py, PyAny>> {
    let work = Work::new(py, cancel, progress, "choosing the precision")?;
    let options = precision_options(py, session_options, time_limit_ms, seed, &work)?;
    let choice = py.detach(|| choose(&model, &options));
    let choice = work.end(py, choice)?;
    let model = PyModel { model: choice.model, source: Some(model) };
    pair(py, "PrecisionChoice", model, &choice.report, "PrecisionReport")
}
