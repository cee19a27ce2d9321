//! The methods of portable and engine types that touch the file system.

use std::fs::{self, File};
use std::path::Path;

use memmap2::Mmap;

use crate::engine::runtime::{ModelFormat, ModelSource, SessionOptions};
use crate::engine::session::{Session, admit};
use crate::error::ResultExt;
use crate::model::Model;
use crate::{Error, ErrorKind, Result};

impl Model {
    /// Reads a model file. Payloads of tensors are read once and shared; external data stays where it is.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, and those of [`Model::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let open = || Self::parse(fs::read(path).map_err(|error| io_error("read", path, &error))?);
        open().with_context(|| title(path))
    }
}

impl Session {
    /// A session of a model file, in ONNX or ORT format. External data is read from the file's folder.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, `invalid_model` or `limit_exceeded` for a
    /// damaged or hostile one, `unsupported` for what this ONNX Runtime cannot run, `runtime_not_found`,
    /// `runtime_incompatible` and `runtime_failed` from the engine, `invalid_argument` and `not_found` for options.
    pub fn load(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Self> {
        let path = path.as_ref();
        let load = || {
            let format = admit_file(path)?;
            Self::create(ModelSource::File(path), format, options)
        };
        load().with_context(|| title(path))
    }
}

/// Checks a model file without reading its weights.
fn admit_file(path: &Path) -> Result<ModelFormat> {
    let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
    let size = file.metadata().map_err(|error| io_error("read", path, &error))?;
    if size.is_dir() {
        return Err(Error::invalid_argument("path", "is a folder, not a model file"));
    }
    // SAFETY: mapped only for the moment of this check. Whoever truncates the file in it would end the process, but
    // reading hundreds of megabytes of weights only to skip them would double what loading a model costs.
    let map = unsafe { Mmap::map(&file) }.map_err(|error| io_error("map", path, &error))?;
    admit::bytes(&map, &admit::Folders::of_file(path))
}

fn title(path: &Path) -> String {
    format!("model `{}`", path.display())
}

fn io_error(operation: &str, path: &Path, error: &std::io::Error) -> Error {
    let path = path.display().to_string();
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::not_found("file", path, [""; 0]);
    }
    let (reason, os_code) = (error.to_string(), error.raw_os_error());
    ErrorKind::Io { operation: operation.into(), path, reason, os_code }.into()
}
