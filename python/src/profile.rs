//! `ortlet.profile`: where the time of a run goes.

use std::path::PathBuf;

use ortlet::profile as profile_model;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Outcome;
use crate::session::Given;
use crate::work::Work;
use crate::{options, report};

/// Runs the model with ONNX Runtime's profiling on and says where the time goes, by operator and by node.
#[pyfunction]
#[pyo3(signature = (model, inputs, *, run_count=10, **session_options))]
pub(crate) fn profile<'py>(
    py: Python<'py>,
    model: PathBuf,
    inputs: &Bound<'py, PyAny>,
    run_count: u64,
    session_options: Option<&Bound<'py, PyDict>>,
) -> Outcome<Bound<'py, PyAny>> {
    let options = options::session(session_options, &Work::quiet(py))?;
    let given = Given::of(inputs, &[])?;
    let views = given.views()?;
    let profile = py.detach(|| profile_model(&model, views, &options, run_count))?;
    report::to_python(py, &profile, intern!(py, "OperatorProfile"))
}
