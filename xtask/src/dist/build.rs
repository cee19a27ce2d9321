//! Builds the libraries and the program for a kind of machine, for a glibc that is old enough.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::target_folder;
use crate::cache::Cache;
use crate::{repo, say, tools, venv};

/// The oldest glibc that programs may run with.
pub const GLIBC: (u32, u32) = (2, 28);

const PROFILE: &str = "dist";

pub struct Built {
    /// The shared library, stripped.
    pub library: PathBuf,
    pub static_library: PathBuf,
    /// The command line, stripped.
    pub program: PathBuf,
}

pub fn build(cache: &Cache, triple: &str) -> Result<Built> {
    tools::rust_target(triple)?;
    let python = venv::ensure(cache, &venv::PACKAGERS)?;
    let bin = python.parent().context("an interpreter is in a folder")?;
    say::note(format_args!("building for {triple}, which takes minutes"));
    let mut command = repo::cargo();
    command.args(["zigbuild", "--locked", "--profile", PROFILE, "-p", "ortlet-ffi", "-p", "ortlet-cli"]);
    command.args(["--target", &format!("{triple}.{}.{}", GLIBC.0, GLIBC.1)]);
    // Zig is a module of that Python, and cargo finds `zigbuild` on the path.
    let own = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&own)))?;
    command.env("PATH", path).env_remove("CARGO_BUILD_TARGET").stdout(Stdio::null());
    if !say::is_watched() {
        command.arg("--quiet");
    }
    let status = command.status().context("run cargo zigbuild")?;
    ensure!(status.success(), "the build for {triple} failed");
    let folder = target_folder().join(triple).join(PROFILE);
    Ok(Built {
        library: folder.join("libortlet.so"),
        static_library: folder.join("libortlet.a"),
        program: folder.join("ortlet"),
    })
}
