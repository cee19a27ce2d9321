//! From a model to an artifact: the optimised graph as ONNX Runtime saves it, put beside the portable model.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::artifact::{ArtifactWriter, DeviceKey, ModelManifest};
use crate::engine::compile::admit::Folders;
use crate::engine::compile::disk::{io_error, map};
use crate::engine::compile::repair;
use crate::engine::compile::save::{self, Scratch};
use crate::engine::runtime::{Creation, RawSession, Runtime, SaveOptimized};
use crate::model::{Bytes, ExternalDataResolver, ExternalLocation, MemoryFiles, Model};
use crate::{ErrorCode, Result};

/// Initializers below this size stay in the graph: ONNX Runtime reads small ones while it infers shapes.
const MIN_EXTERNAL_BYTES: usize = 1024;
const DEVICE_MODEL: &str = "device.onnx";
/// Named so that no model's own data is: the graph may refer to both.
const DEVICE_DATA: &str = "ortlet-device-data.bin";

/// Creates a session and keeps what ONNX Runtime made of the graph in `scratch`.
///
/// ONNX Runtime cannot put weights outside of a graph that has sparse ones: these are kept inside, and not packed.
pub(super) fn create_and_save(
    runtime: &'static Runtime,
    creation: &Creation<'_>,
    scratch: &Scratch,
) -> Result<RawSession> {
    let model = scratch.path().join(DEVICE_MODEL);
    let outside =
        SaveOptimized { model: &model, data: Some(DEVICE_DATA), min_external_bytes: MIN_EXTERNAL_BYTES };
    let inside = SaveOptimized { data: None, ..outside };
    let create = |save| RawSession::new(runtime, &Creation { save: Some(save), ..*creation });
    create(outside).or_else(|error| {
        // ONNX Runtime does not say that it is the disk that is full.
        scratch.probe()?;
        create(inside).map_err(|_| error)
    })
}

/// An artifact with only the portable model.
pub(super) fn start(path: &Path, model: &Model, digest: &str) -> Result<ArtifactWriter> {
    let about = ModelManifest {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        digest: digest.to_owned(),
        bytes: model.report().total_bytes,
    };
    ArtifactWriter::new(model, &Folders::of_file(path), about)
}

/// Adds what `create_and_save` kept to an artifact. `original` reads the external data of the model that it was made
/// of, which ONNX Runtime sometimes leaves where it is.
pub(super) fn add_device(
    writer: &mut ArtifactWriter,
    key: DeviceKey,
    scratch: &Scratch,
    original: &dyn ExternalDataResolver,
) -> Result<()> {
    let path = scratch.path().join(DEVICE_MODEL);
    let mut model = Model::parse(fs::read(&path).map_err(|error| io_error("read", &path, &error))?)?;
    let data = map_if_there(&scratch.path().join(DEVICE_DATA))?;
    let files = DeviceFiles { own: MemoryFiles::from_iter([(DEVICE_DATA, data)]), original };
    repair::remove_doubles(&mut model, &files)?;
    writer.set_device(key, &model, &files, Vec::new()).map(drop)
}

/// Writes the artifact as a whole; gives its size. `confirm` has the last word before others see it.
pub(super) fn store(
    mut writer: ArtifactWriter,
    target: &Path,
    scratch: &Scratch,
    confirm: impl FnOnce() -> Result<()>,
) -> Result<u64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Whole microseconds: not every file system keeps nanoseconds.
    let modified = Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or_default());
    writer.created_unix_s = now.as_secs();
    writer.written_mtime_ns = u64::try_from(modified.as_nanos()).ok();
    let mut size = 0;
    save::write(target, scratch, modified, |sink| {
        writer.write_to(&mut |bytes| {
            size += bytes.len() as u64;
            sink(bytes)
        })?;
        confirm()
    })?;
    Ok(size)
}

/// The data that ONNX Runtime wrote, and that of the model before.
struct DeviceFiles<'a> {
    own: MemoryFiles,
    original: &'a dyn ExternalDataResolver,
}

impl ExternalDataResolver for DeviceFiles<'_> {
    fn read(&self, location: &ExternalLocation) -> Result<Bytes> {
        if location.location == DEVICE_DATA { self.own.read(location) } else { self.original.read(location) }
    }
}

/// ONNX Runtime writes no data file when every initializer is small.
fn map_if_there(path: &Path) -> Result<Bytes> {
    match map(path) {
        Err(error) if error.code() == ErrorCode::NotFound => Ok(Bytes::default()),
        mapped => mapped.map(Bytes::from_owner),
    }
}
