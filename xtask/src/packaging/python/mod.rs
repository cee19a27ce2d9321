//! Installs the Python package into empty environments of every Python that is here, and uses it there.

pub mod arm;
pub mod audit;
pub mod examples;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{alone, output};
use crate::cache::Cache;
use crate::{dist, pins, python, repo, say, unpack, venv};

/// What part of the checks is for, in the version that the tests have.
const NUMPY: [&str; 1] = ["numpy"];

pub fn check(wheel: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mut is_first = true;
    for (version, base) in python::installed()? {
        say::note(format_args!("using the package with Python {version}"));
        let python = installed(wheel, &base, &folder.join(&version))?;
        uses(&python)?;
        // The versions of numpy that the tests have are not for Python 3.10.
        if is_first && version != "3.10" {
            uses_numpy(&python, folder)?;
            is_first = false;
        }
    }
    ensure!(!is_first, "no Python is here that numpy can be checked with");
    Ok(())
}

/// The interpreter of a new environment with nothing but the package.
fn installed(wheel: &Path, base: &Path, folder: &Path) -> Result<PathBuf> {
    // A copy of the interpreter, so that what lies beside it is ours to say.
    output(alone(base).args(["-m", "venv", "--copies"]).arg(folder))?;
    let python = folder.join("bin/python");
    let pip = || {
        let mut pip = alone(&python);
        pip.args(["-m", "pip", "--disable-pip-version-check"]);
        pip
    };
    output(pip().args(["install", "--quiet", "--no-index", "--no-deps"]).arg(wheel))?;
    output(pip().arg("check"))?;
    Ok(python)
}

/// What a program does with it, and its command line.
fn uses(python: &Path) -> Result<()> {
    output(checks(&mut within(python, python)))?;
    let expected = format!("ortlet {}", dist::version());
    let script = output(within(python, &python.with_file_name("ortlet")).arg("--version"))?;
    let module = output(within(python, python).args(["-m", "ortlet", "--version"]))?;
    for version in [script, module] {
        ensure!(version.trim() == expected, "ortlet --version printed {version}");
    }
    let own = doctor(&mut within(python, python))?;
    ensure!(own.version == pins::RUNTIME_VERSION, "the package brings ONNX Runtime {}", own.version);
    ensure!(own.path.ends_with(Path::new("ortlet").join(pins::RUNTIME_LIBRARY)), "it uses {own:?}");

    passes_others_over(python)
}

/// Another ONNX Runtime beside the interpreter changes nothing; one that the variable names is used.
fn passes_others_over(python: &Path) -> Result<()> {
    let other = pins::oldest_runtime();
    let library =
        unpack::ensure(&Cache::open()?, other)?.join(format!("libonnxruntime.so.{}", other.version));
    let beside = python.with_file_name("libonnxruntime.so");
    fs::copy(&library, &beside).with_context(|| format!("copy {}", library.display()))?;
    let own = doctor(&mut within(python, python))?;
    ensure!(own.version == pins::RUNTIME_VERSION, "beside the interpreter is {own:?}, which is used");
    let named = doctor(within(python, python).env("ORTLET_RUNTIME", &library))?;
    ensure!(named.version == other.version, "ORTLET_RUNTIME names {}, but {named:?} is used", other.version);
    Ok(())
}

/// Has an interpreter run the script with the checks.
fn checks(python: &mut Command) -> &mut Command {
    let root = repo::root();
    python.arg(root.join("tests/packaging/python/check.py"));
    python.arg(root.join("tests/conformance/fixtures/linear.onnx"))
}

fn uses_numpy(python: &Path, folder: &Path) -> Result<()> {
    let requirements = folder.join("requirements.txt");
    venv::select(&venv::TESTS, &NUMPY, &requirements)?;
    venv::install(&Cache::open()?, python, &requirements, &["--no-deps"])?;
    output(checks(&mut within(python, python)).arg("numpy")).map(drop)
}

/// A program of an environment, which works in its folder.
fn within(python: &Path, program: &Path) -> Command {
    let mut command = alone(program);
    command.current_dir(python.parent().and_then(Path::parent).unwrap_or(Path::new(".")));
    command
}

/// The ONNX Runtime that is used.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    version: String,
}

/// What `python -m ortlet doctor` finds.
fn doctor(python: &mut Command) -> Result<Found> {
    let printed = output(python.args(["-m", "ortlet", "doctor", "--json"]))?;
    let report: Value = serde_json::from_str(&printed).context("read what `ortlet doctor` prints")?;
    let found = &report["runtime"]["found"];
    let text = |key: &str| found[key].as_str().map(str::to_owned).with_context(|| format!("found no {key}"));
    Ok(Found { path: text("path")?.into(), version: text("version")? })
}
