//! Compiling on request: a model becomes an artifact, an artifact gets a section for this device.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactWriter, DeviceKey, model_digest};
use crate::engine::compile::admit::{self, Admitted, Folders};
use crate::engine::compile::build;
use crate::engine::compile::disk::{io_error, map};
use crate::engine::compile::key::device_key;
use crate::engine::compile::load::{Opened, is_artifact, nanoseconds};
use crate::engine::compile::save::Scratch;
use crate::engine::runtime::{Creation, ModelFormat, ModelSource, Runtime, SessionOptions};
use crate::error::ResultExt;
use crate::model::{Bytes, Model};
use crate::{Error, Result};

/// What compiling gave. Times are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileReport {
    /// The artifact's file.
    pub path: PathBuf,
    /// Its size.
    pub file_bytes: u64,
    /// Size of the model and its external data.
    pub model_bytes: u64,
    /// What the new section was made for.
    pub key: DeviceKey,
    /// Devices that the artifact now has sections for.
    pub device_count: usize,
    /// Reading, checking and digesting the model.
    pub check_ns: u64,
    /// Optimising it and packing its weights.
    pub create_ns: u64,
    /// Writing the artifact.
    pub store_ns: u64,
}

/// The original model, wherever it comes from.
struct Original {
    writer: ArtifactWriter,
    digest: String,
    model_bytes: u64,
}

/// Compiles a model for this device and keeps it in an artifact, one file that [`Session::load`] takes.
///
/// `model` is an ONNX file, or an artifact that gets a section for this device added to those it has (or replaced,
/// if it has one for the same). The options that shape the graph (`providers`, `dims`, `optimization_level`,
/// `config`) have to be the same when the artifact is loaded, or its portable model is used. `artifact` is written
/// aside and renamed, so that nobody ever sees half of it; it may be the same path as `model` if that is an artifact.
///
/// # Errors
/// Those of loading the model, `unsupported` for models in ORT format, `invalid_argument` if the artifact would
/// replace the model, and `io` if it cannot be written.
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
    let (model, artifact) = (model.as_ref(), artifact.as_ref());
    compile_file(model, artifact, options).with_context(|| format!("compile `{}`", model.display()))
}

fn compile_file(path: &Path, target: &Path, options: &SessionOptions) -> Result<CompileReport> {
    let runtime = Runtime::load(&options.runtime)?;
    let (start, bytes) = (Instant::now(), Bytes::from_owner(map(path)?));
    let scratch = Scratch::beside(target)?;
    let from_artifact = is_artifact(&bytes);
    let Original { mut writer, digest, model_bytes } =
        if from_artifact { of_artifact(path)? } else { of_model(path, bytes, target)? };
    let key = device_key(runtime, &digest, options);
    let check_ns = nanoseconds(start);

    let start = Instant::now();
    if from_artifact {
        // ONNX Runtime reads the portable model as it stands in the artifact.
        let opened = Opened::open(path, options.verify)?;
        let real = fs::canonicalize(path).map_err(|error| io_error("read", path, &error))?;
        let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let bytes = opened.artifact.relocated_portable_model(name)?;
        let source = ModelSource::Bytes { bytes: &bytes, folder: real.parent() };
        build::create_and_save(runtime, &Creation::plain(source, ModelFormat::Onnx, options), &scratch)?;
    } else {
        let creation = Creation::plain(ModelSource::File(path), ModelFormat::Onnx, options);
        build::create_and_save(runtime, &creation, &scratch)?;
    }
    let create_ns = nanoseconds(start);

    let start = Instant::now();
    build::add_device(&mut writer, key.clone(), &scratch)?;
    let device_count = writer.devices().count();
    let file_bytes = build::store(writer, target, &scratch)?;
    let store_ns = nanoseconds(start);
    let path = target.to_owned();
    Ok(CompileReport { path, file_bytes, model_bytes, key, device_count, check_ns, create_ns, store_ns })
}

fn of_model(path: &Path, bytes: Bytes, target: &Path) -> Result<Original> {
    let folders = Folders::of_file(path);
    let admitted = admit::bytes(&bytes, &folders)?;
    refuse_to_replace(path, &admitted, target)?;
    if admitted.format == ModelFormat::Ort {
        let reason = "it is optimised already; compile the ONNX model that it was made from";
        return Err(Error::unsupported("compiling of a model in ORT format", reason));
    }
    let digest = model_digest(bytes.clone(), &folders)?;
    let model = Model::parse(bytes)?;
    let model_bytes = model.report().total_bytes;
    Ok(Original { writer: build::start(path, &model, &digest)?, digest, model_bytes })
}

/// An artifact takes the place of a file of its name; that must not be the model or its data.
fn refuse_to_replace(path: &Path, admitted: &Admitted, target: &Path) -> Result<()> {
    let Ok(target) = fs::canonicalize(target) else { return Ok(()) };
    let is_target = |path: &Path| fs::canonicalize(path).is_ok_and(|path| path == target);
    if is_target(path) || admitted.external_files.iter().any(|path| is_target(path)) {
        let reason = format!("`{}` belongs to the model; choose another name", target.display());
        return Err(Error::invalid_argument("artifact", reason));
    }
    Ok(())
}

fn of_artifact(path: &Path) -> Result<Original> {
    let opened = Opened::open(path, true)?;
    let about = &opened.artifact.manifest().model;
    Ok(Original {
        writer: opened.artifact.to_writer()?,
        digest: about.digest.clone(),
        model_bytes: about.bytes,
    })
}
