//! `cargo xtask packaging`: makes the packages and uses them as somebody would who has nothing else of Ortlet.

mod arm;
mod example;
mod native;
mod npm;
mod python;
mod unpacked;

pub use arm::TRIPLE as ARM;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::say::{self, skip_if_missing};
use crate::tools::DebianFile;
use crate::{dist, pins, tools, unpack};

const TOOLS: [DebianFile; 7] = [
    ("cmake", "cmake"),
    ("make", "make"),
    ("pkg-config", "pkg-config"),
    ("g++", "g++"),
    ("clang++", "clang"),
    ("readelf", "binutils"),
    tools::SPEECH,
];

/// Variables that lead programs elsewhere.
const STRANGERS: [&str; 9] = [
    "ORTLET_RUNTIME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "CMAKE_PREFIX_PATH",
    "PKG_CONFIG_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
];

pub fn run() -> Result<ExitCode> {
    check()?;
    say::note("the packages can be used");
    Ok(ExitCode::SUCCESS)
}

/// # Errors
/// If a package cannot be made or used, or a tool is missing.
pub fn check() -> Result<()> {
    tools::debian(&TOOLS)?;
    let model = {
        let cache = Cache::open()?;
        unpack::ensure(&cache, &pins::SILERO_VAD)?.join("silero_vad.onnx")
    };
    let native = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut targets = vec![dist::named(&native)?];
    // There is an emulator for Arm, where this machine is none.
    targets.extend((native != arm::TRIPLE).then(|| dist::named(arm::TRIPLE)).transpose()?);
    let made = dist::make(&targets)?;
    let folder = scratch()?;
    let packages = made.iter().map(|made| unpacked::moved(made, &folder.join(made.triple)));
    let packages = packages.collect::<Result<Vec<_>>>()?;
    native::check(&packages[0], &folder.join("programs"))?;
    if let [own, arm] = packages.as_slice() {
        arm::check(arm, own, &model, &folder.join("emulated"))?;
    }
    let wheels: Vec<&Path> = made.iter().map(|made| made.wheel.path.as_path()).collect();
    python::audit::check(&wheels)?;
    python::check(wheels[0], &folder.join("python"))?;
    python::examples::check(wheels[0], &folder.join("python"))?;
    if let [_, arm] = wheels.as_slice() {
        skip_if_missing("the Python package for Arm", python::arm::check(arm, &folder.join("python-arm")))?;
    }
    skip_if_missing("the npm package", check_npm_in(&folder.join("npm"))).map(drop)
}

/// Makes the npm package alone and uses it.
pub fn check_npm() -> Result<()> {
    check_npm_in(&scratch()?)
}

fn check_npm_in(folder: &Path) -> Result<()> {
    npm::check(&dist::npm::make()?, folder)
}

/// An empty folder beside what cargo builds.
fn scratch() -> Result<PathBuf> {
    let folder = dist::target_folder().join("packaging");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    std::path::absolute(&folder).with_context(|| format!("resolve {}", folder.display()))
}

/// A program that knows no other ONNX Runtime or Ortlet than the one it finds.
fn alone(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for variable in STRANGERS {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command that has to end well prints.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {}\n{printed}{said}", output.status);
    Ok(printed.into_owned())
}
