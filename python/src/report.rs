//! Reports of the library as those of the package `ortlet.reports`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pythonize::pythonize;
use serde::Serialize;

use crate::errors::Outcome;

/// A report as the class of this name, which is a dict.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    report: &impl Serialize,
    class: &Bound<'py, PyString>,
) -> Outcome<Bound<'py, PyAny>> {
    let plain = pythonize(py, report)?;
    let class = py.import(intern!(py, "ortlet.reports"))?.getattr(class)?;
    Ok(class.call1((plain,))?)
}

/// Reports of one class, in a list.
pub(crate) fn list_to_python<'py, R: Serialize>(
    py: Python<'py>,
    reports: &[R],
    class: &Bound<'py, PyString>,
) -> Outcome<Vec<Bound<'py, PyAny>>> {
    reports.iter().map(|report| to_python(py, report, class)).collect()
}
