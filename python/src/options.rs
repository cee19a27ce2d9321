//! Options: keyword arguments as the library's own structs.

use std::path::PathBuf;

use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::{Error, Samples, SessionOptions};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple};
use pythonize::depythonize;
use serde::de::DeserializeOwned;

use crate::errors::Outcome;
use crate::value;
use crate::work::Work;

/// Deeper than any options.
const MAX_DEPTH: usize = 32;

/// Options of this kind; the defaults for nothing. What is wrong is told with the name of the option.
pub(crate) fn read<T: DeserializeOwned + Default>(
    options: Option<&Bound<'_, PyDict>>,
    name: &str,
) -> Outcome<T> {
    let Some(options) = options else { return Ok(T::default()) };
    let plain = plain(options.as_any(), 0)?;
    Ok(depythonize(&plain).map_err(|error| Error::invalid_argument(name, error.to_string()))?)
}

/// The same of numbers, texts, lists and dicts only: paths become texts.
fn plain<'py>(object: &Bound<'py, PyAny>, depth: usize) -> Outcome<Bound<'py, PyAny>> {
    let py = object.py();
    if depth > MAX_DEPTH {
        return Err(Error::limit_exceeded("depth of options", MAX_DEPTH as u64, depth as u64).into());
    }
    if object.is_none() || object.is_instance_of::<PyString>() || object.is_instance_of::<PyBool>() {
        return Ok(object.clone());
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        let copy = PyDict::new(py);
        // Paths may be code of the caller's, which may change the dict.
        for (key, value) in dict.iter().collect::<Vec<_>>() {
            copy.set_item(key, plain(&value, depth + 1)?)?;
        }
        return Ok(copy.into_any());
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        let items = object.try_iter()?.map(|item| plain(&item?, depth + 1)).collect::<Outcome<Vec<_>>>()?;
        return Ok(PyList::new(py, items)?.into_any());
    }
    if let Some(path) = object.getattr_opt(intern!(py, "__fspath__"))? {
        return Ok(path.call0()?);
    }
    // Whole numbers of NumPy's are none of Python's.
    match object.getattr_opt(intern!(py, "__index__"))? {
        Some(index) if !object.is_instance_of::<PyInt>() => Ok(index.call0()?),
        _ => Ok(object.clone()),
    }
}

/// The options of a session. What JSON cannot hold, samples in memory and a measure, is read beside them.
pub(crate) fn session(options: Option<&Bound<'_, PyDict>>, work: &Work) -> Outcome<SessionOptions> {
    let Some(options) = options else { return Ok(with_folders(SessionOptions::default())) };
    let rest = options.copy()?;
    let samples = take(&rest, "samples")?;
    let measure = match take(&rest, "accuracy")? {
        Some(accuracy) => {
            let accuracy = dict(&accuracy)?;
            let measure = (take(&accuracy, "measure")?, take(&accuracy, "measure_at_least")?);
            rest.set_item("accuracy", accuracy)?;
            measure
        }
        None => (None, None),
    };
    let mut session: SessionOptions = read(Some(&rest), "options")?;
    if let Some(samples) = samples {
        session.samples = self::samples(&samples)?;
    }
    if let (Some(function), at_least) = measure {
        let at_least = at_least.map_or(Ok(f64::NEG_INFINITY), |at_least| at_least.extract())?;
        session.accuracy.measure = Some(work.measure(function.unbind(), at_least));
    }
    Ok(with_folders(session))
}

type Own<'py> = Option<Bound<'py, PyDict>>;

/// The options of the session among those of a tool, and the tool's own.
pub(crate) fn without_session<'py>(options: Option<&Bound<'py, PyDict>>) -> Outcome<(Own<'py>, Own<'py>)> {
    let Some(options) = options else { return Ok((None, None)) };
    let rest = options.copy()?;
    let session = take(&rest, "session")?.map(|session| dict(&session)).transpose()?;
    Ok((session, Some(rest)))
}

/// A copy of any mapping.
pub(crate) fn dict<'py>(mapping: &Bound<'py, PyAny>) -> Outcome<Bound<'py, PyDict>> {
    let copy = PyDict::new(mapping.py());
    copy.update(mapping.cast::<PyMapping>()?)?;
    Ok(copy)
}

/// An entry, taken out; nothing if it is `None`.
fn take<'py>(dict: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = dict.get_item(name)?;
    if found.is_some() {
        dict.del_item(name)?;
    }
    Ok(found.filter(|found| !found.is_none()))
}

/// Where this Python has its packages, an ONNX Runtime that was installed by itself may be.
pub(crate) fn with_folders(mut session: SessionOptions) -> SessionOptions {
    add_folders(&mut session.runtime);
    session
}

pub(crate) fn add_folders(runtime: &mut RuntimeOptions) {
    // A process has only one, so from then on nothing is searched.
    if Runtime::loaded().is_some() {
        return;
    }
    let folders = Python::attach(|py| -> PyResult<Vec<PathBuf>> {
        let path: Vec<PathBuf> = py.import(intern!(py, "sys"))?.getattr(intern!(py, "path"))?.extract()?;
        Ok(path.iter().map(|packages| packages.join("onnxruntime").join("capi")).collect())
    });
    runtime.folders.extend(folders.unwrap_or_default().into_iter().filter(|folder| folder.is_dir()));
}

/// Samples: a folder, or batches in memory.
pub(crate) fn samples(samples: &Bound<'_, PyAny>) -> Outcome<Samples> {
    if is_path(samples)? {
        return Ok(Samples::Folder(samples.extract()?));
    }
    let mut batches = Vec::new();
    for (index, batch) in samples.try_iter()?.enumerate() {
        let batch = value::sample(&batch?);
        batches.push(batch.map_err(|failure| failure.context(|| format!("sample {index}")))?);
    }
    Ok(batches.into())
}

/// Whether an object is a path, as everywhere in Python.
fn is_path(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is_instance_of::<PyString>() || object.hasattr(intern!(object.py(), "__fspath__"))?)
}

/// A model as functions take it.
pub(crate) enum Source<'py> {
    Path(PathBuf),
    Bytes(Bound<'py, PyAny>),
    Model(Bound<'py, crate::model::PyModel>),
}

impl<'py> Source<'py> {
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(model) = object.cast::<crate::model::PyModel>() {
            return Ok(Self::Model(model.clone()));
        }
        if is_path(object)? { object.extract().map(Self::Path) } else { Ok(Self::Bytes(object.clone())) }
    }
}

/// Fails if these are no options of a session's.
#[pyfunction]
#[pyo3(signature = (options))]
pub(crate) fn check_session_options(py: Python<'_>, options: &Bound<'_, PyDict>) -> Outcome<()> {
    session(Some(options), &Work::quiet(py)).map(|_| ())
}
