//! Packs a folder so that the same files always give the same archive.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

pub fn pack(dist: &Path, name: &str) -> Result<PathBuf> {
    let archive = dist.join(format!("{name}.tar.gz"));
    let mut command = Command::new("tar");
    command.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=a+rX,u+w,go-w",
    ]);
    command.args(["--use-compress-program=gzip -9n", "--create", "--file"]).arg(&archive);
    command.arg("--directory").arg(dist).arg(name).stdin(Stdio::null());
    let status = command.status().context("run tar")?;
    ensure!(status.success(), "tar cannot write {}", archive.display());
    Ok(archive)
}
