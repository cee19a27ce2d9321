//! `ortlet.cache_entries` and `ortlet.cache_clear`: compiled models and plans that are kept.

use ortlet::Cache;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Outcome;
use crate::{options, report};

/// The compiled models and plans in a cache folder. `cache` is what a session's option of that name may be.
#[pyfunction]
#[pyo3(signature = (cache=None))]
pub(crate) fn cache_entries<'py>(
    py: Python<'py>,
    cache: Option<&Bound<'py, PyAny>>,
) -> Outcome<Vec<Bound<'py, PyAny>>> {
    let cache = named(py, cache)?;
    report::list_to_python(py, &py.detach(|| cache.entries())?, intern!(py, "CacheEntry"))
}

/// Removes every compiled model and plan from a cache folder, and nothing else; gives what was removed.
#[pyfunction]
#[pyo3(signature = (cache=None))]
pub(crate) fn cache_clear<'py>(
    py: Python<'py>,
    cache: Option<&Bound<'py, PyAny>>,
) -> Outcome<Vec<Bound<'py, PyAny>>> {
    let cache = named(py, cache)?;
    report::list_to_python(py, &py.detach(|| cache.clear())?, intern!(py, "CacheEntry"))
}

fn named(py: Python<'_>, cache: Option<&Bound<'_, PyAny>>) -> Outcome<Cache> {
    let options = PyDict::new(py);
    options.set_item(intern!(py, "cache"), cache)?;
    let session: ortlet::SessionOptions = options::read(Some(&options), "cache")?;
    Ok(session.cache)
}
