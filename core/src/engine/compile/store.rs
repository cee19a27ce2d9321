//! The cache folder: one artifact an entry, a lock for each, and a bound on the size of all.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::artifact::Artifact;
use crate::engine::compile::disk::{inode, io_error};
use crate::engine::compile::plan::Plan;

const ARTIFACT: &str = "ortlet";
const LOCK: &str = "lock";
const SCRATCH: &str = "tmp";
const NOTE: &str = "note";
pub(super) const UNFINISHED_NOTE: &str = "note.tmp";
const PLAN: &str = "plan";
const UNFINISHED_PLAN: &str = "plan.tmp";
/// Names are hexadecimal digits: this many for entries and plans, and for notes.
const ENTRY_DIGITS: usize = 32;
const NOTE_DIGITS: usize = 64;

/// A folder of compiled models, and of plans for running them.
pub(crate) struct Store {
    folder: PathBuf,
}

/// What an entry of a cache folder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CacheEntryKind {
    /// A compiled model.
    #[default]
    Model,
    /// A plan that `tune` made.
    Plan,
}

/// A compiled model or a plan in a cache folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheEntry {
    /// What it is.
    pub kind: CacheEntryKind,
    /// The entry's name: a digest of everything it depends on.
    pub key: String,
    /// Its file.
    pub path: PathBuf,
    /// Name of the model that it was made of or for; `None` if the file is damaged.
    pub model: Option<String>,
    /// Size of the file.
    pub file_bytes: u64,
    /// When it was last loaded or written (a plan: when it was written), in seconds since 1970.
    pub last_used_unix_s: u64,
}

/// Makes a folder that only its owner can use: what is in it is run without further questions.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Held by the process that writes an entry. The system gives it back when the process ends, however it ends.
pub(in crate::engine) struct EntryLock {
    _file: File,
}

/// An entry's file, not looked into.
struct EntryFile {
    key: String,
    path: PathBuf,
    size_bytes: u64,
    last_used: SystemTime,
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

    pub(in crate::engine) fn artifact(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{ARTIFACT}"))
    }

    /// The file of a plan.
    pub(super) fn plan(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{PLAN}"))
    }

    /// Writes a plan's file as a whole, over the one that was there; gives its path.
    ///
    /// # Errors
    /// `io` if the folder may not be written to or its file system has no locks.
    pub(super) fn keep_plan(&self, key: &str, json: &[u8]) -> Result<PathBuf> {
        let (target, aside) = (self.plan(key), self.folder.join(format!("{key}.{UNFINISHED_PLAN}")));
        let lock = self.lock(key)?;
        let written = File::create(&aside).and_then(|mut file| {
            file.write_all(json)?;
            file.sync_all()
        });
        let kept = written.and_then(|()| fs::rename(&aside, &target));
        if kept.is_err() {
            let _ = fs::remove_file(&aside);
        }
        drop(lock);
        self.tidy(key);
        kept.map_err(|error| io_error("write", &target, &error)).map(|()| target)
    }

    /// The folder for unfinished work on an entry. Only the holder of its lock may use it.
    pub(super) fn scratch(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{SCRATCH}"))
    }

    /// The note about a model file, by its path.
    pub(in crate::engine) fn note(&self, model: &Path) -> PathBuf {
        // As it is named: a model that two links lead to may find other external data beside each.
        let path = std::path::absolute(model).unwrap_or_else(|_| model.to_owned());
        let name = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
        self.folder.join(format!("{name}.{NOTE}"))
    }

    fn lock_file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{LOCK}"))
    }

    /// Waits until no other process works on the entry.
    ///
    /// # Errors
    /// `io` if the folder may not be written to or its file system has no locks.
    pub(in crate::engine) fn lock(&self, key: &str) -> Result<EntryLock> {
        let path = self.lock_file(key);
        loop {
            let file = open_lock(&path).map_err(|error| io_error("write", &path, &error))?;
            file.lock().map_err(|error| io_error("lock", &path, &error))?;
            if is_at(&file, &path) {
                return Ok(EntryLock { _file: file });
            }
        }
    }

    /// The lock, if no other process has it.
    fn try_lock(&self, key: &str) -> Option<EntryLock> {
        let path = self.lock_file(key);
        let file = open_lock(&path).ok()?;
        file.try_lock().ok()?;
        is_at(&file, &path).then_some(EntryLock { _file: file })
    }

    /// Notes that an entry was used. Without the right to write, eviction goes by an older time.
    pub(in crate::engine) fn touch(&self, key: &str) {
        if let Ok(file) = OpenOptions::new().write(true).open(self.lock_file(key)) {
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Every compiled model and plan, the least recently used first.
    ///
    /// # Errors
    /// `io` if the folder cannot be read; a folder that is not there is empty.
    pub(crate) fn list(&self) -> Result<Vec<CacheEntry>> {
        let models = self.entries()?.into_iter().map(EntryFile::describe);
        let mut listed: Vec<_> = models.chain(self.plans()?).collect();
        listed.sort_by_key(|entry| entry.last_used_unix_s);
        Ok(listed)
    }

    fn plans(&self) -> Result<Vec<CacheEntry>> {
        let describe = |path: &PathBuf| {
            let key = name_of(path, PLAN, ENTRY_DIGITS)?.to_owned();
            let file = fs::metadata(path).ok().filter(Metadata::is_file)?;
            let plan: Option<Plan> = serde_json::from_slice(&fs::read(path).ok()?).ok();
            Some(CacheEntry {
                kind: CacheEntryKind::Plan,
                key,
                path: path.clone(),
                model: plan.map(|plan| plan.model),
                file_bytes: file.len(),
                last_used_unix_s: unix_s(file.modified().ok()?),
            })
        };
        Ok(self.files()?.iter().filter_map(describe).collect())
    }

    fn entries(&self) -> Result<Vec<EntryFile>> {
        let mut entries: Vec<_> = self.files()?.iter().filter_map(|path| self.entry(path)).collect();
        entries.sort_by_key(|entry| entry.last_used);
        Ok(entries)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(io_error("read", &self.folder, &error)),
            Ok(files) => Ok(files.flatten().map(|file| file.path()).collect()),
        }
    }

    fn entry(&self, path: &Path) -> Option<EntryFile> {
        let key = name_of(path, ARTIFACT, ENTRY_DIGITS)?.to_owned();
        let file = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let lock = fs::metadata(self.lock_file(&key)).and_then(|lock| lock.modified());
        let last_used = lock.or_else(|_| file.modified()).ok()?;
        Some(EntryFile { key, path: path.to_owned(), size_bytes: file.len(), last_used })
    }

    /// Removes the least recently used compiled models until the rest fits, but never `keep`, and what killed processes
    /// left. Plans are small and took long to make: they stay and do not count. Sessions that have a removed entry mapped go on with it.
    ///
    /// # Errors
    /// `io` if the folder cannot be read or an entry not be removed.
    pub(super) fn evict(&self, limit_bytes: u64, keep: &str) -> Result<()> {
        let unfinished = self.files()?;
        let unfinished = unfinished.iter().filter_map(|path| name_of(path, SCRATCH, ENTRY_DIGITS));
        unfinished.filter(|&key| key != keep).for_each(|key| self.tidy(key));
        let entries = self.entries()?;
        let mut total: u64 = entries.iter().map(|entry| entry.size_bytes).sum();
        for entry in entries.iter().filter(|entry| entry.key != keep) {
            if total <= limit_bytes {
                break;
            }
            self.remove(&entry.key)?;
            total -= entry.size_bytes;
        }
        Ok(())
    }

    /// Removes everything that belongs to the cache and that no process is working on, and nothing else in the folder.
    ///
    /// # Errors
    /// `io` if a file cannot be removed.
    pub(crate) fn clear(&self) -> Result<Vec<CacheEntry>> {
        let entries = self.list()?;
        for entry in &entries {
            match entry.kind {
                CacheEntryKind::Model => self.remove(&entry.key)?,
                CacheEntryKind::Plan => remove_file(&entry.path)?,
            }
        }
        for path in &self.files()? {
            let of_entry = |extension| name_of(path, extension, ENTRY_DIGITS);
            let of_note = |extension| name_of(path, extension, NOTE_DIGITS);
            if let Some(key) = of_entry(LOCK).or_else(|| of_entry(SCRATCH)) {
                self.tidy(key);
            } else if [of_note(NOTE), of_note(UNFINISHED_NOTE), of_entry(UNFINISHED_PLAN)]
                .iter()
                .any(Option::is_some)
            {
                let _ = fs::remove_file(path);
            }
        }
        Ok(entries)
    }

    fn remove(&self, key: &str) -> Result<()> {
        remove_file(&self.artifact(key))?;
        self.tidy(key);
        Ok(())
    }

    /// Removes the lock of an entry and unfinished work on it, unless a process is at it.
    fn tidy(&self, key: &str) {
        if let Some(lock) = self.try_lock(key) {
            let _ = fs::remove_dir_all(self.scratch(key));
            // An entry that came meanwhile keeps the lock, which knows when it was used.
            if !self.artifact(key).exists() {
                let _ = fs::remove_file(self.lock_file(key));
            }
            drop(lock);
        }
    }
}

impl EntryFile {
    fn describe(self) -> CacheEntry {
        CacheEntry {
            kind: CacheEntryKind::Model,
            model: Artifact::open(&self.path).ok().map(|artifact| artifact.manifest().model.name.clone()),
            key: self.key,
            path: self.path,
            file_bytes: self.size_bytes,
            last_used_unix_s: unix_s(self.last_used),
        }
    }
}

fn unix_s(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

/// Removes a file that may be gone already.
fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path, &error)),
        _ => Ok(()),
    }
}

/// The name before an extension, if it is one of the cache's: other files may lie in the folder too.
fn name_of<'a>(path: &'a Path, extension: &str, digits: usize) -> Option<&'a str> {
    let name = path.file_name()?.to_str()?.strip_suffix(extension)?.strip_suffix('.')?;
    let is_ours = name.len() == digits && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then_some(name)
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// Whether a lock that was waited for is still the one that others would take: who clears the cache removes it.
fn is_at(file: &File, path: &Path) -> bool {
    let (held, there) = (file.metadata(), fs::metadata(path));
    held.ok().zip(there.ok()).is_some_and(|(held, there)| inode(&held) == inode(&there))
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
