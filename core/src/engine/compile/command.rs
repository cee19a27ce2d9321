//! Compiling on request: a model becomes an artifact, an artifact gets a section for this device.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactWriter, DeviceKey, model_digest};
use crate::engine::compile::admit::Folders;
use crate::engine::compile::build;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::digest::{Checked, Remembered};
use crate::engine::compile::disk::map;
use crate::engine::compile::key::device_key;
use crate::engine::compile::load::{Opened, file_name, real_path};
use crate::engine::compile::save::Scratch;
use crate::engine::compile::store::Store;
use crate::engine::runtime::{Creation, ModelFormat, ModelSource, Runtime, SessionOptions};
use crate::model::{Bytes, MemoryFiles, Model};
use crate::quantize::PrecisionReport;
use crate::{Error, ErrorKind, Result};

/// What compiling gave. Times are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// How the precision of the new section was chosen, now or when the artifact was first made, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReport>,
}

/// The original model, wherever it comes from.
enum Original {
    /// An ONNX file.
    Model(Model, Remembered),
    /// An artifact, which has the model in it, and maybe what this device's section is made of instead of that.
    Artifact(Opened, Option<Bytes>),
    /// A model in memory, whose external data lies where that of a model file would.
    Memory(Memory),
}

/// A model that was made in the program, and what it was made of.
struct Memory {
    model: Model,
    digest: String,
    /// What this device's section is made of: the model, or the form of it that was lowered to Ortlet's own operators.
    device: Bytes,
}

/// Compiles a model file.
///
/// # Errors
/// Those of [`compile`](crate::compile).
pub(in crate::engine) fn compile_file(
    path: &Path,
    target: &Path,
    options: &SessionOptions,
) -> Result<CompileReport> {
    let start = Instant::now();
    let scratch = Scratch::beside(target)?;
    let original = Original::open(path, target)?;
    let writer = original.writer(path)?;
    compile_original(path, &original, writer, target, &scratch, options, start)
}

/// Adds this device to the artifact at `path`. Its section is made of the portable model, or of the form of it that was
/// `lowered` to Ortlet's own operators.
///
/// # Errors
/// Those of [`compile`](crate::compile).
pub(in crate::engine) fn compile_artifact(
    path: &Path,
    opened: Opened,
    lowered: Option<&Model>,
    target: &Path,
    options: &SessionOptions,
) -> Result<CompileReport> {
    let start = Instant::now();
    let scratch = Scratch::beside(target)?;
    let lowered = lowered.map(Model::to_bytes).transpose()?;
    let original = Original::Artifact(opened, lowered.map(Bytes::from));
    // Taking it apart verifies its data.
    let writer = original.writer(path)?;
    compile_original(path, &original, writer, target, &scratch, options, start)
}

/// A model that was made of a file, in its portable form and maybe in one that only Ortlet runs.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Forms<'a> {
    /// What runs everywhere; the artifact's portable model.
    pub(in crate::engine) portable: &'a Model,
    /// The same with nodes of Ortlet's own operators, whose weights are packed; the artifact's section for this device
    /// is made of it. Without it, that is made of the portable one.
    pub(in crate::engine) lowered: Option<&'a Model>,
}

impl<'a> From<&'a Model> for Forms<'a> {
    fn from(portable: &'a Model) -> Self {
        Self { portable, lowered: None }
    }
}

/// Compiles a model that was made of the file at `path`, and keeps the report on how it was made.
///
/// # Errors
/// Those of [`compile`](crate::compile).
pub(in crate::engine) fn compile_model<'a>(
    path: &Path,
    model: impl Into<Forms<'a>>,
    target: &Path,
    options: &SessionOptions,
    report: serde_json::Value,
) -> Result<CompileReport> {
    let start = Instant::now();
    refuse_to_replace(path, &[], target)?;
    let scratch = Scratch::beside(target)?;
    compile_memory(path, model.into(), target, &scratch, options, report, start)
}

/// The same into a cache folder.
///
/// # Errors
/// As [`compile_model`].
pub(in crate::engine) fn compile_into<'a>(
    store: &Store,
    name: &str,
    path: &Path,
    model: impl Into<Forms<'a>>,
    options: &SessionOptions,
    report: serde_json::Value,
) -> Result<()> {
    let start = Instant::now();
    let scratch = Scratch::new(store.scratch(name))?;
    compile_memory(path, model.into(), &store.artifact(name), &scratch, options, report, start)?;
    store.touch(name);
    store.evict(options.cache_limit_bytes, name)
}

fn compile_memory(
    path: &Path,
    forms: Forms<'_>,
    target: &Path,
    scratch: &Scratch,
    options: &SessionOptions,
    report: serde_json::Value,
    start: Instant,
) -> Result<CompileReport> {
    let bytes = Bytes::from(forms.portable.to_bytes()?);
    let digest = model_digest(bytes.clone(), &Folders::of_file(path))?;
    let device = match forms.lowered {
        Some(lowered) => lowered.to_bytes()?.into(),
        None => bytes,
    };
    let original = Original::Memory(Memory { model: forms.portable.clone(), digest, device });
    let mut writer = original.writer(path)?;
    writer.report = Some(report);
    compile_original(path, &original, writer, target, scratch, options, start)
}

fn compile_original(
    path: &Path,
    original: &Original,
    mut writer: ArtifactWriter,
    target: &Path,
    scratch: &Scratch,
    options: &SessionOptions,
    start: Instant,
) -> Result<CompileReport> {
    let runtime = Runtime::load(&options.runtime)?;
    let key = device_key(runtime, original.digest(), options);
    let model_bytes = writer.model().bytes;
    let check_ns = nanoseconds(start);

    let start = Instant::now();
    original.create_and_save(path, runtime, options, scratch)?;
    let create_ns = nanoseconds(start);

    let start = Instant::now();
    original.add_device(path, &mut writer, key.clone(), scratch)?;
    let device_count = writer.devices().count();
    let file_bytes = build::store(writer, target, scratch, || original.confirm(path))?;
    let store_ns = nanoseconds(start);
    let path = target.to_owned();
    let precision = None;
    Ok(CompileReport {
        path,
        file_bytes,
        model_bytes,
        key,
        device_count,
        check_ns,
        create_ns,
        store_ns,
        precision,
    })
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
    let original = Original::Artifact(Opened::open(path, false)?, None);
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
            Self::Artifact(opened, _) => opened.artifact.to_writer(),
            Self::Memory(memory) => build::start(path, &memory.model, &memory.digest),
        }
    }

    fn digest(&self) -> &str {
        match self {
            Self::Model(_, remembered) => &remembered.digest,
            Self::Artifact(opened, _) => &opened.artifact.manifest().model.digest,
            Self::Memory(memory) => &memory.digest,
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
            // ONNX Runtime reads the weights as they stand in the artifact.
            Self::Artifact(opened, lowered) => {
                let real = real_path(path)?;
                let bytes = match lowered {
                    Some(lowered) => lowered.clone(),
                    None => opened.artifact.relocated_portable_model(&file_name(path)?)?.into(),
                };
                create(ModelSource::Bytes { bytes: &bytes, folder: real.parent() })
            }
            Self::Memory(memory) => {
                let real = real_path(path)?;
                create(ModelSource::Bytes { bytes: &memory.device, folder: real.parent() })
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
            Self::Model(..) | Self::Memory(_) => {
                build::add_device(writer, key, scratch, &Folders::of_file(path))
            }
            Self::Artifact(..) => {
                let file = (file_name(path)?, Bytes::from_owner(map(path)?));
                build::add_device(writer, key, scratch, &MemoryFiles::from_iter([file]))
            }
        }
    }

    /// Makes sure that ONNX Runtime, which opens files by their paths, has read this very model.
    fn confirm(&self, path: &Path) -> Result<()> {
        match self {
            Self::Model(_, remembered) => remembered.confirm(path),
            Self::Memory(_) => Ok(()),
            Self::Artifact(opened, _) if opened.is_still_at(path) => Ok(()),
            Self::Artifact(..) => {
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
