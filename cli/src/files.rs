//! Files: errors that say which one, and writing that never leaves half a file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ortlet::{Error, ErrorKind, Result};

/// What the operating system said about a file.
pub fn io_error(operation: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound && operation == "read" {
        return Error::not_found("file", path, Vec::<String>::new());
    }
    let (operation, reason) = (operation.to_string(), error.to_string());
    ErrorKind::Io { operation, path, reason, os_code: error.raw_os_error() }.into()
}

/// Finds out whether a file could be written, before the work whose result it shall hold.
///
/// # Errors
/// `io` if it could not.
pub fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(io_error("write", path, &io::ErrorKind::IsADirectory.into()));
    }
    if path.exists() && !path.is_file() {
        return Ok(());
    }
    let temporary = temporary_beside(path);
    let attempt = File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
    attempt.map_err(|error| io_error("write", path, &error))
}

/// Writes a file by way of a temporary one beside it, so that it appears whole or not at all.
///
/// # Errors
/// `io` if it cannot be written.
pub fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed = |error: io::Error| io_error("write", path, &error);
    // A device or pipe must be written itself, not replaced.
    if path.exists() && !path.is_file() {
        return write_into(path, write).map_err(failed);
    }
    let temporary = temporary_beside(path);
    let result = write_into(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    result.map_err(|error| {
        // Nothing more can be done if this fails too.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn write_into(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()
}
