//! Disks in memory, to be full or read-only as a test wants it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk in memory, taken away when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// A disk at a folder. `None`, with a note, where this may not be made; a CI machine has to.
    pub fn disk(folder: &Path, options: &str) -> Option<Self> {
        let made = Self::mount(folder, &["-t", "tmpfs", "-o", options, "tmpfs"]);
        let is_ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        assert!(made || !is_ci, "no disk could be mounted at {}", folder.display());
        if !made {
            println!("skipped: mounting a disk in memory takes more rights");
        }
        made.then(|| Self(folder.to_owned()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// From now on nothing can be written; whoever has a file open for writing makes this fail.
    pub fn make_read_only(&self) {
        assert!(Self::mount(&self.0, &["-o", "remount,ro"]), "the disk stays writable");
    }

    fn mount(folder: &Path, arguments: &[&str]) -> bool {
        // Without a `mount` program there are no rights for it either.
        Command::new("mount").args(arguments).arg(folder).output().is_ok_and(|mount| mount.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: sessions may still have files of the disk mapped.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
