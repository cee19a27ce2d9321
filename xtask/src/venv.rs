//! Python environments of the tests and of the benchmarks, from the hashes in their `requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::{python, repo, say, stamp};

const STAMP: &str = ".ortlet-stamp";

/// An environment.
pub struct Venv {
    /// Whose it is, for the one who waits.
    owner: &'static str,
    /// Folder of the cache.
    folder: &'static str,
    requirements: &'static str,
    /// What a complete one can do.
    probe: &'static str,
    /// What pip is told besides.
    arguments: &'static [&'static str],
}

pub const TESTS: Venv = Venv {
    owner: "the tests'",
    folder: "venv",
    requirements: "tests/requirements.txt",
    probe: "import numpy, onnx, onnxruntime, PIL, prometheus_client, pytest, safetensors, tokenizers",
    arguments: &[],
};

pub const BENCHES: Venv = Venv {
    owner: "the benchmarks'",
    folder: "venv-bench",
    requirements: "bench/requirements.txt",
    probe: "import numpy, openvino; openvino.Core()",
    // OpenVINO also asks for a package that reports its users.
    arguments: &["--no-deps"],
};

/// With the tools that models are quantized with elsewhere.
pub const QUANTIZERS: Venv = Venv {
    owner: "the quantizers'",
    folder: "venv-quantize",
    requirements: "bench/quantize-requirements.txt",
    probe: "import nncf, numpy, onnx, onnxruntime, openvino, PIL, tokenizers",
    // The list is complete but for a package that reports users.
    arguments: &["--no-deps"],
};

/// With zig, which links for an old glibc and for other processors, and maturin.
pub const PACKAGERS: Venv = Venv {
    owner: "the packagers'",
    folder: "venv-dist",
    requirements: "xtask/dist-requirements.txt",
    probe: "import maturin, ziglang",
    arguments: &["--no-deps"],
};

/// With what judges Python packages.
pub const AUDITORS: Venv = Venv {
    owner: "the auditors'",
    folder: "venv-audit",
    requirements: "xtask/audit-requirements.txt",
    probe: "import abi3audit, auditwheel",
    arguments: &["--no-deps"],
};

/// Makes sure that the environment is there and complete; returns its interpreter.
pub fn ensure(cache: &Cache, venv: &Venv) -> Result<PathBuf> {
    let (folder, key) = (cache.path(venv.folder), key(venv)?);
    let interpreter = folder.join("bin").join("python");
    if stamp::holds(&folder, STAMP, &key) && python::can(&interpreter, venv.probe) {
        return Ok(interpreter);
    }
    let base = python::with_venv()?;
    say::note(format_args!("making {} Python environment", venv.owner));
    let made = Command::new(&base)
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("run python3 -m venv")?;
    ensure!(made.success(), "python3 -m venv {} failed", folder.display());
    install(cache, &interpreter, &repo::root().join(venv.requirements), venv.arguments)?;
    stamp::write(&folder, STAMP, &key, &[])?;
    Ok(interpreter)
}

/// Changes whenever another set of packages is wanted.
pub fn key(venv: &Venv) -> Result<String> {
    let path = repo::root().join(venv.requirements);
    Ok(sha256(&fs::read(&path).with_context(|| format!("read {}", path.display()))?))
}

/// Writes a file that asks for only some of an environment's packages, with their versions and hashes.
pub fn select(venv: &Venv, packages: &[&str], to: &Path) -> Result<()> {
    let path = repo::root().join(venv.requirements);
    let all = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let (mut selection, mut is_wanted) = (String::new(), false);
    for line in all.lines() {
        if !line.starts_with(' ') {
            is_wanted = line.split_once("==").is_some_and(|(name, _)| packages.contains(&name));
        }
        if is_wanted {
            selection += &format!("{line}\n");
        }
    }
    ensure!(!selection.is_empty(), "{} has none of {packages:?}", path.display());
    fs::write(to, selection).with_context(|| format!("write {}", to.display()))
}

/// Installs what a file with hashes asks for: from the cache if it is there, else from the index.
pub fn install(cache: &Cache, interpreter: &Path, requirements: &Path, arguments: &[&str]) -> Result<()> {
    let (wheels, shown) = (cache.path("wheels"), requirements.display());
    let command = || {
        let mut command = python::pip(interpreter);
        command.args(["install", "--require-hashes", "--only-binary=:all:", "--find-links"]).arg(&wheels);
        command.args(arguments).arg("-r").arg(requirements);
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
            "cannot install {shown}.\n\
             If this machine is offline, run this on a like one that is not:\n    \
             python3 -m pip download --require-hashes --only-binary=:all: -r {shown}\n\
             and put the files into {}\n\
             pip said",
            wheels.display()
        )
    })
}
