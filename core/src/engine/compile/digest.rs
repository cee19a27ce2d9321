//! Digests of model files, and a memory of them, so that unchanged files are not read again.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::artifact::model_digest;
use crate::engine::compile::admit::{self, Admitted, Folders};
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::disk::{inode, map};
use crate::engine::compile::store::UNFINISHED_NOTE;
use crate::engine::runtime::ModelFormat;
use crate::model::Bytes;
use crate::{ErrorKind, Result};

/// A file changed this recently could change again within the same tick of its time stamp.
const RACY_S: i64 = 2;

/// A model file, mapped and checked. Its files are looked at before they are read, so that a change after that shows.
pub(super) struct Checked {
    pub(super) bytes: Bytes,
    pub(super) format: ModelFormat,
    pub(super) external_files: Vec<PathBuf>,
    folders: Folders,
    /// `None` where the system does not tell enough of files.
    files: Option<Vec<Stamp>>,
    /// When the files were looked at, in seconds since 1970.
    looked_s: i64,
}

/// What a file looked like before its content was digested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    /// As the model is reached, links not followed: a link that leads elsewhere later is a change too.
    path: PathBuf,
    size_bytes: u64,
    /// See [`times`].
    times: [i64; 4],
    /// See [`inode`].
    inode: [u64; 2],
}

/// The digest of a model, and the state of its files at that time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) digest: String,
    files: Vec<Stamp>,
    /// Whether every later change shows in the stamps.
    #[serde(skip)]
    settled: bool,
}

/// The digest of a model file, and how long it took to know it.
pub(in crate::engine) struct Found {
    /// `None` for models in ORT format, which are neither compiled nor changed.
    pub(super) remembered: Option<Remembered>,
    pub(in crate::engine) check_ns: u64,
    pub(in crate::engine) digest_ns: u64,
}

impl Found {
    /// Reads the note if it is current, else checks and digests the model and makes the note.
    ///
    /// # Errors
    /// Those of [`Checked::open`] and [`Checked::digest`].
    pub(in crate::engine) fn of(path: &Path, note: &Path) -> Result<Self> {
        let start = Instant::now();
        if let Some(remembered) = Remembered::read(note) {
            return Ok(Self { remembered: Some(remembered), check_ns: 0, digest_ns: nanoseconds(start) });
        }
        let checked = Checked::open(path)?;
        let check_ns = nanoseconds(start);
        if checked.format == ModelFormat::Ort {
            return Ok(Self { remembered: None, check_ns, digest_ns: 0 });
        }
        let start = Instant::now();
        let remembered = checked.digest()?;
        remembered.keep(note);
        Ok(Self { remembered: Some(remembered), check_ns, digest_ns: nanoseconds(start) })
    }

    /// The digest.
    pub(in crate::engine) fn digest(&self) -> Option<&str> {
        self.remembered.as_ref().map(|remembered| remembered.digest.as_str())
    }
}

impl Checked {
    /// Maps a model file and checks it.
    ///
    /// # Errors
    /// Those of [`map`] and of [`admit::bytes`].
    pub(super) fn open(path: &Path) -> Result<Self> {
        let looked_s = now_s();
        let model = Stamp::of(path);
        let bytes = Bytes::from_owner(map(path)?);
        let folders = Folders::of_file(path);
        let admitted = admit::bytes(&bytes, &folders)?;
        let external = admitted.external_files.iter().map(|file| Stamp::of(file));
        let files = std::iter::once(model).chain(external).collect();
        let Admitted { format, external_files, .. } = admitted;
        Ok(Self { bytes, format, external_files, folders, files, looked_s })
    }

    /// Digests the model and its external data.
    ///
    /// # Errors
    /// Those of [`model_digest`].
    pub(super) fn digest(self) -> Result<Remembered> {
        let is_settled = |stamp: &Stamp| stamp.is_settled(self.looked_s);
        let settled = self.files.as_ref().is_some_and(|files| files.iter().all(is_settled));
        let digest = model_digest(self.bytes, &self.folders)?;
        Ok(Remembered { digest, files: self.files.unwrap_or_default(), settled })
    }
}

impl Remembered {
    /// Reads a note, if it is there and every file is as it was.
    pub(super) fn read(note: &Path) -> Option<Self> {
        let remembered: Self = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
        // Only what was settled is ever noted.
        let remembered = Self { settled: true, ..remembered };
        (!remembered.files.is_empty() && remembered.is_current()).then_some(remembered)
    }

    /// Makes sure that the model, which others have read by its path since, is the one that was digested.
    ///
    /// # Errors
    /// `integrity` if it changed, and those of reading it again where that is the only way to know.
    pub(super) fn confirm(&self, path: &Path) -> Result<()> {
        if self.is_current() && (self.settled || Checked::open(path)?.digest()?.digest == self.digest) {
            return Ok(());
        }
        let reason = "the model changed while it was being compiled".to_owned();
        Err(ErrorKind::Integrity { what: path.display().to_string(), reason }.into())
    }

    /// Keeps the note, unless the files are so new that their time stamps cannot be trusted yet. A note is only a
    /// convenience: failing to write it is no failure.
    pub(super) fn keep(&self, note: &Path) {
        if !self.settled || !self.is_current() {
            return;
        }
        // Whoever writes there at the same time makes it a note that cannot be read, and is ignored.
        let aside = note.with_extension(UNFINISHED_NOTE);
        let written = serde_json::to_vec(self).is_ok_and(|json| fs::write(&aside, json).is_ok());
        if !(written && fs::rename(&aside, note).is_ok()) {
            let _ = fs::remove_file(&aside);
        }
    }

    /// Whether every file is as it was.
    fn is_current(&self) -> bool {
        self.files.iter().all(|stamp| Stamp::of(&stamp.path).is_some_and(|now| now == *stamp))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let path = std::path::absolute(path).ok()?;
        let file = fs::metadata(&path).ok()?;
        Some(Self { path, size_bytes: file.len(), times: times(&file)?, inode: inode(&file)? })
    }

    /// Whether the file was left alone for so long that the next change gets another time.
    fn is_settled(&self, now_s: i64) -> bool {
        let [modified, _, changed, _] = self.times;
        now_s.saturating_sub(modified.max(changed)) > RACY_S
    }
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or_default()
}

/// Seconds and nanoseconds of the last change of content and of the inode; `None` where the system does not tell,
/// and then nothing is remembered.
#[cfg(unix)]
fn times(file: &Metadata) -> Option<[i64; 4]> {
    use std::os::unix::fs::MetadataExt;
    Some([file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
}

#[cfg(not(unix))]
fn times(_: &Metadata) -> Option<[i64; 4]> {
    None
}
