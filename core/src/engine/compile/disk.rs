//! Mapping of files, telling one file from another, and errors that name the file.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use memmap2::Mmap;

use crate::{Error, ErrorKind, Result};

/// Maps a file for reading.
pub(in crate::engine) fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
    let metadata = file.metadata().map_err(|error| io_error("read", path, &error))?;
    if metadata.is_dir() {
        return Err(Error::invalid_argument("path", format!("`{}` is a folder, not a file", path.display())));
    }
    // SAFETY: models are mapped only while they are checked or compiled, so that hundreds of megabytes of weights are
    // not read only to be skipped; artifacts while they are in use, but those are read-only and replaced only as a
    // whole. Whoever truncates a file in place meanwhile ends the process, as with every program that maps files.
    unsafe { Mmap::map(&file) }.map_err(|error| io_error("map", path, &error))
}

/// The error of a failed file operation.
pub(in crate::engine) fn io_error(operation: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound {
        return Error::not_found("file", path, [""; 0]);
    }
    let (reason, os_code) = (error.to_string(), error.raw_os_error());
    ErrorKind::Io { operation: operation.into(), path, reason, os_code }.into()
}

/// Device and number of a file's inode; `None` where the system does not tell.
#[cfg(unix)]
pub(super) fn inode(file: &Metadata) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt;
    Some([file.dev(), file.ino()])
}

#[cfg(not(unix))]
pub(super) fn inode(_: &Metadata) -> Option<[u64; 2]> {
    None
}
