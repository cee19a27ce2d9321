//! Files written so that nobody ever sees half of one: written aside, synced, renamed, read-only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::engine::compile::admit::folder_of;
use crate::engine::compile::disk::io_error;
use crate::{Error, Result};

const EXTENSION: &str = "tmp";

/// More than a disk that refused a tensor has left.
const PROBE_BYTES: usize = 64 * 1024;

/// A folder for unfinished work, removed with what is in it when dropped.
pub(in crate::engine) struct Scratch {
    path: PathBuf,
    /// The folder itself, locked while this process works in it; the system unlocks it however the process ends.
    /// Where folders cannot be locked, nobody sweeps either.
    _guard: Option<File>,
}

impl Scratch {
    /// Makes a folder of its own beside `target`, so that the result can be renamed into place, and removes those
    /// that killed processes left there.
    ///
    /// # Errors
    /// `io` if the folder cannot be made, `invalid_argument` if the target is no file name.
    pub(in crate::engine) fn beside(target: &Path) -> Result<Self> {
        let name =
            target.file_name().ok_or_else(|| Error::invalid_argument("artifact", "is no file name"))?;
        let prefix = format!(".{}.", name.to_string_lossy());
        sweep(target, &prefix);
        let named =
            |number| target.with_file_name(format!("{prefix}{}-{number}.{EXTENSION}", std::process::id()));
        // Another process with this number may work on the same disk from within another container.
        for path in (0_u64..).map(named) {
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(|error| io_error("create", &path, &error))?,
            }
            let guard = File::open(&path).ok();
            let taken = |guard: &File| matches!(guard.try_lock(), Err(TryLockError::WouldBlock));
            // Before it was locked, somebody who sweeps may have taken it for left over.
            if !guard.as_ref().is_some_and(taken) && path.is_dir() {
                return Ok(Self { path, _guard: guard });
            }
        }
        Err(Error::internal("no number is left for a scratch folder"))
    }

    /// Makes the folder anew. Whatever was there is the remains of a process that was killed.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path, &error));
            }
            _ => {}
        }
        fs::create_dir_all(&path).map_err(|error| io_error("create", &path, &error))?;
        Ok(Self { path, _guard: None })
    }

    /// Writes a little, to learn whether that is possible.
    ///
    /// # Errors
    /// `io` if it is not.
    pub(super) fn probe(&self) -> Result<()> {
        let path = self.path.join("probe");
        let written = fs::write(&path, [0; PROBE_BYTES]);
        written.and_then(|()| fs::remove_file(&path)).map_err(|error| io_error("write", &path, &error))
    }

    pub(in crate::engine) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes scratch folders of `target` whose processes are gone: nobody holds their locks.
fn sweep(target: &Path, prefix: &str) {
    for path in fs::read_dir(folder_of(target)).into_iter().flatten().flatten().map(|file| file.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_scratch = name.starts_with(prefix) && path.extension().is_some_and(|end| end == EXTENSION);
        let guard = is_scratch.then(|| File::open(&path).ok()).flatten();
        if guard.is_some_and(|guard| guard.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Writes `target` as a whole: into `scratch` first, then renamed over what was there. A process that has the old
/// file open or mapped keeps it.
///
/// The file is made read-only and gets `modified` as its time, which tells later whether somebody changed it.
pub(super) fn write(
    target: &Path,
    scratch: &Scratch,
    modified: Duration,
    content: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let aside = scratch.path().join("artifact");
    let failed = |error: io::Error| io_error("write", target, &error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&aside).map_err(failed)?;
    content(&mut |bytes| file.write_all(bytes).map_err(failed))?;
    file.set_modified(SystemTime::UNIX_EPOCH + modified).map_err(failed)?;
    let mut permissions = file.metadata().map_err(failed)?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    fs::rename(&aside, target).map_err(failed)?;
    sync_folder(target);
    Ok(())
}

/// Makes the rename itself durable. A file system that cannot is not worth failing for: after a crash either the old
/// or the new file is there, both whole.
fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}
