//! Unpacks an archive and moves it, so that whatever remembers its place is found out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::output;
use crate::dist::Made;

/// What has to be in every archive, besides what the programs use.
const FILES: [&str; 9] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "LICENSE-onnxruntime",
    "NOTICES-onnxruntime.txt",
    "NOTICES-rust.html",
    "README.md",
    "THIRD-PARTY.txt",
    "include/ortlet/ortlet.hpp",
    "sbom.cdx.json",
];

/// The archive's only folder, where it was not unpacked.
pub fn moved(made: &Made, folder: &Path) -> Result<PathBuf> {
    let first = folder.join("first");
    fs::create_dir_all(&first).with_context(|| format!("create {}", first.display()))?;
    output(Command::new("tar").arg("-xzf").arg(&made.archive).arg("-C").arg(&first))?;
    let entries = fs::read_dir(&first).with_context(|| format!("list {}", first.display()))?;
    let entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let [only] = entries.as_slice() else { anyhow::bail!("an archive has one folder, not {entries:?}") };
    let place = folder.join("second");
    fs::rename(only, &place).with_context(|| format!("move {}", only.display()))?;
    for file in FILES {
        ensure!(place.join(file).is_file(), "{} lacks {file}", made.archive.display());
    }
    Ok(place)
}
