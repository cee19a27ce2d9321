//! `ortlet.metrics_text`: the metrics of sessions for a monitoring system.

use ortlet::Error;
use ortlet::metrics::openmetrics_text;
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::errors::Outcome;
use crate::session::PySession;

/// The metrics of sessions, by names that become the label `session`, as OpenMetrics text.
#[pyfunction]
pub(crate) fn metrics_text(sessions: &Bound<'_, PyMapping>) -> Outcome<String> {
    let mut metrics = Vec::new();
    for item in sessions.items()?.iter() {
        let (name, session): (String, Bound<'_, PyAny>) = item.extract()?;
        let session = session.cast::<PySession>()?.get().session();
        let session = session.map_err(|error: Error| error.context(format!("session `{name}`")))?;
        metrics.push((name, session.metrics()));
    }
    Ok(openmetrics_text(metrics.iter().map(|(name, metrics)| (name.as_str(), metrics)))?)
}
