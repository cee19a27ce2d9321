//! Loading: the model as it is, or as the choice of precision makes it.

use std::path::Path;
use std::time::Instant;

use super::options::PrecisionOptions;
use super::{PrecisionChoice, Source, choose, choose_for_file, report, stored};
use crate::engine::compile::admit::{Folders, folder_of, is_ort_format};
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::disk::map;
use crate::engine::compile::load::is_artifact;
use crate::engine::runtime::{Precision, SessionOptions};
use crate::engine::session::{Session, load_as_is, title};
use crate::error::ResultExt;
use crate::model::Model;
use crate::{Error, Result};

impl Session {
    /// A session of a model file in ONNX or ORT format, or of an artifact that [`compile`](crate::compile) made.
    /// External data is read from the file's folder.
    ///
    /// With a [`cache`](SessionOptions::cache), the first load of an ONNX model compiles it and every later one, in
    /// this process or another, maps what was compiled. Trouble with the cache never makes a load fail; it is told in
    /// the [`report`](Session::report).
    ///
    /// With `threads: auto`, a plan that [`tune`](crate::tune) has stored for this model, these options and this device,
    /// in the cache folder or in the artifact, is followed; see [`SessionOptions::use_plan`].
    ///
    /// With [`precision`](SessionOptions::precision) `auto`, the first load measures which numbers are fastest within the
    /// accuracy asked for, which takes long, and keeps the choice in the cache folder, where later loads with the same
    /// options and samples find it at once. Without a cache, every load measures. The report tells what was chosen; see
    /// [`choose_precision`](crate::choose_precision). An artifact has the precision that it was compiled with.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, `invalid_model` or `limit_exceeded` for a
    /// damaged or hostile one, `integrity` for a damaged artifact, `unsupported` for what this ONNX Runtime cannot
    /// run, `runtime_not_found`, `runtime_incompatible` and `runtime_failed` from the engine, `invalid_argument` and
    /// `not_found` for options, and those of [`choose_precision`](crate::choose_precision).
    pub fn load(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Self> {
        Self::load_with(path, &whole(options))
    }

    /// As [`load`](Self::load), with a say in how a precision is chosen: for how long, with what seed, and who is told.
    ///
    /// # Errors
    /// As [`load`](Self::load); `cancelled`.
    pub fn load_with(path: impl AsRef<Path>, options: &PrecisionOptions) -> Result<Self> {
        let path = path.as_ref();
        load(path, options).with_context(|| title(path))
    }

    /// A session of a model in memory, in ONNX or ORT format. There is no cache for these.
    ///
    /// # Errors
    /// As [`Session::load`]; `not_found` also if the model has external data and
    /// [`external_data_folder`](SessionOptions::external_data_folder) is not set.
    pub fn from_bytes(bytes: &[u8], options: &SessionOptions) -> Result<Self> {
        Self::from_bytes_with(bytes, &whole(options))
    }

    /// As [`from_bytes`](Self::from_bytes), with a say in how a precision is chosen.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes); `cancelled`.
    pub fn from_bytes_with(bytes: &[u8], options: &PrecisionOptions) -> Result<Self> {
        let session = &options.session;
        match session.wanted_precision() {
            Precision::Original => Self::of_bytes(bytes, session),
            // It is optimised already.
            _ if session.precision == Precision::Original && is_ort_format(bytes) => {
                Self::of_bytes(bytes, session)
            }
            _ => Self::from_model_with(&Model::parse(bytes.to_vec())?, options),
        }
    }

    /// A session of a model that was opened, made or changed in the program.
    ///
    /// # Errors
    /// As [`Session::from_bytes`].
    pub fn from_model(model: &Model, options: &SessionOptions) -> Result<Self> {
        Self::from_model_with(model, &whole(options))
    }

    /// As [`from_model`](Self::from_model), with a say in how a precision is chosen.
    ///
    /// # Errors
    /// As [`from_model`](Self::from_model); `cancelled`.
    pub fn from_model_with(model: &Model, options: &PrecisionOptions) -> Result<Self> {
        let session = &options.session;
        if session.wanted_precision() == Precision::Original {
            return Self::of_model(model, session);
        }
        let folder = session.external_data_folder.clone();
        let external = Folders::named(folder.as_deref());
        let choice = choose(&Source { model, external: &external, folder }, options)?;
        of_choice(choice, session)
    }
}

fn load(path: &Path, options: &PrecisionOptions) -> Result<Session> {
    let session = &options.session;
    if session.wanted_precision() == Precision::Original {
        return load_as_is(path, session);
    }
    let file = map(path)?;
    if session.precision == Precision::Original && (is_artifact(&file) || is_ort_format(&file)) {
        // Results may be inexact, but need not be.
        return load_as_is(path, session);
    }
    if is_artifact(&file) {
        return of_artifact(path, session);
    }
    match session.cache.folder() {
        // Nobody can tell whether a function is the same as the last time.
        Some(_) if session.accuracy.measure.is_some() => {
            let reason = "not cached: the accuracy is judged by a function of the program";
            Ok(chosen(path, options)?.with_report(|report| report.warnings.push(reason.to_owned())))
        }
        Some(folder) => stored::load(path, &folder, options),
        None => chosen(path, options),
    }
}

/// An artifact that was compiled with a precision; it is not chosen again.
fn of_artifact(path: &Path, options: &SessionOptions) -> Result<Session> {
    let session = load_as_is(path, &as_original(options))?;
    if session.report().precision.is_none() {
        let what = format!("precision `{}` of a compiled model", report::precision_name(options.precision));
        let reason = "it was compiled without; compile the ONNX model with this precision";
        return Err(Error::unsupported(what, reason));
    }
    Ok(session)
}

fn chosen(path: &Path, options: &PrecisionOptions) -> Result<Session> {
    let choice = choose_for_file(path, options)?;
    of_choice_for_file(path, choice, &options.session)
}

/// The session of a choice that was made for a model file.
///
/// # Errors
/// Those of [`Session::load`].
pub(super) fn of_choice_for_file(
    path: &Path,
    choice: PrecisionChoice,
    options: &SessionOptions,
) -> Result<Session> {
    let folder = folder_of(path).to_owned();
    of_choice(choice, &SessionOptions { external_data_folder: Some(folder), ..options.clone() })
}

fn of_choice(choice: PrecisionChoice, options: &SessionOptions) -> Result<Session> {
    let start = Instant::now();
    let session = Session::of_model(&choice.model, &as_original(options))?;
    Ok(session.with_report(|report| {
        report.precision = Some(choice.report);
        report.phases.total_ns = nanoseconds(start);
    }))
}

/// Options for a session of what was chosen.
pub(super) fn as_original(options: &SessionOptions) -> SessionOptions {
    SessionOptions { precision: Precision::Original, exact: true, ..options.clone() }
}

/// What a load asks of the choice.
pub(super) fn whole(options: &SessionOptions) -> PrecisionOptions {
    PrecisionOptions { session: options.clone(), ..PrecisionOptions::default() }
}
