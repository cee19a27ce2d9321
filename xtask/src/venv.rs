//! The Python environment of the tests, from the hashes in `tests/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::{python, repo, say, stamp};

const REQUIREMENTS: &str = "tests/requirements.txt";
const STAMP: &str = ".ortlet-stamp";
const PROBE: &str = "import numpy, onnx, onnxruntime, safetensors";

/// Makes sure that the environment is there and complete; returns its interpreter.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    let (folder, key) = (cache.path("venv"), key()?);
    let interpreter = folder.join("bin").join("python");
    if stamp::holds(&folder, STAMP, &key) && python::can(&interpreter, PROBE) {
        return Ok(interpreter);
    }
    let base = python::with_venv()?;
    say::note("making the tests' Python environment");
    let made = Command::new(&base)
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("run python3 -m venv")?;
    ensure!(made.success(), "python3 -m venv {} failed", folder.display());
    install(cache, &interpreter)?;
    stamp::write(&folder, STAMP, &key, &[])?;
    Ok(interpreter)
}

/// Changes whenever another set of packages is wanted.
pub fn key() -> Result<String> {
    let path = repo::root().join(REQUIREMENTS);
    Ok(sha256(&fs::read(&path).with_context(|| format!("read {}", path.display()))?))
}

fn install(cache: &Cache, interpreter: &Path) -> Result<()> {
    let wheels = cache.path("wheels");
    let command = || {
        let mut command = python::pip(interpreter);
        command.args(["install", "--require-hashes", "--only-binary=:all:", "--find-links"]).arg(&wheels);
        command.arg("-r").arg(repo::root().join(REQUIREMENTS));
        command
    };
    // Without the index first: an offline machine that has the wheels should not wait for time-outs.
    let mut offline = command();
    offline.args(["--no-index", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if offline.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    python::run_pip(command().arg("--no-cache-dir")).with_context(|| {
        format!(
            "cannot install {REQUIREMENTS}.\n\
             If this machine is offline, run this on a like one that is not:\n    \
             python3 -m pip download --require-hashes --only-binary=:all: -r {REQUIREMENTS}\n\
             and put the files into {}\n\
             pip said",
            wheels.display()
        )
    })
}
