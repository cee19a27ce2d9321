//! `ortlet cache`: which compiled models and plans are kept, and getting rid of them.

use std::path::{Path, PathBuf};

use ortlet::{CacheEntry, CacheEntryKind, Error, Result};
use serde::Serialize;

use crate::args::{CacheAction, CacheArgs, cache_at};
use crate::files::check_writable;
use crate::moment::utc;
use crate::output::{bytes, count, emit, emit_json, right_align, table};

/// Runs the command.
///
/// # Errors
/// `io` if the folder cannot be read or a file in it not be removed, `unsupported` if there is no folder.
pub fn run(args: &CacheArgs, as_json: bool) -> Result<()> {
    let cache = cache_at(args.folder.as_deref());
    let folder = cache.folder().ok_or_else(no_folder)?;
    match args.action {
        CacheAction::List => {
            let entries = cache.entries()?;
            let listing = Listing { total_bytes: total(&entries), folder, entries };
            if as_json { emit_json(&listing) } else { emit(&listing.text()) }
        }
        CacheAction::Clear => {
            let removed = cache.clear()?;
            let clearing = Clearing { total_bytes: total(&removed), folder, removed };
            if as_json { emit_json(&clearing) } else { emit(&clearing.text()) }
        }
    }
}

fn no_folder() -> Error {
    let reason = "this user has no folder for caches; name one with --folder or ORTLET_CACHE";
    Error::unsupported("cache", reason)
}

#[derive(Serialize)]
struct Listing {
    folder: PathBuf,
    entries: Vec<CacheEntry>,
    total_bytes: u64,
}

impl Listing {
    fn text(&self) -> String {
        let sum = format!("{} in {}\n", sum(&self.entries), self.folder.display());
        if self.entries.is_empty() { sum } else { format!("{}\n{sum}", entries(&self.entries)) }
    }
}

#[derive(Serialize)]
struct Clearing {
    folder: PathBuf,
    removed: Vec<CacheEntry>,
    total_bytes: u64,
}

impl Clearing {
    fn text(&self) -> String {
        let sum = format!("removed {} from {}\n", sum(&self.removed), self.folder.display());
        if self.removed.is_empty() { sum } else { format!("{}\n{sum}", entries(&self.removed)) }
    }
}

fn entries(entries: &[CacheEntry]) -> String {
    let mut table = table(["key", "model", "what", "size", "last used"]);
    for entry in entries {
        let model = entry.model.clone().unwrap_or_else(|| "(damaged)".into());
        let what = match entry.kind {
            CacheEntryKind::Model => "compiled",
            CacheEntryKind::Plan => "plan",
        };
        let (size, used) = (bytes(entry.file_bytes), utc(entry.last_used_unix_s));
        table.add_row([entry.key.clone(), model, what.into(), size, used]);
    }
    right_align(&mut table, [3]);
    table.to_string()
}

/// How many there are and how large: `2 compiled models and 1 plan (3.1 MB)`.
fn sum(entries: &[CacheEntry]) -> String {
    format!("{} ({})", kept(entries), bytes(total(entries)))
}

fn kept(entries: &[CacheEntry]) -> String {
    let plan_count = plan_count(entries);
    let model_count = entries.len() - plan_count;
    let numbered = |number: usize, one: &str, more: &str| {
        format!("{} {}", count(number as u64), if number == 1 { one } else { more })
    };
    let models = numbered(model_count, "compiled model", "compiled models");
    if plan_count == 0 { models } else { format!("{models} and {}", numbered(plan_count, "plan", "plans")) }
}

fn plan_count(entries: &[CacheEntry]) -> usize {
    entries.iter().filter(|entry| entry.kind == CacheEntryKind::Plan).count()
}

fn total(entries: &[CacheEntry]) -> u64 {
    entries.iter().map(|entry| entry.file_bytes).sum()
}

/// The state of the cache folder, for `doctor`.
#[derive(Serialize)]
pub struct CacheState {
    folder: Option<PathBuf>,
    /// Compiled models; `None` if the folder cannot be read.
    entry_count: Option<usize>,
    plan_count: Option<usize>,
    /// What is in it, in words.
    #[serde(skip)]
    content: Option<String>,
    total_bytes: Option<u64>,
    /// Whether it can be written to, or made if it is not there.
    is_writable: bool,
}

impl CacheState {
    /// Looks at the folder that the command line uses.
    pub fn read() -> Self {
        let cache = cache_at(None);
        let (folder, entries) = (cache.folder(), cache.entries().ok());
        Self {
            is_writable: folder.as_deref().is_some_and(is_writable),
            folder,
            entry_count: entries.as_ref().map(|entries| entries.len() - plan_count(entries)),
            plan_count: entries.as_deref().map(plan_count),
            content: entries.as_deref().map(kept),
            total_bytes: entries.as_deref().map(total),
        }
    }

    /// In one line.
    pub fn text(&self) -> String {
        let Some(folder) = &self.folder else { return "none".into() };
        let content = match (&self.content, self.total_bytes) {
            (Some(content), Some(size)) => format!("{content}, {}", bytes(size)),
            _ => "cannot be read".into(),
        };
        let writable = if self.is_writable { "writable" } else { "not writable" };
        format!("{} ({content}, {writable})", folder.display())
    }
}

/// Whether a file could be made in a folder, or the folder itself if it is not there.
fn is_writable(folder: &Path) -> bool {
    let named =
        |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.into() };
    let existing = folder.ancestors().map(named).find(|folder| folder.exists());
    existing.is_some_and(|folder| check_writable(&folder.join("ortlet-probe")).is_ok())
}
