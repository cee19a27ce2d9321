//! Node, and the packages that ours is built and tested with.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::digest::sha256;
use crate::say::{self, MissingTool};
use crate::{repo, stamp};

const STAMP: &str = ".ortlet-stamp";
/// The oldest Node that the package is for.
const OLDEST: u32 = 20;

/// The folder of the sources in TypeScript.
pub fn sources() -> PathBuf {
    repo::root().join("wasm/js")
}

/// The folder of the packages.
pub fn packages() -> PathBuf {
    sources().join("node_modules")
}

/// Makes sure that Node is there, and the packages of the lock file.
pub fn ensure() -> Result<()> {
    found()?;
    let lock = sources().join("package-lock.json");
    let key = sha256(&fs::read(&lock).with_context(|| format!("read {}", lock.display()))?);
    if stamp::holds(&packages(), STAMP, &key) {
        return Ok(());
    }
    say::note("installing the packages of wasm/js with npm");
    let start = Instant::now();
    // Nothing of theirs has to run for that.
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
    run(npm.current_dir(sources())).context("npm cannot install the packages of wasm/js")?;
    stamp::write(&packages(), STAMP, &key, &[])?;
    say::note(format_args!("installed them in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(())
}

fn found() -> Result<()> {
    let said = |program: &str| {
        let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned())
    };
    let major = said("node").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST) && said("npm").is_some() {
        return Ok(());
    }
    bail!(MissingTool {
        tool: format!("Node.js {OLDEST} or newer with npm"),
        remedy: "install it, for example from nodejs.org".into(),
    })
}

/// A program of one of the packages.
pub fn program(name: &str) -> Command {
    Command::new(packages().join(".bin").join(name))
}

/// The version of a package, without which nobody's licence is named.
pub fn version_of(package: &str) -> Result<String> {
    let path = packages().join(package).join("package.json");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let manifest: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))?;
    Ok(manifest["version"].as_str().with_context(|| format!("{} has no version", path.display()))?.to_owned())
}

/// What a program prints that has to end well; else everything that it said is the error.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {command:?}"))?;
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let name = command.get_program();
    let name = PathBuf::from(name).file_name().map_or(name.to_owned(), OsStr::to_owned);
    ensure!(output.status.success(), "{}: {}\n{printed}{said}", name.display(), output.status);
    Ok(printed.into_owned())
}
