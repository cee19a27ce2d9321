//! Compiling: the model as it is, or as the choice of precision makes it.

use std::path::Path;

use super::options::PrecisionOptions;
use super::session::{as_original, whole};
use super::{PrecisionChoice, Source, choose_for_file, kernels, report};
use crate::engine::compile::admit::{Folders, folder_of};
use crate::engine::compile::blobs::has_own_operators;
use crate::engine::compile::disk::map;
use crate::engine::compile::load::{Opened, file_name, is_artifact, real_path};
use crate::engine::compile::{CompileReport, Forms, compile_artifact, compile_file, compile_model};
use crate::engine::runtime::{Precision, SessionOptions};
use crate::error::ResultExt;
use crate::model::{Bytes, Model};
use crate::quantize::PrecisionReport;
use crate::{Error, Result};

/// Compiles a model for this device and keeps it in an artifact, one file that [`Session::load`] takes.
///
/// `model` is an ONNX file, or an artifact that gets a section for this device added to those it has (or replaced,
/// if it has one for the same). The options that shape the graph (`providers`, `dims`, `optimization_level`,
/// `config`) have to be the same when the artifact is loaded, or its portable model is used. `artifact` is written
/// aside and renamed, so that nobody ever sees half of it; it may be the same path as `model` if that is an artifact.
///
/// With [`precision`](SessionOptions::precision), the artifact holds the model that was chosen, and the report on the
/// choice; see [`choose_precision`](crate::choose_precision). A section that is added to such an artifact has the same
/// blocks in Ortlet's kernels, with the same weights, if they do on this device what they should; else it is one of the
/// original, and there is no [`precision`](CompileReport::precision) in the result.
///
/// # Errors
/// Those of loading the model, `unsupported` for models in ORT format, `invalid_argument` if the artifact would
/// replace the model, those of [`choose_precision`](crate::choose_precision), `integrity` if the model changes meanwhile, and `io` if the artifact cannot be written.
///
/// [`Session::load`]: crate::Session::load
///
/// # Examples
/// ```no_run
/// use ortlet::{Session, SessionOptions};
///
/// let options = SessionOptions::default();
/// let report = ortlet::compile("model.onnx", "model.ortlet", &options)?;
/// println!("{} bytes", report.file_bytes);
/// let session = Session::load("model.ortlet", &options)?;
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn compile(
    model: impl AsRef<Path>,
    artifact: impl AsRef<Path>,
    options: &SessionOptions,
) -> Result<CompileReport> {
    compile_with(model, artifact, &whole(options))
}

/// As [`compile`], with a say in how the precision is chosen: for how long, with what seed, and who is told.
///
/// # Errors
/// As [`compile`]; `cancelled`.
pub fn compile_with(
    model: impl AsRef<Path>,
    artifact: impl AsRef<Path>,
    options: &PrecisionOptions,
) -> Result<CompileReport> {
    let (model, artifact) = (model.as_ref(), artifact.as_ref());
    compile_to(model, artifact, options).with_context(|| format!("compile `{}`", model.display()))
}

/// The original, if the choice needs Ortlet, so that something runs everywhere.
///
/// # Errors
/// Those of reading it.
pub(super) fn portable_original(path: &Path, choice: &PrecisionChoice) -> Result<Option<Model>> {
    choice.report.needs_ortlet.then(|| Model::parse(Bytes::from_owner(map(path)?))).transpose()
}

/// What of a choice goes into an artifact; `original` is what [`portable_original`] gave.
pub(super) fn forms<'a>(choice: &'a PrecisionChoice, original: Option<&'a Model>) -> Forms<'a> {
    match original {
        Some(portable) => Forms { portable, lowered: Some(&choice.model) },
        None => Forms { portable: &choice.model, lowered: None },
    }
}

fn compile_to(path: &Path, artifact: &Path, options: &PrecisionOptions) -> Result<CompileReport> {
    let session = &options.session;
    let wanted = session.wanted_precision();
    if is_artifact(&map(path)?) {
        if session.precision == Precision::Original {
            // Results may be inexact, but need not be.
            return compile_again(path, artifact, options);
        }
        let what = format!("precision `{}` of a compiled model", report::precision_name(wanted));
        return Err(Error::unsupported(what, "compile the ONNX model with this precision"));
    }
    if wanted == Precision::Original {
        return compile_file(path, artifact, session);
    }
    let choice = choose_for_file(path, options)?;
    let json = report::to_json(&choice.report)?;
    let original = portable_original(path, &choice)?;
    let forms = forms(&choice, original.as_ref());
    let compiled = compile_model(path, forms, artifact, &as_original(session), json)?;
    Ok(CompileReport { precision: Some(choice.report), ..compiled })
}

/// Adds this device to an artifact: with Ortlet's kernels if it was compiled with them and they do here what they should,
/// else with the original.
fn compile_again(path: &Path, target: &Path, options: &PrecisionOptions) -> Result<CompileReport> {
    let opened = Opened::open(path, false)?;
    let lowered = lowered_again(path, &opened, options)?;
    let model = lowered.as_ref().map(|(model, _)| model);
    let compiled = compile_artifact(path, opened, model, target, &as_original(&options.session))?;
    Ok(CompileReport { precision: lowered.map(|(_, report)| report), ..compiled })
}

/// The model of an artifact with the blocks in Ortlet's kernels that one of its sections has, and the report on them.
fn lowered_again(
    path: &Path,
    opened: &Opened,
    options: &PrecisionOptions,
) -> Result<Option<(Model, PrecisionReport)>> {
    let (artifact, path) = (&opened.artifact, real_path(path)?);
    let report = artifact.manifest().report.clone();
    let report = report.and_then(|json| serde_json::from_value::<PrecisionReport>(json).ok());
    let Some(report) = report.filter(|report| report.needs_ortlet) else { return Ok(None) };
    let name = file_name(&path)?;
    let sections = 0..artifact.manifest().devices.len();
    let mut models = sections.map(|index| artifact.relocated_device(index, &name));
    let Some(packed) = models.find(|model| model.as_ref().map_or(true, has_own_operators)).transpose()?
    else {
        return Ok(None);
    };
    let (model, external) = (artifact.portable_to_change(&name)?, Folders::of_file(&path));
    let source = Source { model: &model, external: &external, folder: Some(folder_of(&path).to_owned()) };
    let lowered = kernels::again(&source, &report, &packed, options)?;
    Ok(lowered.map(|model| (model, report)))
}
