//! Measurements: counts and latencies of a session's runs, and where the time of a run goes.

use std::ffi::c_char;

use ortlet::metrics::openmetrics_text;
use ortlet::tensor::ValueView;
use ortlet::{Result, SessionOptions, profile};

use crate::arguments::{at, give, handle_output, options, path, reference, slice, text};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::input::{inputs, ortlet_input};
use crate::session::ortlet_session;
use crate::status::ortlet_status;

/// Counts and latencies of the session's runs since it was loaded, as JSON: `compute` and `queue` are the
/// percentiles of the times that runs computed and waited, null if there were none; `metrics` holds counts and histograms.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any, also during runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_metrics(
    session: *const ortlet_session,
    metrics_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(metrics_json, "metrics_json")?;
            let report = reference(session, "session")?.session.metrics().report();
            give(output, ortlet_buffer::json(&report)?);
            Ok(())
        })
    }
}

/// The metrics of sessions as OpenMetrics text (content type `application/openmetrics-text; version=1.0.0;
/// charset=utf-8`). `names` are the values of the label `session`, one for each.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL` and for two sessions of one name. Threads: any, also during runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_metrics_text(
    sessions: *const *const ortlet_session,
    names: *const *const c_char,
    session_count: usize,
    metrics_text: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(metrics_text, "metrics_text")?;
            let sessions = slice(sessions, session_count, "sessions")?;
            let names = slice(names, session_count, "names")?;
            let both = sessions.iter().zip(names).enumerate().map(|(index, (&session, &name))| {
                let session = at(reference(session, "session"), "sessions", index)?;
                Ok((at(text(name, "name"), "names", index)?, session.session.metrics()))
            });
            let both: Vec<_> = both.collect::<Result<_>>()?;
            let text = openmetrics_text(both.iter().map(|(name, metrics)| (*name, metrics)))?;
            give(output, ortlet_buffer::new(text));
            Ok(())
        })
    }
}

/// Runs a model with ONNX Runtime's profiling on and says where the time goes, as JSON: by operator and by node. `options`
/// are those of `ortlet_session_load`. Compare the figures with each other, not with the latency of an ordinary run.
///
/// Errors: those of loading and running the model; `ORTLET_INVALID_ARGUMENT` for a `run_count` of 0 or too many.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_profile(
    model_path: *const c_char,
    run_inputs: *const ortlet_input,
    input_count: usize,
    options_json: *const c_char,
    run_count: u64,
    profile_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(profile_json, "profile_json")?;
            let options: SessionOptions = options(options_json, "options")?;
            let inputs: Result<Vec<(&str, ValueView<'_>)>> = inputs(run_inputs, input_count)?.collect();
            let found = profile(path(model_path, "path")?, inputs?, &options, run_count)?;
            give(output, ortlet_buffer::json(&found)?);
            Ok(())
        })
    }
}
