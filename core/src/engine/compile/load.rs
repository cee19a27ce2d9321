//! From an artifact to a session: its device section where the key fits, else its portable model.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use memmap2::Mmap;

use crate::artifact::Artifact;
use crate::engine::compile::blobs::has_own_operators;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::disk::{inode, io_error};
use crate::engine::compile::key::device_key;
use crate::engine::compile::plan::{Chosen, PlanReport};
use crate::engine::runtime::{Creation, ModelFormat, ModelSource, RawSession, Runtime, SessionOptions};
use crate::model::{Bytes, Model};
use crate::{Error, ErrorKind, Result};

/// A session made of an artifact, and how.
pub(in crate::engine) struct Loaded {
    pub(in crate::engine) raw: RawSession,
    /// Why the portable model was used, if it was.
    pub(in crate::engine) portable_reason: Option<String>,
    pub(in crate::engine) mapped_bytes: u64,
    pub(in crate::engine) map_ns: u64,
    pub(in crate::engine) create_ns: u64,
    /// The options that it was made with: the caller's, or those of a plan.
    pub(in crate::engine) options: Box<SessionOptions>,
    /// The plan that it follows.
    pub(in crate::engine) plan: Option<PlanReport>,
    pub(in crate::engine) warnings: Vec<String>,
    /// What the artifact tells of how its model was changed.
    pub(in crate::engine) change_report: Option<serde_json::Value>,
}

/// Whether a file is an artifact, by its first bytes.
pub(in crate::engine) fn is_artifact(bytes: &[u8]) -> bool {
    bytes.starts_with(&crate::artifact::MAGIC)
}

/// An artifact's file, mapped and checked.
pub(in crate::engine) struct Opened {
    pub(in crate::engine) artifact: Artifact,
    file: Metadata,
}

impl Opened {
    /// Maps and checks a file: its structure always, its data if that is asked for or the file was changed since it
    /// was written.
    ///
    /// # Errors
    /// `not_found` and `io` for the file, `integrity`, `invalid_model` and `unsupported` for its content.
    pub(in crate::engine) fn open(path: &Path, verify: bool) -> Result<Self> {
        let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
        let metadata = file.metadata().map_err(|error| io_error("read", path, &error))?;
        // SAFETY: artifacts are written aside, renamed into place and read-only, so nothing of ours changes or
        // truncates a file that is mapped. Whoever overwrites one in place breaks every program that has it open.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| io_error("map", path, &error))?;
        let artifact = Artifact::parse(Bytes::from_owner(map))?;
        let written_ns = artifact.manifest().written_mtime_ns;
        let is_as_written = written_ns == modified_ns(&metadata);
        if verify || !is_as_written {
            artifact.verify_data()?;
        }
        // A copy has another time. Now that its data is known to be whole, the next load need not look again.
        let metadata = match written_ns {
            Some(written_ns) if !is_as_written => restore_modified(&file, written_ns).unwrap_or(metadata),
            _ => metadata,
        };
        Ok(Self { artifact, file: metadata })
    }

    /// Whether the path still leads to the file that was checked: ONNX Runtime opens it again by its path.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|now| same_file(&self.file, &now))
    }
}

/// How often an artifact that is replaced at every try is tried again.
const ATTEMPT_COUNT: usize = 20;

/// Creates a session of an artifact. `profile` is [`Creation::profile`].
///
/// # Errors
/// Those of [`Opened::open`], those of creating a session from the portable model, and `integrity` if the file is
/// replaced again and again.
pub(in crate::engine) fn load(
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    profile: Option<&Path>,
) -> Result<Loaded> {
    for _ in 0..ATTEMPT_COUNT {
        let start = Instant::now();
        let opened = Opened::open(path, options.verify)?;
        let loaded = follow_or_create(&opened, path, runtime, options, profile, start);
        // Whatever came of two files that do not belong together is worth nothing.
        if opened.is_still_at(path) {
            return loaded;
        }
    }
    let reason = "was replaced again and again while it was being loaded".to_owned();
    Err(ErrorKind::Integrity { what: path.display().to_string(), reason }.into())
}

/// Creates a session by the plan in the artifact; without one, or if that fails, by the caller's options.
fn follow_or_create(
    opened: &Opened,
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    profile: Option<&Path>,
    start: Instant,
) -> Result<Loaded> {
    let Chosen { plan, mut warnings } = Chosen::from_artifact(&opened.artifact, runtime, options);
    if let Some((planned, report)) = plan {
        match create(opened, path, runtime, &planned, profile, start) {
            Ok(loaded) => return Ok(Loaded { plan: Some(report), ..loaded }),
            Err(error) => warnings.push(Chosen::failed(&error)),
        }
    }
    Ok(Loaded { warnings, ..create(opened, path, runtime, options, profile, start)? })
}

fn create(
    opened: &Opened,
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    profile: Option<&Path>,
    start: Instant,
) -> Result<Loaded> {
    let artifact = &opened.artifact;
    let name = file_name(path)?;
    let portable_bytes = artifact.manifest().portable.data_bytes;
    let key = device_key(runtime, &artifact.manifest().model.digest, options);
    let from = |model: &Model, optimized| create_from(path, runtime, options, profile, model, optimized);
    let loaded = |raw, portable_reason, mapped_bytes, map_ns, create_ns| Loaded {
        raw,
        portable_reason,
        mapped_bytes,
        map_ns,
        create_ns,
        options: Box::new(options.clone()),
        plan: None,
        warnings: Vec::new(),
        change_report: artifact.manifest().report.clone(),
    };
    let portable_reason = match artifact.device_for(&key) {
        Err(reason) => reason,
        Ok(index) => {
            let model = artifact.relocated_device(index, &name)?;
            let map_ns = nanoseconds(start);
            match from(&model, true) {
                Ok((raw, create_ns)) => {
                    let mapped_bytes = portable_bytes + artifact.manifest().devices[index].data_bytes;
                    return Ok(loaded(raw, None, mapped_bytes, map_ns, create_ns));
                }
                // A graph that this runtime saved and now refuses must not keep the model from running.
                Err(error) => error.to_string(),
            }
        }
    };
    let model = artifact.relocated_portable(&name)?;
    let map_ns = nanoseconds(start);
    let (raw, create_ns) = from(&model, false)?;
    Ok(loaded(raw, Some(portable_reason), portable_bytes, map_ns, create_ns))
}

/// The optimised graph of an artifact for this device, without weights that lie outside of it; `None` if it has none.
///
/// # Errors
/// Those of [`Opened::open`] and of parsing the graph.
pub(in crate::engine) fn device_graph(
    path: &Path,
    runtime: &Runtime,
    options: &SessionOptions,
) -> Result<Option<Model>> {
    let Opened { artifact, .. } = Opened::open(path, false)?;
    let key = device_key(runtime, &artifact.manifest().model.digest, options);
    let part = artifact.device_for(&key).ok().and_then(|index| artifact.device(index));
    part.map(|part| Model::parse(part.model)).transpose()
}

/// The name by which ONNX Runtime, told the folder, finds the artifact.
pub(in crate::engine) fn file_name(path: &Path) -> Result<String> {
    let name = real_path(path)?.file_name().map(|name| name.to_str().map(str::to_owned));
    name.flatten().ok_or_else(|| {
        Error::unsupported("artifact's file name", "ONNX Runtime needs one that is UTF-8; rename the file")
    })
}

pub(in crate::engine) fn real_path(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| io_error("read", path, &error))
}

fn create_from(
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    profile: Option<&Path>,
    model: &Model,
    optimized: bool,
) -> Result<(RawSession, u64)> {
    let (start, real) = (Instant::now(), real_path(path)?);
    let (bytes, own_operators) = (model.to_bytes()?, has_own_operators(model));
    let source = ModelSource::Bytes { bytes: &bytes, folder: real.parent() };
    let plain = Creation::plain(source, ModelFormat::Onnx, options);
    let raw = RawSession::new(runtime, &Creation { optimized, profile, own_operators, ..plain })?;
    Ok((raw, nanoseconds(start)))
}

fn modified_ns(file: &Metadata) -> Option<u64> {
    let modified = file.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(modified.as_nanos()).ok()
}

/// Gives a file the time that its artifact names, if this process may.
fn restore_modified(file: &File, modified_ns: u64) -> Option<Metadata> {
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(modified_ns)).ok()?;
    file.metadata().ok()
}

fn same_file(a: &Metadata, b: &Metadata) -> bool {
    let identity = |file: &Metadata| (inode(file), file.len(), file.modified().ok());
    identity(a) == identity(b)
}
