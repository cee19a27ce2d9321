//! The crates that are linked into the libraries and the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::repo;

/// A crate that somebody else wrote.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: String,
    /// The folder of its source.
    pub folder: PathBuf,
}

/// All crates that end up in `roots`, which are some of ours, for a target; those that only build scripts and tests use are not among
/// them.
pub fn linked(triple: &str, roots: &[&str]) -> Result<Vec<Crate>> {
    let mut command = repo::cargo();
    command.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", triple]);
    let output = command.output().context("run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo's metadata")?;
    let packages: BTreeMap<&str, &Value> =
        array(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let is_root = |package: &&Value| roots.iter().any(|root| package["name"] == *root);
    let mut open: Vec<&str> =
        packages.iter().filter(|(_, package)| is_root(package)).map(|(id, _)| *id).collect();
    ensure!(open.len() == roots.len(), "cargo's metadata lacks one of {roots:?}");
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let node = nodes.get(id).into_iter();
            open.extend(node.flat_map(|node| dependencies(node)).filter(|id| !is_macro(packages[id])));
        }
    }
    let foreign =
        seen.into_iter().filter_map(|id| packages.get(id)).filter(|package| !package["source"].is_null());
    let mut crates = foreign.map(|package| described(package)).collect::<Result<Vec<_>>>()?;
    crates.sort();
    Ok(crates)
}

/// The same for one of ours with exactly these features, when it is built alone: others of the workspace ask for features of
/// crates that it does not.
pub fn linked_alone(triple: &str, root: &str, features: &str) -> Result<Vec<Crate>> {
    let mut command = repo::cargo();
    command.args(["tree", "--locked", "--package", root, "--features", features, "--target", triple]);
    command.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    let output = command.output().context("run cargo tree")?;
    ensure!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    // `half v2.7.1`, and more where it is not from the registry.
    let named: BTreeSet<(&str, &str)> = printed
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, first_word(rest)))
        .collect();
    let mut crates = linked(triple, &[root])?;
    crates.retain(|own| named.contains(&(own.name.as_str(), own.version.as_str())));
    ensure!(!crates.is_empty(), "cargo tree names no crate that {root} is linked with");
    Ok(crates)
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// Whether a crate runs in the compiler, so that nothing of it is in what the compiler makes.
fn is_macro(package: &Value) -> bool {
    let kinds = array(&package["targets"]).flat_map(|target| array(&target["kind"]));
    kinds.into_iter().any(|kind| kind == "proc-macro")
}

/// What a crate is linked with: dependencies that are not only for its build script or its tests.
fn dependencies(node: &Value) -> impl Iterator<Item = &str> {
    let is_normal = |dependency: &&Value| array(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    array(&node["deps"]).filter(is_normal).filter_map(|dependency| dependency["pkg"].as_str())
}

fn described(package: &Value) -> Result<Crate> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let manifest = PathBuf::from(text("manifest_path").context("a package has a manifest")?);
    Ok(Crate {
        name: text("name").context("a package has a name")?,
        version: text("version").context("a package has a version")?,
        licence: text("license").unwrap_or_else(|| "see its files".into()),
        folder: manifest.parent().map(PathBuf::from).unwrap_or_default(),
    })
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
