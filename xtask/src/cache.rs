//! The folder that keeps downloads and what is built from them, and the lock that guards it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;

/// The cache folder, held by this process alone while the value lives.
pub struct Cache {
    root: PathBuf,
    _lock: File,
}

impl Cache {
    /// Creates the folder if needed and waits until no other process works in it.
    pub fn open() -> Result<Self> {
        let root = location()?;
        fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
        let path = root.join("lock");
        let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                say::note(format_args!("waiting for another xtask to finish with {}", root.display()));
                lock.lock().with_context(|| format!("lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        let cache = Self { root, _lock: lock };
        cache.sweep();
        Ok(cache)
    }

    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// A fresh empty folder on the same file system, so that its contents can be renamed into place.
    pub fn scratch(&self, name: &str) -> Result<Scratch> {
        let path = self.root.join("scratch").join(name);
        clear(&path)?;
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Scratch(path))
    }

    /// Puts the scratch folder in the place of `target`, whatever was there before.
    pub fn install(&self, scratch: &Scratch, target: &Path) -> Result<()> {
        let parent = target.parent().context("a target has a parent")?;
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        if target.symlink_metadata().is_ok() {
            let aside = self.scratch("replaced")?;
            fs::rename(target, aside.path().join("old"))
                .with_context(|| format!("move {} aside", target.display()))?;
        }
        fs::rename(scratch.path(), target).with_context(|| format!("create {}", target.display()))
    }

    /// Removes what an interrupted process left behind; the lock says that nobody uses it.
    fn sweep(&self) {
        let _ = fs::remove_dir_all(self.root.join("scratch"));
    }
}

/// A temporary folder of the cache, removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn clear(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        fs::remove_dir_all(path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

fn location() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let chosen = if let Some(folder) = set("ORTLET_DEV_CACHE") {
        folder
    } else if let Some(folder) = set("XDG_CACHE_HOME") {
        folder.join("ortlet-dev")
    } else if let Some(home) = std::env::home_dir() {
        home.join(".cache").join("ortlet-dev")
    } else {
        bail!("no place for the cache: set ORTLET_DEV_CACHE to a folder");
    };
    std::path::absolute(&chosen).with_context(|| format!("resolve {}", chosen.display()))
}
