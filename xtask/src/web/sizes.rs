//! What the parts of the package take on the way to a page, compressed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::files::{ENGINE, FOR_NODE};
use super::node;

/// The most that Ortlet may add to a page that runs models: our module and our JavaScript, without ONNX Runtime.
pub const MOST_BYTES: u64 = 120_000;

/// Bytes after gzip.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// The module that running models needs.
    pub session_wasm: u64,
    /// All JavaScript that an import of `ortlet` can lead to, minified as pages' bundlers do it, without that of the
    /// two below.
    pub page_js: u64,
    /// The module that changes models, which is loaded when that is asked for.
    pub tools_wasm: u64,
    /// Its JavaScript.
    pub tools_js: u64,
    /// ONNX Runtime in browsers.
    pub engine: u64,
}

impl Sizes {
    /// All of them, with what they are called.
    pub fn named(self) -> [(&'static str, u64); 6] {
        [
            ("a page that runs models, without ONNX Runtime", self.page()),
            ("  of that, the module", self.session_wasm),
            ("  of that, JavaScript", self.page_js),
            ("the module that changes models", self.tools_wasm),
            ("its JavaScript", self.tools_js),
            ("ONNX Runtime", self.engine),
        ]
    }

    /// What Ortlet adds to a page that runs models.
    pub fn page(self) -> u64 {
        self.session_wasm + self.page_js
    }
}

/// Measures the package in a folder.
///
/// # Errors
/// Also if it is too large.
pub fn of(package: &Path) -> Result<Sizes> {
    let dist = package.join("dist");
    let zipped = |name: &str| gzip(&dist.join(name));
    let engine = ENGINE.iter().filter(|name| **name != FOR_NODE);
    let sizes = Sizes {
        session_wasm: zipped("wasm/ortlet_session.wasm")?,
        page_js: page_js(&dist)?,
        tools_wasm: zipped("wasm/ortlet_tools.wasm")?,
        tools_js: gzip(&tools_js(&dist)?)?,
        engine: engine.map(|name| zipped(&format!("onnxruntime/{name}"))).sum::<Result<u64>>()?,
    };
    let page = sizes.page();
    let (wasm, js) = (sizes.session_wasm, sizes.page_js);
    ensure!(
        page <= MOST_BYTES,
        "Ortlet adds {page} bytes to a page that runs models, {wasm} of them its module and {js} JavaScript; \
         {MOST_BYTES} are allowed"
    );
    Ok(sizes)
}

fn page_js(dist: &Path) -> Result<u64> {
    let bundle = super::folder("sizes")?.join("page.js");
    let mut bundler = node::program("esbuild");
    bundler.arg(dist.join("index.js")).args(["--bundle", "--minify", "--format=esm", "--log-level=error"]);
    bundler.arg("--external:./ortlet_tools-*");
    node::run(bundler.arg(format!("--outfile={}", bundle.display())))?;
    gzip(&bundle)
}

/// The script of the module that changes models, for browsers. The one for Node is the same.
fn tools_js(dist: &Path) -> Result<PathBuf> {
    let files = super::files_below(dist)?;
    let is_it = |file: &PathBuf| {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.starts_with("ortlet_tools-") && name.ends_with(".js")
    };
    files.into_iter().find(is_it).context("the package has the script of the module that changes models")
}

/// How large the file is once it is compressed.
fn gzip(file: &Path) -> Result<u64> {
    let input = fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
    let mut command = Command::new("gzip");
    let output = command.args(["-9", "--no-name", "--stdout"]).stdin(Stdio::from(input)).output();
    let output = output.context("run gzip")?;
    ensure!(output.status.success(), "gzip cannot compress {}", file.display());
    Ok(output.stdout.len() as u64)
}
