//! Runs an example, which streams speech through a real model, on Arm and on this machine: both have to hear the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{alone, output};
use crate::repo;

pub const ARM_COMPILER: &str = "aarch64-linux-gnu-g++";

const NAME: &str = "voice-activity";
const TEXT: &str = "the quick brown fox jumps over the lazy dog";
/// The rate that the example takes.
const RATE: u32 = 16_000;

/// The example built for this machine, by its own Makefile.
pub fn native(package: &Path, folder: &Path) -> Result<PathBuf> {
    build(package, &folder.join("native"), "g++")
}

/// The example built for Arm, by Debian's compiler for it: zig would build the libraries of C++ first.
pub fn for_arm(package: &Path, folder: &Path) -> Result<PathBuf> {
    build(package, &folder.join("arm"), ARM_COMPILER)
}

/// Builds a copy of the example against an unpacked archive.
fn build(package: &Path, folder: &Path, compiler: &str) -> Result<PathBuf> {
    let example = repo::root().join("examples").join(NAME);
    output(alone("cp").arg("-R").arg(&example).arg(folder))?;
    let packages = package.join("lib/pkgconfig");
    let mut make = alone("make");
    make.arg("-C").arg(folder).arg(format!("PKG_CONFIG_PATH={}", packages.display()));
    output(make.arg(format!("CXX={compiler}")))?;
    Ok(folder.join(NAME))
}

/// The segments of speech that the example prints, without the times that it took.
pub fn segments(program: &mut Command, model: &Path, sound: &Path) -> Result<Vec<String>> {
    let printed = output(program.arg(model).arg(sound))?;
    let lines: Vec<String> =
        printed.lines().filter(|line| !line.contains("p50")).map(str::to_owned).collect();
    ensure!(lines.len() > 1, "the example hears no speech: {printed}");
    Ok(lines)
}

/// A file of slow speech: what was spoken at another rate, called one of the example's.
pub fn speech(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("speech.wav");
    output(alone("espeak-ng").arg("-w").arg(&path).arg(TEXT))?;
    let mut bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    ensure!(bytes.len() > 44, "espeak-ng says nothing");
    bytes[24..28].copy_from_slice(&RATE.to_le_bytes());
    fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
