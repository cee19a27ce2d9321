//! `ortlet quantize`: a smaller or faster model, by one mode or as a choice by measurement, and what became of each layer.

mod choose;
mod mode;

use std::fs;
use std::path::{Path, PathBuf};

use ortlet::model::{Model, StringStringEntryProto, TensorProto};
use ortlet::{Error, Precision, Result};
use serde::Serialize;

use crate::args::QuantizeArgs;
use crate::files::check_writable;

/// Where the model's own metadata tells how it was made.
pub const METADATA_KEY: &str = "ortlet.quantize";

/// Runs the command.
///
/// # Errors
/// Of reading and quantizing the model, and of writing the result.
pub fn run(args: &QuantizeArgs, as_json: bool) -> Result<()> {
    match args.precision.precision {
        None => mode::run(args, args.mode, as_json),
        Some(Precision::Original) => {
            Err(Error::invalid_argument("precision", "`original` leaves nothing to quantize"))
        }
        Some(Precision::Auto) => choose::run(args, "auto.onnx", as_json),
        Some(Precision::Kernels(precision)) => {
            choose::run(args, &format!("{}.onnx", precision.name()), as_json)
        }
        Some(Precision::Mode(mode)) => choose::run(args, mode::extension(mode), as_json),
    }
}

/// Where the result goes: to the file that was asked for, or beside the model.
///
/// # Errors
/// `invalid_argument` if that is the model itself, `io` if nothing can be written there.
fn target(args: &QuantizeArgs, extension: &str) -> Result<PathBuf> {
    let target = args.output.clone().unwrap_or_else(|| args.model.with_extension(extension));
    if same_file(&args.model, &target) {
        return Err(Error::invalid_argument("output", "it is the model itself, which is never overwritten"));
    }
    if args.model.exists() {
        check_writable(&target)?;
    }
    Ok(target)
}

/// Whether the output is the model, under whatever name.
fn same_file(model: &Path, target: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(model).is_some_and(|model| real(target) == Some(model))
}

/// How a model was made, as it says itself.
#[derive(Serialize)]
struct Origin<'a> {
    precision: &'a str,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<&'a ortlet::AccuracyFigures>,
    ortlet_version: &'static str,
}

/// Writes a model that was made of another one.
///
/// # Errors
/// `invalid_argument` if it would lose its external data, `io` if it cannot be written.
fn write(mut quantized: Model, model: &Path, target: &Path, origin: &Origin) -> Result<()> {
    check_external(&quantized, model, target)?;
    let text = serde_json::to_string(origin).map_err(|error| Error::internal(error.to_string()))?;
    quantized.metadata_props.retain(|entry| entry.key() != METADATA_KEY);
    let (key, value) = (Some(METADATA_KEY.to_owned()), Some(text));
    quantized.metadata_props.push(StringStringEntryProto { key, value, ..Default::default() });
    quantized.save(target)
}

/// External data that is left is found from the folder of the model, so the new model has to be there too.
fn check_external(quantized: &Model, model: &Path, target: &Path) -> Result<()> {
    let folder = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()
    };
    if folder(model) == folder(target) || !quantized.tensors().any(TensorProto::is_external) {
        return Ok(());
    }
    let reason =
        "the model keeps tensors in other files; the output has to be in the same folder as the model";
    Err(Error::invalid_argument("output", reason))
}
