//! Compiling on request: a model becomes an artifact, an artifact gets a section for this device.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactWriter, DeviceKey};
use crate::engine::compile::admit::Folders;
use crate::engine::compile::build;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::digest::{Checked, Remembered};
use crate::engine::compile::disk::map;
use crate::engine::compile::key::device_key;
use crate::engine::compile::load::{Opened, file_name, is_artifact, real_path};
use crate::engine::compile::save::Scratch;
use crate::engine::runtime::{Creation, ModelFormat, ModelSource, Runtime, SessionOptions};
use crate::error::ResultExt;
use crate::model::{Bytes, MemoryFiles, Model};
use crate::{Error, ErrorKind, Result};

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
enum Original {
    /// An ONNX file.
    Model(Model, Remembered),
    /// An artifact, which has the model in it.
    Artifact(Opened),
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
/// replace the model, `integrity` if the model changes meanwhile, and `io` if the artifact cannot be written.
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
    let (start, runtime) = (Instant::now(), Runtime::load(&options.runtime)?);
    let scratch = Scratch::beside(target)?;
    let original = Original::open(path, target)?;
    let mut writer = original.writer(path)?;
    let key = device_key(runtime, original.digest(), options);
    let model_bytes = writer.model().bytes;
    let check_ns = nanoseconds(start);

    let start = Instant::now();
    original.create_and_save(path, runtime, options, &scratch)?;
    let create_ns = nanoseconds(start);

    let start = Instant::now();
    original.add_device(path, &mut writer, key.clone(), &scratch)?;
    let device_count = writer.devices().count();
    let file_bytes = build::store(writer, target, &scratch, || original.confirm(path))?;
    let store_ns = nanoseconds(start);
    let path = target.to_owned();
    Ok(CompileReport { path, file_bytes, model_bytes, key, device_count, check_ns, create_ns, store_ns })
}

/// The most plans that an artifact keeps; older ones go first.
const MAX_PLAN_COUNT: usize = 28;

/// Puts a plan into an artifact, in the place of those that it `replaces`. If the artifact has no section for the graph
/// that `options`, those of the plan, lead to, it gets one, so that following the plan starts fast.
///
/// # Errors
/// Those of reading the artifact, and `io` if it cannot be written.
pub(super) fn add_plan(
    path: &Path,
    options: &SessionOptions,
    plan: serde_json::Value,
    replaces: impl Fn(&serde_json::Value) -> bool,
) -> Result<()> {
    let runtime = Runtime::load(&options.runtime)?;
    let path = &real_path(path)?;
    let scratch = Scratch::beside(path)?;
    let original = Original::Artifact(Opened::open(path, false)?);
    let mut writer = original.writer(path)?;
    let key = device_key(runtime, original.digest(), options);
    // A graph that cannot be saved, as with some execution providers, is optimised at each load.
    if !writer.devices().any(|device| device.mismatch(&key).is_none())
        && original.create_and_save(path, runtime, options, &scratch).is_ok()
    {
        original.add_device(path, &mut writer, key, &scratch)?;
    }
    writer.plans.retain(|other| !replaces(other));
    writer.plans.push(plan);
    let surplus = writer.plans.len().saturating_sub(MAX_PLAN_COUNT);
    writer.plans.drain(..surplus);
    build::store(writer, path, &scratch, || original.confirm(path)).map(drop)
}

impl Original {
    fn open(path: &Path, target: &Path) -> Result<Self> {
        if is_artifact(&map(path)?) {
            // Taking it apart verifies its data.
            return Ok(Self::Artifact(Opened::open(path, false)?));
        }
        let checked = Checked::open(path)?;
        refuse_to_replace(path, &checked.external_files, target)?;
        if checked.format == ModelFormat::Ort {
            let reason = "it is optimised already; compile the ONNX model that it was made from";
            return Err(Error::unsupported("compiling of a model in ORT format", reason));
        }
        Ok(Self::Model(Model::parse(checked.bytes.clone())?, checked.digest()?))
    }

    fn writer(&self, path: &Path) -> Result<ArtifactWriter> {
        match self {
            Self::Model(model, remembered) => build::start(path, model, &remembered.digest),
            Self::Artifact(opened) => opened.artifact.to_writer(),
        }
    }

    fn digest(&self) -> &str {
        match self {
            Self::Model(_, remembered) => &remembered.digest,
            Self::Artifact(opened) => &opened.artifact.manifest().model.digest,
        }
    }

    fn create_and_save(
        &self,
        path: &Path,
        runtime: &'static Runtime,
        options: &SessionOptions,
        scratch: &Scratch,
    ) -> Result<()> {
        let create = |source| {
            let creation = Creation::plain(source, ModelFormat::Onnx, options);
            build::create_and_save(runtime, &creation, scratch).map(drop)
        };
        match self {
            Self::Model(..) => create(ModelSource::File(path)),
            // ONNX Runtime reads the portable model as it stands in the artifact.
            Self::Artifact(opened) => {
                let real = real_path(path)?;
                let bytes = opened.artifact.relocated_portable_model(&file_name(path)?)?;
                create(ModelSource::Bytes { bytes: &bytes, folder: real.parent() })
            }
        }
    }

    fn add_device(
        &self,
        path: &Path,
        writer: &mut ArtifactWriter,
        key: DeviceKey,
        scratch: &Scratch,
    ) -> Result<()> {
        match self {
            Self::Model(..) => build::add_device(writer, key, scratch, &Folders::of_file(path)),
            Self::Artifact(_) => {
                let file = (file_name(path)?, Bytes::from_owner(map(path)?));
                build::add_device(writer, key, scratch, &MemoryFiles::from_iter([file]))
            }
        }
    }

    /// Makes sure that ONNX Runtime, which opens files by their paths, has read this very model.
    fn confirm(&self, path: &Path) -> Result<()> {
        match self {
            Self::Model(_, remembered) => remembered.confirm(path),
            Self::Artifact(opened) if opened.is_still_at(path) => Ok(()),
            Self::Artifact(_) => {
                let reason = "was replaced while it was being compiled".to_owned();
                Err(ErrorKind::Integrity { what: path.display().to_string(), reason }.into())
            }
        }
    }
}

/// An artifact takes the place of a file of its name; that must not be the model or its data.
fn refuse_to_replace(path: &Path, external_files: &[PathBuf], target: &Path) -> Result<()> {
    let Ok(target) = fs::canonicalize(target) else { return Ok(()) };
    let is_target = |path: &Path| fs::canonicalize(path).is_ok_and(|path| path == target);
    if is_target(path) || external_files.iter().any(|path| is_target(path)) {
        let reason = format!("`{}` belongs to the model; choose another name", target.display());
        return Err(Error::invalid_argument("artifact", reason));
    }
    Ok(())
}
