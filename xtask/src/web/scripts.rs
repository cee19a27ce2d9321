//! The TypeScript as JavaScript: a file or two for each entry, and one for each worker.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::files::copy_to_folder;
use super::modules::Modules;
use super::node;
use crate::dist;

/// The files that workers start with, and what they run in. A worker knows no import map, and a bundler may put its file
/// elsewhere, so it has everything in it.
const WORKERS: [(&str, &str); 2] = [("worker.js", "browser"), ("worker.node.js", "node")];

/// The version as the sources have it.
const NO_VERSION: &str = "\"0.0.0\"";

/// What pages and programs import, by what they run in. Of each group what is shared lies in files of its own.
const ENTRIES: [(&[&str], &str); 2] =
    [(&["index.js", "core.js"], "browser"), (&["node.js", "core.node.js"], "node")];

/// Compiles into the folder, by way of another, which has a file for each source: tests of what is inside need those.
pub fn compile_into(folder: &Path, compiled: &Path, modules: &Modules) -> Result<()> {
    let mut compiler = node::program("tsc");
    compiler.arg("-p").arg(node::sources()).args(["--pretty", "false", "--outDir"]).arg(compiled);
    node::run(compiler.arg("--declarationDir").arg(folder))
        .context("the TypeScript of wasm/js has errors")?;
    fill_in_version(&compiled.join("version.js"))?;
    for glue in modules.files().filter(|file| file.extension().is_some_and(|kind| kind == "js")) {
        copy_to_folder(&glue, &compiled.join("wasm"))?;
    }
    for (entries, platform) in ENTRIES {
        let mut bundler = bundler(platform, compiled);
        // Few files: a page without a bundler of its own waits for each. Readable, because most pages have one.
        bundler.args(entries).args(["--splitting", "--chunk-names=[name]-[hash]"]);
        node::run(bundler.arg(format!("--outdir={}", folder.display())))
            .context("cannot bundle the entries")?;
    }
    for (worker, platform) in WORKERS {
        let mut bundler = bundler(platform, compiled);
        bundler.args([worker, "--minify"]);
        let bundled = bundler.arg(format!("--outfile={}", folder.join(worker).display()));
        node::run(bundled).with_context(|| format!("cannot bundle {worker}"))?;
    }
    Ok(())
}

/// The bundler in the folder of what it bundles, so that it names files from there.
fn bundler(platform: &str, folder: &Path) -> Command {
    let mut bundler = node::program("esbuild");
    bundler
        .current_dir(folder)
        .args(["--bundle", "--format=esm", "--log-level=error"])
        .arg(format!("--platform={platform}"));
    bundler
}

/// Writes our version over that of the sources, which is none.
fn fill_in_version(module: &Path) -> Result<()> {
    let text = fs::read_to_string(module).with_context(|| format!("read {}", module.display()))?;
    ensure!(text.matches(NO_VERSION).count() == 1, "{} has no place for the version", module.display());
    let text = text.replace(NO_VERSION, &format!("\"{}\"", dist::version()));
    fs::write(module, text).with_context(|| format!("write {}", module.display()))
}
