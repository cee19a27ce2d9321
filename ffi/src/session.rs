//! Sessions: models that are ready to run.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use ortlet::tensor::ValueInfo;
use ortlet::{Error, PrecisionOptions, Result, Session, SessionOptions};

use crate::arguments::{exclusive, give, handle_output, options, path, reference, slice};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::hooks::ortlet_hooks;
use crate::model::ortlet_model;
use crate::status::ortlet_status;
use crate::value_info::{Declared, c_string, ortlet_value_info};

/// A model that is ready to run. Owned by whoever loaded it; freed by `ortlet_session_free`. Any number of threads may
/// run it at once. Outputs, binders, bindings and runs under way go on when it is freed.
pub struct ortlet_session {
    pub(crate) session: Session,
    inputs: Vec<Declared>,
    outputs: Vec<Declared>,
    initializers: Vec<Declared>,
    pub(crate) output_names: Arc<[CString]>,
}

impl ortlet_session {
    fn new(session: Session) -> Self {
        let declared = |infos: &[ValueInfo]| infos.iter().map(Declared::new).collect();
        Self {
            inputs: declared(session.inputs()),
            outputs: declared(session.outputs()),
            initializers: declared(session.overridable_initializers()),
            output_names: session.outputs().iter().map(|info| c_string(&info.name)).collect(),
            session,
        }
    }
}

/// Loads a model file (ONNX, ORT format, or an artifact that `ortlet_compile` made).
///
/// `options` is a JSON object or `NULL`: see SESSION OPTIONS above. An unknown key is an error that names it. With a
/// `precision` that has to be measured, this takes long; `ortlet_session_load_with` tells how it goes.
///
/// Errors: those of the file, the model, the options and ONNX Runtime. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_load(
    model_path: *const c_char,
    options_json: *const c_char,
    session: *mut *mut ortlet_session,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let session = handle_output(session, "session")?;
            let options: SessionOptions = options(options_json, "options")?;
            let loaded = Session::load(path(model_path, "path")?, &options)?;
            give(session, ortlet_session::new(loaded));
            Ok(())
        })
    }
}

/// As `ortlet_session_load`, with a say in how a precision is chosen. `options` is a JSON object or `NULL`: `session`
/// holds the session's options, `time_limit_ms` and `seed` are for the choice. `hooks` may be `NULL`; samples and a
/// measure that they have take the place of the options'.
///
/// Errors: as `ortlet_session_load`; `ORTLET_CANCELLED`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_load_with(
    model_path: *const c_char,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    session: *mut *mut ortlet_session,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let session = handle_output(session, "session")?;
            let mut options: PrecisionOptions = options(options_json, "options")?;
            ortlet_hooks::add_to_precision(hooks, &mut options)?;
            let loaded = Session::load_with(path(model_path, "path")?, &options)?;
            give(session, ortlet_session::new(loaded));
            Ok(())
        })
    }
}

/// A session of a model in memory, in ONNX or ORT format. The bytes are not needed afterwards. External data is read
/// from `external_data_folder` of the options. There is no cache for these.
///
/// Errors: as `ortlet_session_load`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_from_bytes(
    data: *const u8,
    size_bytes: usize,
    options_json: *const c_char,
    session: *mut *mut ortlet_session,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let session = handle_output(session, "session")?;
            let options: SessionOptions = options(options_json, "options")?;
            let loaded = Session::from_bytes(slice(data, size_bytes, "data")?, &options)?;
            give(session, ortlet_session::new(loaded));
            Ok(())
        })
    }
}

/// A session of a model that was opened or made by Ortlet. `options` and `hooks` are those of
/// `ortlet_session_load_with`. The model is not needed afterwards.
///
/// Errors: as `ortlet_session_load_with`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_from_model(
    model: *const ortlet_model,
    options_json: *const c_char,
    hooks: *const ortlet_hooks,
    session: *mut *mut ortlet_session,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let session = handle_output(session, "session")?;
            let model = reference(model, "model")?;
            let mut options: PrecisionOptions = options(options_json, "options")?;
            ortlet_hooks::add_to_precision(hooks, &mut options)?;
            model.add_folder(&mut options.session);
            let loaded = Session::from_model_with(&model.model, &options)?;
            give(session, ortlet_session::new(loaded));
            Ok(())
        })
    }
}

/// How many inputs a run needs; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_input_count(session: *const ortlet_session) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { session.as_ref() }.map_or(0, |session| session.inputs.len())
}

/// How many outputs there are; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_output_count(session: *const ortlet_session) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { session.as_ref() }.map_or(0, |session| session.outputs.len())
}

/// How many initializers a run may replace by giving an input of that name; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_overridable_initializer_count(
    session: *const ortlet_session,
) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { session.as_ref() }.map_or(0, |session| session.initializers.len())
}

/// The input of this number, from 0. What `info` gets belongs to the session.
///
/// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_input(
    session: *const ortlet_session,
    index: usize,
    info: *mut ortlet_value_info,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || lend(&reference(session, "session")?.inputs, "input", index, info)) }
}

/// The output of this number, from 0. What `info` gets belongs to the session.
///
/// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_output(
    session: *const ortlet_session,
    index: usize,
    info: *mut ortlet_value_info,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || lend(&reference(session, "session")?.outputs, "output", index, info)) }
}

/// The initializer of this number, from 0. What `info` gets belongs to the session.
///
/// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_overridable_initializer(
    session: *const ortlet_session,
    index: usize,
    info: *mut ortlet_value_info,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || lend(&reference(session, "session")?.initializers, "initializer", index, info)) }
}

/// How the session came to be, as JSON: where it came from, where the time went, what memory it takes, the plan it
/// follows, what became of the precision.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_report(
    session: *const ortlet_session,
    report_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let json = handle_output(report_json, "report_json")?;
            give(json, ortlet_buffer::json(&reference(session, "session")?.session.report())?);
            Ok(())
        })
    }
}

/// Frees a session. What came from it stays valid: outputs, binders, bindings. Runs under way on other threads end as if
/// nothing happened. Does nothing with `NULL`.
///
/// Threads: any, once, and not while another thread is about to call a function with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_session_free(session: *mut ortlet_session) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(session) };
}

unsafe fn lend(declared: &[Declared], what: &str, index: usize, info: *mut ortlet_value_info) -> Result<()> {
    let found = declared.get(index).ok_or_else(|| Error::not_found(what, index.to_string(), [""; 0]))?;
    // SAFETY: as the caller's.
    *unsafe { exclusive(info, "info") }? = found.lent();
    Ok(())
}
