//! Files written so that nobody ever sees half of one: written aside, synced, renamed, read-only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::engine::compile::disk::io_error;
use crate::{Error, Result};

/// A folder for unfinished work, removed with what is in it when dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder anew. Whatever was there is the remains of a process that was killed.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path, &error));
            }
            _ => {}
        }
        fs::create_dir_all(&path).map_err(|error| io_error("create", &path, &error))?;
        Ok(Self(path))
    }

    /// A folder of this process's own, beside `target` so that the result can be renamed into place. Removes those
    /// that killed processes have left there.
    pub(super) fn beside(target: &Path) -> Result<Self> {
        let name =
            target.file_name().ok_or_else(|| Error::invalid_argument("artifact", "is no file name"))?;
        let prefix = format!(".{}.", name.to_string_lossy());
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let owner = entry.file_name().to_str().and_then(|name| owner_of(name, &prefix));
            if owner.is_some_and(has_ended) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Self::new(folder.join(format!("{prefix}{}{SUFFIX}", std::process::id())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SUFFIX: &str = ".tmp";

/// The process that a scratch folder's name says it belongs to.
fn owner_of(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Whether a process is surely gone.
fn has_ended(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
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
