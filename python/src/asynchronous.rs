//! Runs on another thread, which call a function of Python's when they are over.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use ortlet::{Outputs, Result, RunFuture, RunOptions, Sample, Session};
use pyo3::prelude::*;

use crate::errors::Failure;
use crate::session;

/// A run under way.
#[pyclass(frozen, module = "ortlet._ortlet", name = "Run")]
pub(crate) struct PyRun {
    pending: Arc<Pending>,
}

#[pymethods]
impl PyRun {
    /// Ends the run before its next operator; nobody is told of its end.
    fn cancel(&self, py: Python<'_>) {
        py.detach(|| self.pending.give_up());
    }
}

/// Starts a run. `done(outputs, exception)` is called once, on another thread, with one of the two and `None`.
pub(crate) fn start(session: &Session, inputs: Sample, options: RunOptions, done: Py<PyAny>) -> PyRun {
    let future = session.run_async(inputs, options);
    let pending = Arc::new(Pending(Mutex::new(Some((future, done)))));
    pending.clone().wake();
    PyRun { pending }
}

/// A run that is not over yet. Being woken, it looks whether it is now.
struct Pending(Mutex<Option<(RunFuture, Py<PyAny>)>>);

impl Pending {
    fn give_up(&self) {
        // Dropping the future cancels the run.
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Wake for Pending {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mut future, done)) = pending.take() else { return };
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => *pending = Some((future, done)),
            Poll::Ready(result) => {
                drop(pending);
                tell(&done, result);
            }
        }
    }
}

/// Nobody can be told once the interpreter is about to end.
fn tell(done: &Py<PyAny>, result: Result<Outputs>) {
    Python::try_attach(|py| {
        let outputs = result.map_err(Failure::from).and_then(|outputs| session::dict(py, outputs));
        let told = match outputs {
            Ok(outputs) => done.call1(py, (outputs, py.None())),
            Err(failure) => done.call1(py, (py.None(), PyErr::from(failure).into_value(py))),
        };
        if let Err(error) = told {
            error.write_unraisable(py, Some(done.bind(py)));
        }
    });
}
