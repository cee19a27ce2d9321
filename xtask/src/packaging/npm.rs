//! Installs the npm package into an empty project and uses it there: in Node, and by what the compiler makes of its types.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{alone, output};
use crate::dist::npm::Npm;
use crate::web::{self, node};
use crate::{dist, repo, say};

/// What has to be in the package, besides what is imported.
const FILES: [&str; 12] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "LICENSE-onnxruntime",
    "NOTICES-onnxruntime.txt",
    "NOTICES-rust.html",
    "README.md",
    "THIRD-PARTY.txt",
    "dist/onnxruntime/ort-wasm-simd-threaded.wasm",
    "dist/wasm/ortlet_session.wasm",
    "dist/wasm/ortlet_tools.wasm",
    "package.json",
    "sbom.cdx.json",
];

/// The kinds of files that the package is of, besides those above.
const KINDS: [&str; 4] = ["js", "mjs", "d.ts", "wasm"];

/// What pages with a strict policy forbid, and what hides files from bundlers.
const FORBIDDEN: [&str; 6] = ["eval(", "new Function", "\"blob:", "'blob:", "`blob:", "createObjectURL"];

/// How compilers look for modules: as bundlers do, and as Node does.
const LOOK_UPS: [(&str, &str); 2] = [("esnext", "bundler"), ("nodenext", "nodenext")];

pub fn check(npm: &Npm, folder: &Path) -> Result<()> {
    let project = folder.join("project");
    let package = install(npm, &project)?;
    check_files(&package)?;
    check_scripts(&package)?;
    for file in ["check.mjs", "types.ts"] {
        let from = repo::root().join("tests/packaging/npm").join(file);
        fs::copy(&from, project.join(file)).with_context(|| format!("copy {}", from.display()))?;
    }
    let model = repo::root().join("tests/conformance/fixtures/linear.onnx");
    let printed = output(alone("node").arg("check.mjs").arg(model).current_dir(&project))?;
    ensure!(printed.trim() == dist::version(), "the package calls itself {printed}");
    LOOK_UPS.iter().try_for_each(|look_up| check_types(&project, look_up))?;
    check_repeats(npm, folder)
}

/// Installs the package into a new project; no other is needed, so no network is.
fn install(npm: &Npm, project: &Path) -> Result<PathBuf> {
    fs::create_dir_all(project).with_context(|| format!("create {}", project.display()))?;
    fs::write(project.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
    let mut install = alone("npm");
    install.args(["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error"]).arg(&npm.path);
    output(install.current_dir(project))?;
    let packages = project.join("node_modules");
    let entries = fs::read_dir(&packages).with_context(|| format!("list {}", packages.display()))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| name != ".package-lock.json");
    ensure!(names == ["ortlet"], "the package brings others: {names:?}");
    Ok(packages.join("ortlet"))
}

fn check_files(package: &Path) -> Result<()> {
    for file in FILES {
        ensure!(package.join(file).is_file(), "the npm package lacks {file}");
    }
    for path in web::files_below(package)? {
        let name = path.strip_prefix(package)?.to_string_lossy().into_owned();
        let is_expected = FILES.contains(&name.as_str())
            || name.starts_with("dist/") && KINDS.iter().any(|kind| name.ends_with(&format!(".{kind}")));
        ensure!(is_expected, "the npm package has {name}, which nobody needs");
    }
    Ok(())
}

/// Our own JavaScript runs where nothing is made of texts, and without anything that resolves names.
fn check_scripts(package: &Path) -> Result<()> {
    let dist = package.join("dist");
    for path in web::files_below(&dist)? {
        let is_ours = !path.starts_with(dist.join("onnxruntime"));
        if !is_ours || path.extension().is_none_or(|extension| extension != "js") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for word in FORBIDDEN {
            ensure!(!text.contains(word), "{} has `{word}`", path.display());
        }
    }
    let browsers = ["index.js", "core.js", "worker.js", "onnxruntime/ort.wasm.min.mjs"];
    browsers.iter().try_for_each(|entry| check_imports(&dist.join(entry), "neutral"))?;
    let node = ["node.js", "core.node.js", "worker.node.js", "onnxruntime/ort.node.min.mjs"];
    node.iter().try_for_each(|entry| check_imports(&dist.join(entry), "node"))
}

/// Whatever the entry imports lies in the package, or is Node's: browsers resolve no names of packages.
fn check_imports(entry: &Path, platform: &str) -> Result<()> {
    let mut bundler = node::program("esbuild");
    let bundle = entry.with_extension("bundled");
    bundler
        .arg(entry)
        .args(["--bundle", "--format=esm", "--log-level=error"])
        .arg(format!("--platform={platform}"));
    node::run(bundler.arg(format!("--outfile={}", bundle.display())))
        .with_context(|| format!("{} imports what is not in the package", entry.display()))?;
    fs::remove_file(&bundle).with_context(|| format!("remove {}", bundle.display()))
}

/// A program in TypeScript compiles against what the package declares, of which nothing is left unchecked.
fn check_types(project: &Path, (module, look_up): &(&str, &str)) -> Result<()> {
    let mut compiler = node::program("tsc");
    compiler.args(["types.ts", "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--pretty", "false"]);
    compiler.args(["--target", "es2022", "--lib", "es2022,dom", "--types", ""]);
    compiler.args(["--skipLibCheck", "false", "--module", module, "--moduleResolution", look_up]);
    node::run(compiler.current_dir(project))
        .with_context(|| format!("types are wrong where modules are looked up as `{look_up}`"))
        .map(drop)
}

/// The same sources give the same package.
fn check_repeats(npm: &Npm, folder: &Path) -> Result<()> {
    let first = folder.join("first.tgz");
    fs::copy(&npm.path, &first).with_context(|| format!("copy {}", npm.path.display()))?;
    let again = dist::npm::make()?;
    let is_same = fs::read(&first)? == fs::read(&again.path)?;
    ensure!(is_same, "packed again, {} is another", npm.path.display());
    say::note("the npm package is the same when it is packed again");
    Ok(())
}
