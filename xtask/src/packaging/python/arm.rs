//! Uses the Python package for Arm in an emulated Python, which Debian has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::super::{arm, output};
use super::{checks, doctor};
use crate::cache::Cache;
use crate::tools::DebianFile;
use crate::{pins, python, say, sysroot, tools};

const TOOLS: [DebianFile; 2] = [("qemu-aarch64", "qemu-user"), ("dpkg-deb", "dpkg")];

/// What the package needs of the other machine: Python as far as it needs it, and ONNX Runtime's C++ library.
const PACKAGES: [&str; 4] = ["python3-minimal", "libpython3-stdlib", "libstdc++6", "zlib1g"];

pub fn check(wheel: &Path, folder: &Path) -> Result<()> {
    let package = installed(wheel, &folder.join("package"))?;
    for file in ["_ortlet.abi3.so", pins::RUNTIME_LIBRARY] {
        arm::is_for_arm(&package.join("ortlet").join(file))?;
    }
    tools::debian(&TOOLS)?;
    let machine = sysroot::ensure(&Cache::open()?, "arm64", &PACKAGES)?;
    arm::cpu_info(&machine)?;
    say::note("using the package for Arm in an emulator");
    output(checks(&mut emulated(&machine, &package, folder)))?;
    let found = doctor(&mut emulated(&machine, &package, folder))?;
    ensure!(found.version == pins::RUNTIME_VERSION, "on Arm {found:?} is used");
    Ok(())
}

/// The folder that pip unpacks the package to; it does so only for machines that the package says it is for.
fn installed(wheel: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mut pip = python::pip(&python::with_pip()?);
    pip.args(["install", "--quiet", "--no-index", "--no-deps", "--only-binary=:all:", "--no-compile"]);
    pip.args(["--implementation", "cp", "--python-version", "3.10", "--platform", "manylinux_2_28_aarch64"]);
    output(pip.arg("--target").arg(folder).arg(wheel))?;
    Ok(folder.to_owned())
}

/// The emulated Python, with the package.
fn emulated(machine: &Path, package: &Path, folder: &Path) -> Command {
    let mut command = arm::emulator(machine);
    command.arg(machine.join("usr/bin/python3")).env("PYTHONPATH", package).current_dir(folder);
    // The interpreter that is emulated would otherwise write beside its own modules.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
