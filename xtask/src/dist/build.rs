//! Builds the libraries, the program and the module for Python, for kinds of machines, and for a glibc that is old enough.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::{paths, target_folder};
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
    /// The module that Python loads, stripped.
    pub extension: PathBuf,
}

/// What was built for a kind of machine.
pub fn built(triple: &str) -> Built {
    let folder = target_folder().join(triple).join(PROFILE);
    Built {
        library: folder.join("libortlet.so"),
        static_library: folder.join("libortlet.a"),
        program: folder.join("ortlet"),
        extension: folder.join("lib_ortlet.so"),
    }
}

/// Builds for all kinds of machines at once, because the end of each build keeps only two processors busy.
pub fn build(triples: &[&str]) -> Result<()> {
    let tools = tools(triples)?;
    say::note(format_args!("building for {}, which takes minutes", triples.join(" and ")));
    let mut command = repo::cargo();
    command.args(["zigbuild", "--locked", "--profile", PROFILE]);
    command.args(["-p", "ortlet-ffi", "-p", "ortlet-cli", "-p", "ortlet-python"]);
    // The module is for every Python, whichever is on this machine, and links with none.
    command.envs([("PYO3_BUILD_EXTENSION_MODULE", "1"), ("PYO3_NO_PYTHON", "1")]);
    for triple in triples {
        command.args(["--target", &format!("{triple}.{}.{}", GLIBC.0, GLIBC.1)]);
    }
    // Zig is a module of that Python, and cargo finds `zigbuild` on the path.
    let own = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&own)))?;
    command.env("PATH", path).env_remove("CARGO_BUILD_TARGET").stdout(Stdio::null());
    command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", paths::flags()?);
    if !say::is_watched() {
        command.arg("--quiet");
    }
    let status = command.status().context("run cargo zigbuild")?;
    ensure!(status.success(), "the build for {} failed", triples.join(" and "));
    Ok(())
}

/// Makes sure that the programs are there which builds need; returns the folder of those that are not the toolchain's.
/// Others may use the cache again while the build goes on.
fn tools(triples: &[&str]) -> Result<PathBuf> {
    triples.iter().try_for_each(|triple| tools::rust_target(triple))?;
    let python = venv::ensure(&Cache::open()?, &venv::PACKAGERS)?;
    Ok(python.parent().context("an interpreter is in a folder")?.to_owned())
}
