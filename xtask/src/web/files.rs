//! The files of the package that nothing has to be compiled for, and the project around it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::modules::Modules;
use super::{link, node};
use crate::{dist, repo};

/// What the package has of ONNX Runtime: for browsers, for Node, and what both load.
pub const ENGINE: [&str; 4] =
    ["ort.wasm.min.mjs", "ort.node.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];

/// The one of these that only Node loads.
pub const FOR_NODE: &str = ENGINE[1];

/// How a line begins that tells tools where a source map is.
const SOURCE_MAP: &str = "//# sourceMappingURL=";

/// What tests import besides the package.
const FOR_TESTS: [&str; 6] =
    ["esbuild", "expect-type", "onnxruntime-web", "playwright-core", "vite", "webpack"];

/// Copies them into the package's folder.
pub fn copy_into(package: &Path, modules: &Modules) -> Result<()> {
    let dist = package.join("dist");
    // Their JavaScript becomes a part of the scripts.
    for module in modules.files().filter(|file| file.extension().is_some_and(|kind| kind == "wasm")) {
        copy_to_folder(&module, &dist.join("wasm"))?;
    }
    copy_engine(&dist.join("onnxruntime"))?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy_to_folder(&repo::root().join(licence), package)?;
    }
    copy_to_folder(&node::sources().join("package/README.md"), package)?;
    manifest(package)
}

/// Writes `package.json` with the version of everything else here.
fn manifest(package: &Path) -> Result<()> {
    let template = node::sources().join("package/package.json");
    let text = fs::read_to_string(&template).with_context(|| format!("read {}", template.display()))?;
    // As text, so that its lines stay in their order.
    let placed = text.replacen("\"version\": \"0.0.0\"", &format!("\"version\": \"{}\"", dist::version()), 1);
    let manifest: Value =
        serde_json::from_str(&placed).with_context(|| format!("read {}", template.display()))?;
    let is_placed = manifest["version"] == dist::version();
    anyhow::ensure!(is_placed, "{} has no place for the version", template.display());
    write(&package.join("package.json"), &placed)
}

/// Makes a project of the folder whose `node_modules` has the package: what tests are compiled to runs in it. `modules` has
/// the modules by themselves.
pub fn lay_out_project(project: &Path, modules: &Modules) -> Result<()> {
    for module in modules.files() {
        copy_to_folder(&module, &project.join("modules"))?;
    }
    write(
        &project.join("package.json"),
        "{ \"name\": \"uses-ortlet\", \"private\": true, \"type\": \"module\" }\n",
    )?;
    FOR_TESTS
        .iter()
        .try_for_each(|name| link(&node::packages().join(name), &project.join("node_modules").join(name)))
}

/// Copies ONNX Runtime. The file for Node imports a package, and ours is to need none: that becomes a part of it.
fn copy_engine(folder: &Path) -> Result<()> {
    for file in ENGINE {
        let from = node::packages().join("onnxruntime-web/dist").join(file);
        if file != FOR_NODE {
            copy_to_folder(&from, folder)?;
            continue;
        }
        let mut bundler = node::program("esbuild");
        bundler.arg(from).args([
            "--bundle",
            "--minify",
            "--format=esm",
            "--platform=node",
            "--log-level=error",
        ]);
        node::run(bundler.arg(format!("--outfile={}", folder.join(file).display())))?;
    }
    ENGINE
        .iter()
        .filter(|file| file.ends_with(".mjs"))
        .try_for_each(|file| drop_source_map(&folder.join(file)))
}

/// Source maps stay behind: they are larger than what they are for.
fn drop_source_map(script: &Path) -> Result<()> {
    let text = fs::read_to_string(script).with_context(|| format!("read {}", script.display()))?;
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(SOURCE_MAP)).collect();
    write(script, &format!("{}\n", kept.join("\n")))
}

/// Copies a file under its own name.
pub fn copy_to_folder(file: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let to = folder.join(file.file_name().context("a file has a name")?);
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    fs::write(&to, bytes).with_context(|| format!("write {}", to.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
