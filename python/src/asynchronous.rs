//! Runs on another thread, which call a function of Python's when they are over.

use std::future::Future;
use std::pin::Pin;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Wake, Waker};

use ortlet::{Outputs, Result, RunFuture, RunOptions, Sample, Session};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyTuple};

use crate::errors::Failure;
use crate::session;

/// Whether the interpreter is about to end. Held for reading by threads that are telling Python of a run: one that is still
/// at it while the interpreter ends would be ended in the middle, and the process with it.
static IS_ENDING: RwLock<bool> = RwLock::new(false);

/// Has [`IS_ENDING`] set once Python has run the program and before it takes anything down.
///
/// # Errors
/// Python's, if `atexit` does not work.
pub(crate) fn end_with_interpreter(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let imported_in = process::id();
    let wait =
        PyCFunction::new_closure(module.py(), None, None, move |arguments: &Bound<'_, PyTuple>, _| {
            // A process that was forked meanwhile lacks the threads that it would wait for.
            if process::id() == imported_in {
                arguments.py().detach(|| *IS_ENDING.write().unwrap_or_else(PoisonError::into_inner) = true);
            }
        })?;
    module.py().import("atexit")?.call_method1("register", (wait,))?;
    Ok(())
}

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
pub(crate) fn start(
    py: Python<'_>,
    session: &Session,
    inputs: Sample,
    options: RunOptions,
    done: Py<PyAny>,
) -> PyRun {
    let future = session.run_async(inputs, options);
    let pending = Arc::new(Pending(Mutex::new(Some((future, done)))));
    // It may be over at once, and whoever tells Python of that must not keep it from others meanwhile.
    py.detach(|| pending.clone().wake());
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
    let is_ending = IS_ENDING.read().unwrap_or_else(PoisonError::into_inner);
    if *is_ending {
        return;
    }
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
