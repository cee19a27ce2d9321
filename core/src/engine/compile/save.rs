//! Files written so that nobody ever sees half of one: written aside, synced, renamed, read-only.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::Result;
use crate::engine::files::io_error;

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

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
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
    let mut permissions = file.metadata().map_err(failed)?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions).map_err(failed)?;
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + modified)).map_err(failed)?;
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
