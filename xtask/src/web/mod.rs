//! Builds the npm package from its sources in Rust and TypeScript.

mod command;
mod files;
pub mod modules;
pub mod node;
mod scripts;
pub mod sizes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

pub use self::command::run;
use self::modules::Modules;
use crate::cargo_tools::WASM_BINDGEN;
use crate::digest::sha256;
use crate::{dist, repo, say, stamp, tools};

const STAMP: &str = ".stamp";

/// The package, built, in a project of Node's that depends on it.
pub struct Package {
    /// The project's folder. Beside the package it has those that tests need.
    pub project: PathBuf,
    /// The package in it, `node_modules/ortlet`.
    pub folder: PathBuf,
}

/// Makes sure that everything is there which the package is built with.
pub fn tools() -> Result<()> {
    tools::wasm_target()?;
    node::ensure()?;
    WASM_BINDGEN.ensure().map(drop)
}

/// The package as the sources are now.
///
/// # Errors
/// If a tool is missing, or a source is wrong.
pub fn package() -> Result<Package> {
    tools()?;
    let modules = modules::build()?;
    let project = folder("project")?;
    let package = Package { folder: project.join("node_modules/ortlet"), project };
    let key = key(&modules)?;
    if !stamp::holds(&package.project, STAMP, &key) {
        let start = Instant::now();
        make(&package, &modules)?;
        stamp::write(&package.project, STAMP, &key, &listed(&package)?)?;
        say::note(format_args!("built the npm package in {:.1} s", start.elapsed().as_secs_f64()));
    }
    link_for_editors(&package)?;
    Ok(package)
}

/// A folder beside what cargo builds, which exists then.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = dist::target_folder().join("web").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    std::path::absolute(&folder).with_context(|| format!("resolve {}", folder.display()))
}

fn make(package: &Package, modules: &Modules) -> Result<()> {
    for folder in ["node_modules", "scripts", "tests"] {
        remove(&package.project.join(folder))?;
    }
    fs::create_dir_all(&package.folder).with_context(|| format!("create {}", package.folder.display()))?;
    files::copy_into(&package.folder, modules)?;
    scripts::compile_into(&package.folder.join("dist"), &package.project.join("scripts"), modules)?;
    files::lay_out_project(&package.project, modules)
}

/// Changes whenever anything does that the package is made of.
fn key(modules: &Modules) -> Result<String> {
    let mut text = format!("{}\n{}\n", dist::version(), modules.digest()?);
    let shared = ["LICENSE-APACHE", "LICENSE-MIT"].map(PathBuf::from);
    let is_source = |file: &PathBuf| file.starts_with("wasm/js") && !file.starts_with("wasm/js/tests");
    // How it is built is a part of what it is built from.
    let is_recipe = |file: &PathBuf| file.starts_with("xtask/src/web");
    let files = repo::files()?.into_iter().filter(|file| is_source(file) || is_recipe(file));
    for file in files.chain(shared) {
        let path = repo::root().join(&file);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        text += &format!("{} {}\n", sha256(&bytes), file.display());
    }
    Ok(sha256(text.as_bytes()))
}

/// The package's files, named from the project's folder.
fn listed(package: &Package) -> Result<Vec<String>> {
    let name = |path: PathBuf| {
        let path = path.strip_prefix(&package.project).context("a file of the package is in the project")?;
        Ok(path.to_str().with_context(|| format!("{} is no text", path.display()))?.to_owned())
    };
    files_below(&package.folder)?.into_iter().map(name).collect()
}

/// Every file below a folder, sorted.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Where the sources of tests look for the package: TypeScript and editors then see what was built.
fn link_for_editors(package: &Package) -> Result<()> {
    let tests = repo::root().join("wasm/js/tests/node_modules");
    link(&package.folder, &tests.join("ortlet"))
}

/// Makes a symbolic link, whatever was there before.
fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    remove(link)?;
    let folder = link.parent().context("a link is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(not(unix))]
    let made = Err(std::io::Error::from(std::io::ErrorKind::Unsupported));
    made.with_context(|| format!("create {}", link.display()))
}

/// Removes a folder, a file or a link, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.with_context(|| format!("remove {}", path.display()))
}
