//! The cache folder: one artifact an entry, a lock for each, and a bound on the size of all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::artifact::Artifact;
use crate::engine::compile::disk::io_error;

const ARTIFACT: &str = "ortlet";
const LOCK: &str = "lock";
const SCRATCH: &str = "tmp";
const NOTE: &str = "note";

/// A folder of compiled models.
pub(crate) struct Store {
    folder: PathBuf,
}

/// A compiled model in a cache folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// The entry's name: a digest of everything it depends on.
    pub key: String,
    /// Its file.
    pub path: PathBuf,
    /// Name of the model that it was made of; `None` if the file is damaged.
    pub model: Option<String>,
    /// Size of the file.
    pub file_bytes: u64,
    /// When it was last loaded or written, in seconds since 1970.
    pub last_used_unix_s: u64,
}

/// Makes a folder that only its owner can use: what is in it is run without further questions.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// The name of a file without its extension, if a cache gave it: somebody may have chosen a folder that also holds
/// their own `model.ortlet` or `Cargo.lock`.
fn own_name(path: &Path) -> Option<&str> {
    let name = path.file_stem()?.to_str()?;
    let is_digest =
        matches!(name.len(), 32 | 64) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then_some(name)
}

/// Held by the process that writes an entry. The system gives it back when the process ends, however it ends.
pub(super) struct EntryLock {
    _file: File,
}

impl Store {
    /// Uses a folder as it is.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Uses a folder, making it if it is not there. A folder that may not be written to can still be read from.
    pub(crate) fn open(folder: &Path) -> Self {
        let _ = create_private(folder);
        Self::at(folder)
    }

    pub(super) fn artifact(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{ARTIFACT}"))
    }

    /// The folder for unfinished work on an entry. Only the holder of its lock may use it.
    pub(super) fn scratch(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{SCRATCH}"))
    }

    /// The note about a model file, by its path.
    pub(super) fn note(&self, model: &Path) -> PathBuf {
        let path = fs::canonicalize(model).unwrap_or_else(|_| model.to_owned());
        let name = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
        self.folder.join(format!("{name}.{NOTE}"))
    }

    /// Waits until no other process works on the entry.
    ///
    /// # Errors
    /// `io` if the folder may not be written to or its file system has no locks.
    pub(super) fn lock(&self, key: &str) -> Result<EntryLock> {
        let path = self.folder.join(format!("{key}.{LOCK}"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| io_error("write", &path, &error))?;
        file.lock().map_err(|error| io_error("lock", &path, &error))?;
        Ok(EntryLock { _file: file })
    }

    /// Notes that an entry was used. Without the right to write, eviction goes by an older time.
    pub(super) fn touch(&self, key: &str) {
        let lock = self.folder.join(format!("{key}.{LOCK}"));
        if let Ok(file) = OpenOptions::new().write(true).open(lock) {
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Every entry, the least recently used first.
    ///
    /// # Errors
    /// `io` if the folder cannot be read; a folder that is not there is empty.
    pub(crate) fn list(&self) -> Result<Vec<CacheEntry>> {
        let files = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| io_error("read", &self.folder, &error))?,
        };
        let mut entries: Vec<_> = files.flatten().filter_map(|file| self.entry(&file.path())).collect();
        entries.sort_by_key(|entry| entry.last_used_unix_s);
        Ok(entries)
    }

    fn entry(&self, path: &Path) -> Option<CacheEntry> {
        let key = own_name(path)?.to_owned();
        let is_artifact = path.extension().is_some_and(|extension| extension == ARTIFACT);
        let file = fs::metadata(path).ok().filter(|file| is_artifact && file.is_file())?;
        let lock = fs::metadata(self.folder.join(format!("{key}.{LOCK}"))).and_then(|lock| lock.modified());
        let used = lock.or_else(|_| file.modified()).ok()?;
        let last_used_unix_s = used.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let model = Artifact::open(path).ok().map(|artifact| artifact.manifest().model.name.clone());
        Some(CacheEntry { key, path: path.to_owned(), model, file_bytes: file.len(), last_used_unix_s })
    }

    /// Removes the least recently used entries until the rest fits, but never `keep`. Sessions that have a removed
    /// entry mapped go on with it.
    pub(super) fn evict(&self, limit_bytes: u64, keep: &str) -> Result<()> {
        let entries = self.list()?;
        let mut total: u64 = entries.iter().map(|entry| entry.file_bytes).sum();
        for entry in entries.iter().filter(|entry| entry.key != keep) {
            if total <= limit_bytes {
                break;
            }
            self.remove(&entry.key)?;
            total -= entry.file_bytes;
        }
        Ok(())
    }

    /// Removes everything that belongs to the cache, and nothing else in the folder.
    ///
    /// # Errors
    /// `io` if a file cannot be removed.
    pub(crate) fn clear(&self) -> Result<Vec<CacheEntry>> {
        let entries = self.list()?;
        for entry in &entries {
            self.remove(&entry.key)?;
        }
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in files.map(|file| file.path()).filter(|path| own_name(path).is_some()) {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(NOTE | LOCK) => drop(fs::remove_file(&path)),
                Some(SCRATCH) => drop(fs::remove_dir_all(&path)),
                _ => {}
            }
        }
        Ok(entries)
    }

    pub(super) fn remove(&self, key: &str) -> Result<()> {
        let path = self.artifact(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path, &error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_neither_listed_nor_removed() {
        let folder = std::env::temp_dir().join(format!("ortlet-store-{}", std::process::id()));
        let key = "0123456789abcdef".repeat(2);
        fs::create_dir_all(folder.join("build.tmp")).unwrap();
        fs::create_dir_all(folder.join(format!("{key}.tmp"))).unwrap();
        let theirs = ["model.ortlet", "Cargo.lock", "my.note", "ABCDEF.ortlet"].map(str::to_owned);
        let ours = ["ortlet", "lock"].map(|extension| format!("{key}.{extension}"));
        for name in theirs.iter().chain(&ours) {
            fs::write(folder.join(name), "x").unwrap();
        }
        let removed = Store::at(&folder).clear().unwrap();
        assert_eq!(removed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), [key.as_str()]);
        assert!(theirs.iter().all(|name| folder.join(name).exists()) && folder.join("build.tmp").exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), theirs.len() + 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
