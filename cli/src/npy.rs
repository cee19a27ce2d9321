//! NumPy's files by their paths; the formats are the library's.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use ortlet::error::ResultExt;
use ortlet::tensor::{DType, Tensor, npy};
use ortlet::{Error, ErrorKind, Result};

use crate::files::{io_error, write_file};

/// An open `.npz` file.
pub struct Archive {
    path: PathBuf,
    arrays: npy::Archive<BufReader<File>>,
}

impl Archive {
    /// Opens the archive and reads its directory.
    ///
    /// # Errors
    /// `io`, or `integrity` if it is no zip archive.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
        let arrays = npy::Archive::new(BufReader::new(file)).with_context(|| title(path))?;
        Ok(Self { path: path.to_path_buf(), arrays })
    }

    /// The names of the arrays, without their suffix.
    ///
    /// # Errors
    /// `integrity` if a name is no text.
    pub fn names(&self) -> Result<Vec<String>> {
        self.arrays.names().with_context(|| title(&self.path))
    }

    /// Reads one array; see [`npy::read`] for `wanted`.
    ///
    /// # Errors
    /// `not_found` if there is no such array, and as [`npy::read`].
    pub fn read(&mut self, name: &str, wanted: Option<DType>) -> Result<Tensor> {
        self.arrays.read(name, wanted).with_context(|| title(&self.path))
    }
}

/// Reads a `.npy` file; see [`npy::read`] for `wanted`.
///
/// # Errors
/// `io`, and as [`npy::read`].
pub fn read_npy(path: &Path, wanted: Option<DType>) -> Result<Tensor> {
    let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
    // The length of a pipe or device says nothing; then only what really arrives is kept.
    let len = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    npy::read(&mut BufReader::new(file), len, wanted).with_context(|| title(path))
}

/// Writes a tensor. The file appears whole or not at all.
///
/// # Errors
/// `io` if it cannot be written.
pub fn write_npy(path: &Path, tensor: &Tensor) -> Result<()> {
    let as_said = |error: Error| match error.kind() {
        ErrorKind::Io { os_code: Some(code), .. } => io::Error::from_raw_os_error(*code),
        _ => io::Error::other(error),
    };
    write_file(path, |out| npy::write(tensor, out).map_err(as_said))
}

fn title(path: &Path) -> String {
    format!("read `{}`", path.display())
}
