//! The crate `ortlet-wasm` as WebAssembly, twice, with the JavaScript that goes between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::{STAMP, folder, node, remove};
use crate::cargo_tools::WASM_BINDGEN;
use crate::digest::sha256;
use crate::dist::{paths, target_folder};
use crate::{repo, say, stamp, tools};

/// Names, and the features of the crate that they are built with.
const KINDS: [(&str, &[&str]); 2] = [("ortlet_session", &[]), ("ortlet_tools", &["--features", "tools"])];

/// What every browser has that ONNX Runtime for the web runs in. The optimizer keeps to it.
const FEATURES: [&str; 6] = [
    "bulk-memory",
    "sign-ext",
    "nontrapping-float-to-int",
    "reference-types",
    "multivalue",
    "mutable-globals",
];

/// The folder of the modules: for each, a `.wasm` and a `.js`.
pub struct Modules(PathBuf);

impl Modules {
    /// The files, without those that are only on the way to them.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        KINDS.iter().flat_map(|(name, _)| ["wasm", "js"].map(|kind| self.0.join(format!("{name}.{kind}"))))
    }

    /// Changes with every byte of them.
    pub fn digest(&self) -> Result<String> {
        let digest =
            |path: PathBuf| Ok(sha256(&fs::read(&path).with_context(|| format!("read {}", path.display()))?));
        Ok(self.files().map(digest).collect::<Result<Vec<_>>>()?.join(" "))
    }
}

/// The modules as the sources are now.
pub fn build() -> Result<Modules> {
    let modules = folder("modules")?;
    for (name, features) in KINDS {
        let compiled = compile(name, features)?;
        finish(name, &compiled, &modules)?;
    }
    Ok(Modules(modules))
}

/// Has cargo compile the crate; the file is another's after the next call.
fn compile(name: &str, features: &[&str]) -> Result<PathBuf> {
    let start = Instant::now();
    let mut cargo = repo::cargo();
    cargo.args(["build", "--locked", "--package", "ortlet-wasm", "--lib", "--profile", "web"]);
    cargo.args(features).args(["--target", tools::WASM]).stdout(Stdio::null());
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", paths::flags()?);
    if !say::is_watched() {
        cargo.arg("--quiet");
    }
    let status = cargo.status().context("run cargo build")?;
    ensure!(status.success(), "the build of {name} failed");
    let seconds = start.elapsed().as_secs_f64();
    if seconds > 1.0 {
        say::note(format_args!("compiled {name} in {seconds:.1} s"));
    }
    Ok(target_folder().join(tools::WASM).join("web/ortlet_wasm.wasm"))
}

/// Makes the module and its JavaScript of what was compiled, unless that was done before.
fn finish(name: &str, compiled: &Path, modules: &Path) -> Result<()> {
    let bytes = fs::read(compiled).with_context(|| format!("read {}", compiled.display()))?;
    let recipe = (WASM_BINDGEN.version, node::version_of("binaryen")?, node::version_of("esbuild")?);
    let key = sha256(format!("{} {recipe:?} {FEATURES:?}", sha256(&bytes)).as_bytes());
    let stamp = format!("{STAMP}-{name}");
    if stamp::holds(modules, &stamp, &key) {
        return Ok(());
    }
    let start = Instant::now();
    let raw = modules.join("raw").join(name);
    remove(&raw)?;
    bind(compiled, &raw)?;
    let (wasm, script) = (format!("{name}.wasm"), format!("{name}.js"));
    optimize(&raw.join("raw_bg.wasm"), &modules.join(&wasm))?;
    wrap(&raw.join("raw.js"), &modules.join(&script))?;
    paths::check(&[&modules.join(&wasm), &modules.join(&script)])?;
    stamp::write(modules, &stamp, &key, &[wasm, script])?;
    say::note(format_args!("bound and optimized {name} in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(())
}

/// Makes `raw.js` and `raw_bg.wasm`.
fn bind(compiled: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Command::new(WASM_BINDGEN.ensure()?);
    bindgen.args(["--target", "web", "--no-typescript", "--out-name", "raw", "--out-dir"]).arg(folder);
    node::run(bindgen.arg(compiled)).map(drop)
}

fn optimize(raw: &Path, module: &Path) -> Result<()> {
    let mut optimizer = node::program("wasm-opt");
    optimizer.args(["-Oz", "--strip-debug", "--strip-producers"]);
    optimizer.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    node::run(optimizer.arg(raw).arg("-o").arg(module)).map(drop)
}

/// Makes one function of the JavaScript, so that it can be had as often as instances are wanted: each call has variables
/// of its own. Their memory is given back with the last instance, as it never shrinks.
fn wrap(raw: &Path, script: &Path) -> Result<()> {
    let mut bundler = node::program("esbuild");
    bundler.arg(raw).args([
        "--bundle",
        "--minify",
        "--format=iife",
        "--global-name=glue",
        "--log-level=error",
    ]);
    // The places of files are ours to say; bundlers must not look for one here.
    bundler.args(["--define:import.meta.url=\"\"", "--banner:js=export function create(){"]);
    bundler.arg("--footer:js=return glue;}").arg(format!("--outfile={}", script.display()));
    node::run(&mut bundler).map(drop)
}
