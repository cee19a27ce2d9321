//! A memory of the digests of model files, so that unchanged files are not read again.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A file changed this recently could change again within the same tick of its time stamp.
const RACY: Duration = Duration::from_secs(2);

/// What a file looked like when its content was digested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    path: PathBuf,
    size_bytes: u64,
    /// Seconds and nanoseconds of the last change of content and of the inode, device and number of the inode.
    times: [i64; 4],
    inode: [u64; 2],
}

/// The digest of a model, and the state of its files at that time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) digest: String,
    files: Vec<Stamp>,
}

impl Remembered {
    /// Reads a note, if it is there and every file is as it was.
    pub(super) fn read(note: &Path) -> Option<Self> {
        let remembered: Self = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
        (!remembered.files.is_empty() && remembered.is_current()).then_some(remembered)
    }

    /// What to remember of a model with this digest, and the files that it consists of.
    pub(super) fn new(digest: String, files: &[PathBuf]) -> Self {
        let stamps = files.iter().map(|path| Stamp::of(path));
        Self { digest, files: stamps.collect::<Option<_>>().unwrap_or_default() }
    }

    /// Whether every file is as it was.
    pub(super) fn is_current(&self) -> bool {
        self.files.iter().all(|stamp| Stamp::of(&stamp.path).is_some_and(|now| now == *stamp))
    }

    /// Keeps the note, unless a file is so new that its time stamp cannot be trusted yet. A note is only a
    /// convenience: failing to write it is no failure.
    pub(super) fn keep(&self, note: &Path) {
        let now = SystemTime::now();
        let settled = |stamp: &Stamp| {
            let modified = fs::metadata(&stamp.path).and_then(|file| file.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > RACY))
        };
        if self.files.is_empty() || !self.files.iter().all(settled) {
            return;
        }
        let aside = note.with_extension(format!("{}", std::process::id()));
        let written = serde_json::to_vec(self).is_ok_and(|json| fs::write(&aside, json).is_ok());
        if !(written && fs::rename(&aside, note).is_ok()) {
            let _ = fs::remove_file(&aside);
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        let file = fs::metadata(&path).ok()?;
        let (times, inode) = identity(&file)?;
        Some(Self { path, size_bytes: file.len(), times, inode })
    }
}

/// Times and number of an inode; `None` where the system does not tell, and then nothing is remembered.
#[cfg(unix)]
fn identity(file: &Metadata) -> Option<([i64; 4], [u64; 2])> {
    use std::os::unix::fs::MetadataExt;
    Some(([file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()], [file.dev(), file.ino()]))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<([i64; 4], [u64; 2])> {
    None
}
