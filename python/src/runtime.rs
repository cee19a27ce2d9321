//! `ortlet.runtime` and `ortlet.doctor`: which ONNX Runtime is in use.

use std::path::PathBuf;

use ortlet::runtime::{Runtime, RuntimeOptions, doctor as examine};
use pyo3::intern;
use pyo3::prelude::*;

use crate::errors::Outcome;
use crate::{options, report};

fn runtime_options(runtime: Option<&Bound<'_, PyAny>>) -> Outcome<RuntimeOptions> {
    let given = runtime.map(options::dict).transpose()?;
    let mut options: RuntimeOptions = options::read(given.as_ref(), "runtime")?;
    options::add_folders(&mut options);
    Ok(options)
}

/// Loads ONNX Runtime, if nothing has yet; says which.
#[pyfunction]
#[pyo3(signature = (runtime=None))]
pub(crate) fn load_runtime<'py>(
    py: Python<'py>,
    runtime: Option<&Bound<'py, PyAny>>,
) -> Outcome<Bound<'py, PyAny>> {
    let options = runtime_options(runtime)?;
    py.detach(|| Runtime::load(&options))?;
    let report = py.detach(|| examine(&options));
    report::to_python(py, &report.runtime.found, intern!(py, "RuntimeSummary"))
}

/// Adds the execution providers of a plug-in library, under a name of the caller's choice.
#[pyfunction]
pub(crate) fn register_provider_library(py: Python<'_>, name: &str, path: PathBuf) -> Outcome<()> {
    let options = runtime_options(None)?;
    Ok(py.detach(|| Runtime::load(&options)?.register_provider_library(name, path))?)
}

/// Which ONNX Runtime there is, which CPU, and what is missing. A missing library is told in the report.
#[pyfunction]
#[pyo3(signature = (runtime=None))]
pub(crate) fn doctor<'py>(
    py: Python<'py>,
    runtime: Option<&Bound<'py, PyAny>>,
) -> Outcome<Bound<'py, PyAny>> {
    let options = runtime_options(runtime)?;
    let report = py.detach(|| examine(&options));
    report::to_python(py, &report, intern!(py, "DoctorReport"))
}
