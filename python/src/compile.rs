//! `ortlet.compile`: a model as one file that starts in milliseconds.

use std::path::PathBuf;

use ortlet::compile_with;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::report;
use crate::session::precision_options;
use crate::work::Work;

/// Compiles a model for this device into a file that `Session` loads in milliseconds, and that runs everywhere.
#[pyfunction]
#[pyo3(signature = (model, artifact, *, time_limit_ms=None, seed=None, cancel=None, progress=None, **session_options))]
#[expect(clippy::too_many_arguments, reason = "each is a keyword of Python's")]
pub(crate) fn compile<'py>(
    py: Python<'py>,
    model: PathBuf,
    artifact: PathBuf,
    time_limit_ms: Option<u64>,
    seed: Option<u64>,
    cancel: Option<&Bound<'py, PyCancelToken>>,
    progress: Option<&Bound<'py, PyAny>>,
    session_options: Option<&Bound<'py, PyDict>>,
) -> Outcome<Bound<'py, PyAny>> {
    let work = Work::new(py, cancel, progress, "choosing the precision")?;
    let options = precision_options(py, session_options, time_limit_ms, seed, &work)?;
    let compiled = py.detach(|| compile_with(&model, &artifact, &options));
    report::to_python(py, &work.end(py, compiled)?, intern!(py, "CompileReport"))
}
