//! `ortlet.Session`: a model that is ready to run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ortlet::tensor::{ValueInfo, ValueView};
use ortlet::{Error, Outputs, PrecisionOptions, RunOptions, Session};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};
use smallvec::SmallVec;

use crate::binding::{self, PyBinding};
use crate::cancel::PyCancelToken;
use crate::errors::{Failure, Outcome};
use crate::options::{self, Source};
use crate::value::{self, Input};
use crate::value_info::PyValueInfo;
use crate::work::Work;
use crate::{asynchronous, report};

/// A model that is ready to run. Any number of threads and tasks may run it at once.
#[pyclass(frozen, module = "ortlet", name = "Session", weakref)]
pub(crate) struct PySession {
    /// None once it is closed.
    open: Mutex<Option<Session>>,
    /// Kept for those who ask after it is closed.
    text: String,
}

#[pymethods]
impl PySession {
    #[new]
    #[pyo3(signature = (model, options=None, *, time_limit_ms=None, seed=None, cancel=None, progress=None, **session_options))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of Python's")]
    fn new(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyMapping>>,
        time_limit_ms: Option<u64>,
        seed: Option<u64>,
        cancel: Option<&Bound<'_, PyCancelToken>>,
        progress: Option<&Bound<'_, PyAny>>,
        session_options: Option<&Bound<'_, PyDict>>,
    ) -> Outcome<Self> {
        let source = Source::of(model)?;
        // Options given by themselves win over those given as a whole.
        let all = options.map_or_else(|| Ok(PyDict::new(py)), |options| options::dict(options.as_any()))?;
        if let Some(own) = session_options {
            all.update(own.as_mapping())?;
        }
        let work = Work::new(py, cancel, progress, "choosing the precision")?;
        let mut options = precision_options(py, Some(&all), time_limit_ms, seed, &work)?;
        let loaded = match &source {
            Source::Path(path) => py.detach(|| Session::load_with(path, &options)),
            Source::Model(model) => {
                let model = model.get();
                model.look_beside(&mut options.session);
                py.detach(|| Session::from_model_with(&model.model, &options))
            }
            Source::Bytes(bytes) => {
                let bytes = bytes_of(bytes)?;
                let view = bytes.view()?;
                let bytes = byte_slice(&view)?;
                py.detach(|| Session::from_bytes_with(bytes, &options))
            }
        };
        let session = work.end(py, loaded)?;
        let text = format!("{session:?}");
        Ok(Self { open: Mutex::new(Some(session)), text })
    }

    /// Names and types of the inputs that a run needs.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyTuple>> {
        infos(py, self.session()?.inputs())
    }

    /// Names and types of the outputs.
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyTuple>> {
        infos(py, self.session()?.outputs())
    }

    /// Initializers that a run may replace by giving an input of that name.
    #[getter]
    fn overridable_initializers<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyTuple>> {
        infos(py, self.session()?.overridable_initializers())
    }

    /// Runs the model and gives its outputs by name.
    #[pyo3(signature = (inputs, outputs=None, *, deadline=None, cancel=None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        outputs: Option<&Bound<'py, PyAny>>,
        deadline: Option<&Bound<'py, PyAny>>,
        cancel: Option<&Bound<'py, PyCancelToken>>,
    ) -> Outcome<Bound<'py, PyDict>> {
        let session = self.session()?;
        let given = Given::of(inputs, session.inputs())?;
        let views = given.views()?;
        let options = run_options(outputs, deadline, cancel)?;
        let outputs = match options {
            None => py.detach(|| session.run(views)),
            Some(options) => py.detach(|| session.run_with(views, &options)),
        };
        dict(py, outputs?)
    }

    /// Runs the model on another thread; to be awaited in asyncio. Cancelling the task cancels the run.
    #[pyo3(signature = (inputs, outputs=None, *, deadline=None, cancel=None))]
    fn run_async<'py>(
        slf: &Bound<'py, Self>,
        inputs: &Bound<'py, PyAny>,
        outputs: Option<&Bound<'py, PyAny>>,
        deadline: Option<&Bound<'py, PyAny>>,
        cancel: Option<&Bound<'py, PyCancelToken>>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let module = slf.py().import(intern!(slf.py(), "ortlet._asynchronous"))?;
        Ok(module.call_method1(intern!(slf.py(), "run"), (slf, inputs, outputs, deadline, cancel))?)
    }

    /// Starts a run on another thread, where `done` is called with its outputs or an exception.
    fn _start(
        &self,
        py: Python<'_>,
        inputs: &Bound<'_, PyAny>,
        outputs: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
        cancel: Option<&Bound<'_, PyCancelToken>>,
        done: Py<PyAny>,
    ) -> Outcome<asynchronous::PyRun> {
        let session = self.session()?;
        let inputs = value::shared_batch(inputs, session.inputs())?;
        let options = run_options(outputs, deadline, cancel)?.unwrap_or_default();
        Ok(asynchronous::start(py, &session, inputs, options, done))
    }

    /// Fixed memory for inputs and outputs, prepared once for many runs.
    #[pyo3(signature = (shapes=None, *, ties=None))]
    fn bind(
        &self,
        shapes: Option<&Bound<'_, PyMapping>>,
        ties: Option<&Bound<'_, PyMapping>>,
    ) -> Outcome<PyBinding> {
        binding::bind(&self.session()?, shapes, ties)
    }

    /// How the session came to be: where the model came from, where the time went, what memory it takes.
    fn report<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        report::to_python(py, &self.session()?.report(), intern!(py, "SessionReport"))
    }

    /// Counts and latencies of the session's runs.
    fn metrics<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        report::to_python(py, &self.session()?.metrics().report(), intern!(py, "MetricsReport"))
    }

    /// Gives back what the session holds, once the runs under way have ended. It cannot be used afterwards.
    fn close(&self, py: Python<'_>) {
        let session = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(session));
    }

    /// Whether `close` was called.
    #[getter]
    fn is_closed(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        if self.is_closed() { format!("{} (closed)", self.text) } else { self.text.clone() }
    }

    fn _repr_html_<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        if self.is_closed() {
            return Ok(py.None().into_bound(py));
        }
        Ok(self.report(py)?.call_method0(intern!(py, "_repr_html_"))?)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "cannot pickle a Session: it belongs to its process; load the model again in the other one, which takes \
             milliseconds with `cache=True` or a compiled model",
        ))
    }
}

impl PySession {
    /// A handle of the session.
    pub(crate) fn session(&self) -> ortlet::Result<Session> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clone().ok_or_else(|| Error::invalid_argument("session", "is closed"))
    }
}

/// What choosing a precision goes by.
pub(crate) fn precision_options(
    py: Python<'_>,
    session_options: Option<&Bound<'_, PyDict>>,
    time_limit_ms: Option<u64>,
    seed: Option<u64>,
    work: &Work,
) -> Outcome<PrecisionOptions> {
    let default = PrecisionOptions::default();
    Ok(PrecisionOptions {
        session: options::session(session_options, work)?,
        time_limit_ms: time_limit_ms.unwrap_or(default.time_limit_ms),
        seed: seed.unwrap_or(default.seed),
        cancel: Some(work.cancel.clone()),
        progress: Some(work.observer(py, "PrecisionProgress")),
    })
}

fn infos<'py>(py: Python<'py>, infos: &[ValueInfo]) -> Outcome<Bound<'py, PyTuple>> {
    let infos =
        infos.iter().map(|info| Bound::new(py, PyValueInfo::new(info))).collect::<PyResult<Vec<_>>>()?;
    Ok(PyTuple::new(py, infos)?)
}

/// An object's memory as bytes.
pub(crate) fn bytes_of(object: &Bound<'_, PyAny>) -> Outcome<Input> {
    let type_error = || -> Outcome<Input> {
        let name = object.get_type().qualname()?;
        let text = format!("a model is a path, bytes, or an `ortlet.Model`, not {name}");
        Err(PyTypeError::new_err(text).into())
    };
    if value::is_literal(object) || object.is_none() {
        return type_error();
    }
    match value::read(object, None) {
        Ok(input) => Ok(input),
        Err(Failure::Ortlet(_)) => type_error(),
        other => other,
    }
}

pub(crate) fn byte_slice<'a>(view: &ValueView<'a>) -> ortlet::Result<&'a [u8]> {
    let bytes = match view {
        ValueView::Tensor(view) => view.bytes(),
        ValueView::Value(value) => value.as_tensor()?.bytes(),
    };
    bytes.ok_or_else(|| Error::invalid_argument("model", "is no bytes"))
}

/// Inputs by name, as Python gives them.
pub(crate) struct Given<'py>(SmallVec<[(Bound<'py, PyString>, Input); 4]>);

impl<'py> Given<'py> {
    pub(crate) fn of(inputs: &Bound<'py, PyAny>, declared: &[ValueInfo]) -> Outcome<Self> {
        let mut given = SmallVec::new();
        let mut add = |name: Bound<'py, PyAny>, object: &Bound<'py, PyAny>| -> Outcome<()> {
            let name = name.cast_into::<PyString>()?;
            let input = value::read_named(name.to_str()?, object, declared)?;
            given.push((name, input));
            Ok(())
        };
        if let Ok(dict) = inputs.cast::<PyDict>() {
            // Looking at an object may run code of the caller's, which may change the dict.
            let entries: SmallVec<[(Bound<'py, PyAny>, Bound<'py, PyAny>); 4]> = dict.iter().collect();
            for (name, object) in entries {
                add(name, &object)?;
            }
            return Ok(Self(given));
        }
        let inputs = inputs.cast::<PyMapping>().map_err(|_| {
            PyTypeError::new_err("inputs are a dict from names to arrays, for example {\"image\": image}")
        })?;
        for item in inputs.items()?.iter() {
            let (name, object): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
            add(name, &object)?;
        }
        Ok(Self(given))
    }

    pub(crate) fn views(&self) -> Outcome<SmallVec<[(&str, ValueView<'_>); 4]>> {
        self.0.iter().map(|(name, input)| Ok((name.to_str()?, input.view()?))).collect()
    }
}

/// How a run differs from others; nothing if it does not.
pub(crate) fn run_options(
    outputs: Option<&Bound<'_, PyAny>>,
    deadline: Option<&Bound<'_, PyAny>>,
    cancel: Option<&Bound<'_, PyCancelToken>>,
) -> Outcome<Option<RunOptions>> {
    if outputs.is_none() && deadline.is_none() && cancel.is_none() {
        return Ok(None);
    }
    let names = |outputs: &Bound<'_, PyAny>| match outputs.is_instance_of::<PyString>() {
        true => Err(PyTypeError::new_err("outputs are a list of names, not one name")),
        false => outputs.try_iter()?.map(|name| name?.extract()).collect::<PyResult<Vec<String>>>(),
    };
    Ok(Some(RunOptions {
        outputs: outputs.map(names).transpose()?,
        deadline: deadline.map(seconds).transpose()?,
        cancel: cancel.map(|token| token.get().token.clone()),
    }))
}

/// Seconds, or a `timedelta`.
fn seconds(deadline: &Bound<'_, PyAny>) -> Outcome<Duration> {
    let total = deadline.getattr_opt(intern!(deadline.py(), "total_seconds"))?;
    let seconds: f64 = match total {
        Some(total) => total.call0()?.extract()?,
        None => deadline.extract()?,
    };
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::invalid_argument("deadline", format!("{seconds} is no number of seconds")).into())
}

/// Outputs by name.
pub(crate) fn dict(py: Python<'_>, outputs: Outputs) -> Outcome<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in outputs {
        dict.set_item(PyString::new(py, &name), value::to_python(py, value)?)?;
    }
    Ok(dict)
}
