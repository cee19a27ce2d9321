//! The npm package with everything that says whose it is, packed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{copy, crates, sbom, size, third_party, version, write};
use crate::cache::Cache;
use crate::web::sizes::{self, Sizes};
use crate::web::{self, node};
use crate::{pins, repo, say, tools, unpack};

/// The crate that is in the package.
const ROOT: &str = "ortlet-wasm";

pub struct Npm {
    pub path: PathBuf,
    pub bytes: u64,
    /// Ortlet's two modules.
    pub wasm_bytes: u64,
    /// What its parts take on the way to a page.
    pub sizes: Sizes,
}

impl Npm {
    /// What `--json` says of it.
    pub fn document(&self) -> Value {
        json!({
            "npm": self.path,
            "npm_bytes": self.bytes,
            "wasm_bytes": self.wasm_bytes,
            "gzip": {
                "session_wasm": self.sizes.session_wasm,
                "page_js": self.sizes.page_js,
                "tools_wasm": self.sizes.tools_wasm,
                "tools_js": self.sizes.tools_js,
                "engine": self.sizes.engine,
            },
        })
    }
}

/// Makes the package of the sources as they are.
///
/// # Errors
/// If a tool is missing, or the package would be too large for pages.
pub fn make() -> Result<Npm> {
    let built = web::package()?;
    let sizes = sizes::of(&built.folder)?;
    let folder = web::folder("pack")?.join("package");
    web::remove(&folder)?;
    for file in web::files_below(&built.folder)? {
        copy(&file, &folder.join(file.strip_prefix(&built.folder)?))?;
    }
    describe(&folder)?;
    let dist = repo::root().join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("create {}", dist.display()))?;
    let path = dist.join(format!("ortlet-{}.tgz", version()));
    let mut pack = Command::new("npm");
    pack.args(["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination"]).arg(&dist);
    node::run(pack.current_dir(&folder)).context("npm cannot pack the package")?;
    ensure!(path.is_file(), "npm called the package otherwise than {}", path.display());
    say::note(format_args!("made {}", path.display()));
    let module = |name: &str| size(&folder.join("dist/wasm").join(name));
    let wasm_bytes = module("ortlet_session.wasm")? + module("ortlet_tools.wasm")?;
    Ok(Npm { bytes: size(&path)?, path, wasm_bytes, sizes })
}

/// Adds licences, notices and the list of what is inside, as archives have them.
fn describe(folder: &Path) -> Result<()> {
    let linked = crates::linked_alone(tools::WASM, ROOT, "tools")?;
    // ONNX Runtime for the web comes without them, but is made of the same sources.
    let notices = unpack::ensure(&Cache::open()?, pins::runtime()?)?;
    copy(&notices.join("LICENSE"), &folder.join("LICENSE-onnxruntime"))?;
    copy(&notices.join("ThirdPartyNotices.txt"), &folder.join("NOTICES-onnxruntime.txt"))?;
    copy(&third_party::standard_library()?, &folder.join("NOTICES-rust.html"))?;
    write(&folder.join("THIRD-PARTY.txt"), &third_party::text(&linked)?)?;
    let engine = folder.join("dist/onnxruntime/ort-wasm-simd-threaded.wasm");
    let runtime = sbom::Runtime {
        file: &engine,
        name: "onnxruntime-web",
        version: &node::version_of("onnxruntime-web")?,
        registry: "npm",
    };
    write(&folder.join("sbom.cdx.json"), &sbom::document(tools::WASM, &linked, &runtime)?)
}
