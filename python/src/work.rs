//! Long work: who is told how it goes, what ends it, and functions of the caller's in it.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use ortlet::quantize::NamedValues;
use ortlet::{CancelToken, Measure, Observer};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use serde::Serialize;

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::{report, value};

/// Work under way. The first exception of a function of the caller's, or Ctrl-C, ends it and is raised.
pub(crate) struct Work {
    pub(crate) cancel: CancelToken,
    progress: Option<Py<PyAny>>,
    /// Ends the bar that this module has drawn.
    close: Option<Py<PyAny>>,
    raised: Raised,
}

type Raised = Arc<Mutex<Option<PyErr>>>;

impl Work {
    /// `progress` is a function, `False` for nobody, `True` for a bar, or `None` for a bar on a terminal.
    pub(crate) fn new(
        py: Python<'_>,
        cancel: Option<&Bound<'_, PyCancelToken>>,
        progress: Option<&Bound<'_, PyAny>>,
        title: &str,
    ) -> PyResult<Self> {
        let mut work = Self::quiet(py);
        if let Some(token) = cancel {
            work.cancel = token.get().token.clone();
        }
        match progress {
            Some(wanted) if wanted.is_instance_of::<PyBool>() => {
                work.draw_bar(py, title, Some(wanted.is_truthy()?))?;
            }
            Some(function) if function.is_callable() => work.progress = Some(function.clone().unbind()),
            Some(_) => return Err(PyTypeError::new_err("progress is a function, True, False or None")),
            None if std::io::stderr().is_terminal() => work.draw_bar(py, title, None)?,
            None => {}
        }
        Ok(work)
    }

    /// Whoever does not say whether there is to be a bar gets one where Python's standard error is a terminal.
    fn draw_bar(&mut self, py: Python<'_>, title: &str, is_wanted: Option<bool>) -> PyResult<()> {
        let bar = py.import(intern!(py, "ortlet._progress"))?.call_method1("bar", (title, is_wanted))?;
        if !bar.is_none() {
            self.close = Some(bar.getattr("close")?.unbind());
            self.progress = Some(bar.unbind());
        }
        Ok(())
    }

    /// Work that nobody is told of.
    pub(crate) fn quiet(_: Python<'_>) -> Self {
        Self { cancel: CancelToken::new(), progress: None, close: None, raised: Raised::default() }
    }

    /// Tells the caller's function, and looks whether somebody pressed Ctrl-C.
    pub(crate) fn observer<P: Serialize>(&self, py: Python<'_>, class: &'static str) -> Observer<P> {
        let progress = self.progress.as_ref().map(|function| function.clone_ref(py));
        let (raised, cancel) = (self.raised.clone(), self.cancel.clone());
        Observer::new(move |now: &P| {
            let told = Python::try_attach(|py| -> PyResult<()> {
                py.check_signals()?;
                if let Some(function) = &progress {
                    let class = pyo3::types::PyString::new(py, class);
                    function.call1(py, (report::to_python(py, now, &class)?,))?;
                }
                Ok(())
            });
            if let Some(Err(error)) = told {
                raise(&raised, &cancel, error);
            }
        })
    }

    /// The caller's own measure of how good outputs are.
    pub(crate) fn measure(&self, function: Py<PyAny>, at_least: f64) -> Measure {
        let (raised, cancel) = (self.raised.clone(), self.cancel.clone());
        Measure::new(at_least, move |reference, candidate| {
            let judged = Python::try_attach(|py| -> PyResult<f64> {
                let arguments = (outputs(py, reference)?, outputs(py, candidate)?);
                function.call1(py, arguments)?.extract(py)
            });
            match judged {
                Some(Ok(judged)) => judged,
                Some(Err(error)) => {
                    raise(&raised, &cancel, error);
                    f64::NAN
                }
                None => f64::NAN,
            }
        })
    }

    /// What the work gave, or the exception that ended it.
    pub(crate) fn end<T>(self, py: Python<'_>, result: ortlet::Result<T>) -> Outcome<T> {
        if let Some(close) = self.close {
            close.call0(py)?;
        }
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        match raised {
            Some(error) => Err(error.into()),
            None => Ok(result?),
        }
    }
}

fn raise(raised: &Raised, cancel: &CancelToken, error: PyErr) {
    raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    cancel.cancel();
}

fn outputs<'py>(py: Python<'py>, values: &NamedValues<'_>) -> PyResult<Bound<'py, PyDict>> {
    let outputs = PyDict::new(py);
    for (name, value) in values {
        outputs.set_item(name, value::to_python(py, (*value).clone())?)?;
    }
    Ok(outputs)
}
