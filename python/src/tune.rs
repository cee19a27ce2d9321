//! `ortlet.tune`: the fastest way to run a model on this device.

use std::path::PathBuf;

use ortlet::{Error, Samples, TuneOptions, tune as tune_model};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::work::Work;
use crate::{options, report};

/// Races threads, graph optimizations and execution providers on samples of real inputs, and keeps the winner as the plan
/// that later loads follow.
#[pyfunction]
#[pyo3(signature = (model, samples, *, cancel=None, progress=None, **tune_options))]
pub(crate) fn tune<'py>(
    py: Python<'py>,
    model: PathBuf,
    samples: &Bound<'py, PyAny>,
    cancel: Option<&Bound<'py, PyCancelToken>>,
    progress: Option<&Bound<'py, PyAny>>,
    tune_options: Option<&Bound<'py, PyDict>>,
) -> Outcome<Bound<'py, PyAny>> {
    let work = Work::new(py, cancel, progress, "tuning")?;
    let (session, rest) = options::without_session(tune_options)?;
    let mut options: TuneOptions = options::read(rest.as_ref(), "options")?;
    options.session = options::session(session.as_ref(), &work)?;
    options.cancel = Some(work.cancel.clone());
    options.progress = Some(work.observer(py, "TuneProgress"));
    let Samples::Batches(batches) = options::samples(samples)? else {
        return Err(Error::unsupported("a folder of samples", "give the batches themselves").into());
    };
    let plan = py.detach(|| tune_model(&model, &batches, &options));
    report::to_python(py, &work.end(py, plan)?, intern!(py, "Plan"))
}
