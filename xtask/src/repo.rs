//! Where the repository is, which files belong to it, and how to call cargo on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result};

/// The root folder of the workspace.
pub fn root() -> PathBuf {
    // Cargo sets the variable when it runs us; the compiled-in value serves a binary called by hand.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}

/// The cargo that runs us, working at the root.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The project's own files relative to the root, sorted: tracked or about to be.
pub fn files() -> Result<Vec<PathBuf>> {
    let root = root();
    let mut files = match files_of_git(&root) {
        Some(files) => files,
        None => files_of_tree(&root)?,
    };
    // Git also lists what was deleted but not yet committed.
    files.retain(|file| root.join(file).symlink_metadata().is_ok_and(|found| found.is_file()));
    files.sort();
    files.dedup();
    Ok(files)
}

fn files_of_git(root: &Path) -> Option<Vec<PathBuf>> {
    // An unpacked source archive may lie inside somebody else's repository.
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let list = String::from_utf8(output.stdout).ok()?;
    Some(list.split_terminator('\0').map(PathBuf::from).collect())
}

fn files_of_tree(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        for entry in fs::read_dir(&full).with_context(|| format!("list {}", full.display()))? {
            let entry = entry.with_context(|| format!("list {}", full.display()))?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let path = folder.join(&name);
            let built =
                matches!(name.to_str(), Some(".git" | "target" | "dist" | "node_modules" | "__pycache__"));
            if kind.is_dir() && !built {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}
