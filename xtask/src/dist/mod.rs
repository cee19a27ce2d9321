//! `cargo xtask dist`: what is shipped: for each kind of machine an archive for C and C++ and a package for Python, and
//! the npm package for all of them.

mod archive;
mod build;
mod crates;
mod elf;
pub mod npm;
pub mod paths;
mod sbom;
mod stage;
mod third_party;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use self::npm::Npm;
use self::wheel::Wheel;
use crate::cache::Cache;
use crate::pins::{self, Pin};
use crate::say::skip_if_missing;
use crate::{repo, say, unpack};

/// The most that the stripped shared library may take.
const MOST_BYTES: u64 = 4_000_000;

/// What is in an archive.
const ROOTS: [&str; 2] = ["ortlet-ffi", "ortlet-cli"];

/// A kind of machine.
#[derive(Debug)]
pub struct Target {
    pub triple: &'static str,
    /// ONNX Runtime for it.
    pub runtime: &'static Pin,
}

pub const TARGETS: [Target; 2] = [
    Target { triple: "x86_64-unknown-linux-gnu", runtime: &pins::BUNDLED_X86_64 },
    Target { triple: "aarch64-unknown-linux-gnu", runtime: &pins::BUNDLED_AARCH64 },
];

/// What was made for one.
pub struct Made {
    pub triple: &'static str,
    pub archive: PathBuf,
    pub archive_bytes: u64,
    /// The stripped shared library.
    pub library_bytes: u64,
    pub wheel: Wheel,
}

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let (mut targets, mut as_json) = (Vec::new(), false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--json" => as_json = true,
            "--target" => targets.push(named(rest.next().context("--target needs a triple")?)?),
            other => bail!("there is no option `{other}`; there are --target TRIPLE and --json"),
        }
    }
    if targets.is_empty() {
        targets.extend(&TARGETS);
    }
    let made = make(&targets)?;
    let npm = skip_if_missing("the npm package", npm::make())?;
    if as_json {
        let entry = |made: &Made| {
            json!({
                "triple": made.triple,
                "archive": made.archive,
                "archive_bytes": made.archive_bytes,
                "library_bytes": made.library_bytes,
                "wheel": made.wheel.path,
                "wheel_bytes": made.wheel.bytes,
                "extension_bytes": made.wheel.extension_bytes,
            })
        };
        let entries = made.iter().map(entry).chain(npm.iter().map(Npm::document));
        println!("{:#}", serde_json::Value::from(entries.collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:>12} {:>12}  file", "file", "library");
    for made in &made {
        line(&made.archive, made.archive_bytes, made.library_bytes);
        line(&made.wheel.path, made.wheel.bytes, made.wheel.extension_bytes);
    }
    if let Some(npm) = npm {
        line(&npm.path, npm.bytes, npm.wasm_bytes);
        println!("{:>12} {:>12}", "", "compressed");
        for (name, bytes) in npm.sizes.named() {
            println!("{:>12} {:>12}  {name}", "", kilobytes(bytes));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A row of the table: a file that is shipped, and the library of Ortlet's in it.
fn line(file: &Path, bytes: u64, library_bytes: u64) {
    println!("{:>12} {:>12}  {}", megabytes(bytes), megabytes(library_bytes), file.display());
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1e3)
}

pub fn named(triple: &str) -> Result<&'static Target> {
    let known = || TARGETS.map(|target| target.triple).join(", ");
    TARGETS
        .iter()
        .find(|target| target.triple == triple)
        .with_context(|| format!("nothing is shipped for `{triple}`; there are: {}", known()))
}

/// Makes archives and packages for these kinds of machines.
pub fn make(targets: &[&'static Target]) -> Result<Vec<Made>> {
    let triples: Vec<&str> = targets.iter().map(|target| target.triple).collect();
    build::build(&triples)?;
    targets.iter().map(|target| pack(target)).collect()
}

/// Makes an archive and a package of what was built.
fn pack(target: &'static Target) -> Result<Made> {
    let runtime = unpack::ensure(&Cache::open()?, target.runtime)?;
    let built = build::built(target.triple);
    elf::check_glibc(&[&built.library, &built.program])?;
    elf::check_origins(&[&built.library, &built.program], |_| false)?;
    elf::check_exports(&built.library, &elf::header()?)?;
    paths::check(&[&built.library, &built.program, &built.static_library])?;
    let library_bytes = size(&built.library)?;
    ensure!(library_bytes <= MOST_BYTES, "libortlet.so takes {library_bytes} bytes, more than {MOST_BYTES}");

    let dist = repo::root().join("dist");
    let name = format!("ortlet-{}-{}", version(), target.triple);
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    let linked = crates::linked(target.triple, &ROOTS)?;
    stage::stage(&folder, target, &built, &runtime)?;
    write(&folder.join("THIRD-PARTY.txt"), &third_party::text(&linked)?)?;
    write(&folder.join("sbom.cdx.json"), &sbom::cyclonedx(target, &linked, &runtime)?)?;
    let archive = archive::pack(&dist, &name)?;
    say::note(format_args!("made {}", archive.display()));
    let (archive_bytes, wheel) = (size(&archive)?, wheel::make(target, &built)?);
    Ok(Made { triple: target.triple, archive, archive_bytes, library_bytes, wheel })
}

/// The version of the workspace, which is also this program's.
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("look at {}", path.display()))?.len())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo::root().join("target"), PathBuf::from)
}
