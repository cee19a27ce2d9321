//! Errors of the library as exceptions of the package `ortlet.errors`.

use ortlet::Error;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::{CastError, CastIntoError};
use pythonize::{PythonizeError, pythonize};

/// What a function of this module gives.
pub(crate) type Outcome<T> = std::result::Result<T, Failure>;

/// What went wrong: in the library, or in Python.
#[derive(Debug)]
pub(crate) enum Failure {
    Ortlet(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ortlet(error)
    }
}

impl From<CastError<'_, '_>> for Failure {
    fn from(error: CastError<'_, '_>) -> Self {
        Self::Python(error.into())
    }
}

impl From<CastIntoError<'_>> for Failure {
    fn from(error: CastIntoError<'_>) -> Self {
        Self::Python(error.into())
    }
}

impl From<PythonizeError> for Failure {
    fn from(error: PythonizeError) -> Self {
        Self::Python(error.into())
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Ortlet(error) => Python::attach(|py| match exception(py, &error) {
                Ok(exception) => Self::from_value(exception),
                Err(other) => other,
            }),
        }
    }
}

impl Failure {
    /// Says where in the caller's arguments it happened.
    pub(crate) fn context(self, context: impl FnOnce() -> String) -> Self {
        match self {
            Self::Ortlet(error) => Self::Ortlet(error.context(context())),
            python => python,
        }
    }
}

/// The exception for an error.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let details = pythonize(py, &error.details())?;
    let errors = py.import(intern!(py, "ortlet.errors"))?;
    errors.call_method1(intern!(py, "of"), (error.code().slug(), error.to_string(), details))
}
