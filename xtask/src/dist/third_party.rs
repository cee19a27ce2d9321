//! The licences of what is linked in, in one text: each licence once, with the crates that have it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::crates::Crate;
use crate::repo;

const LINE: &str = "--------------------------------------------------------------------------------";

pub fn text(crates: &[Crate]) -> Result<String> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::from("Ortlet contains these libraries.\n\n");
    for own in crates {
        let title = format!("{} {}", own.name, own.version);
        list += &format!("{title} ({})\n", own.licence);
        let licences = licences(&own.folder)?;
        ensure!(!licences.is_empty(), "{title} has no file with its licence");
        for licence in licences {
            by_text.entry(licence).or_default().push(title.clone());
        }
    }
    for (licence, owners) in by_text {
        list += &format!("\n{LINE}\n{}\n{LINE}\n\n{licence}\n", owners.join(", "));
    }
    Ok(list)
}

/// The notices of Rust's standard library, which is linked in as well; they come with the toolchain.
pub fn standard_library() -> Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).current_dir(repo::root()).output();
    let output = output.context("run rustc")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let notices = sysroot.join("share/doc/rust/COPYRIGHT-library.html");
    ensure!(notices.is_file(), "the toolchain lacks {}", notices.display());
    Ok(notices)
}

/// The licence files of a crate's source.
fn licences(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_licence(path)).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
    };
    files.iter().map(read).collect()
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
    path.is_file()
        && ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start))
}
