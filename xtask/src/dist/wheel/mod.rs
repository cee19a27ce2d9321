//! The Python package for a kind of machine, with ONNX Runtime in it.

mod files;
mod metadata;
mod pack;

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::build::{Built, GLIBC};
use super::{Target, crates, elf, paths, size};
use crate::cache::Cache;
use crate::{repo, say, unpack};

/// The crate whose library Python loads.
const ROOT: [&str; 1] = ["ortlet-python"];

pub struct Wheel {
    pub path: PathBuf,
    pub bytes: u64,
    /// The stripped extension module.
    pub extension_bytes: u64,
}

/// Makes the package of what was built.
pub fn make(target: &Target, built: &Built) -> Result<Wheel> {
    elf::check_glibc(&[&built.extension])?;
    elf::check_origins(&[&built.extension], is_pythons)?;
    elf::check_exports(&built.extension, "PyInit__ortlet")?;
    paths::check(&[&built.extension])?;
    let runtime = unpack::ensure(&Cache::open()?, target.runtime)?;
    let linked = crates::linked(target.triple, &ROOT)?;
    let tag = format!("cp310-abi3-{}", platform(target));
    let metadata = metadata::of_project(target)?;
    let path = repo::root().join("dist").join(format!("{}-{tag}.whl", metadata.stem));
    let files = files::all(target, built, &runtime, &linked, metadata, &tag)?;
    pack::pack(&path, files)?;
    say::note(format_args!("made {}", path.display()));
    Ok(Wheel { bytes: size(&path)?, path, extension_bytes: size(&built.extension)? })
}

/// Whether a symbol is one of the interpreter, which has no version.
fn is_pythons(symbol: &str) -> bool {
    symbol.starts_with("Py") || symbol.starts_with("_Py")
}

/// What pip calls machines with that processor and a glibc that is new enough.
fn platform(target: &Target) -> String {
    let processor = target.triple.split('-').next().unwrap_or_default();
    format!("manylinux_{}_{}_{processor}", GLIBC.0, GLIBC.1)
}

/// A file of the package.
struct File {
    /// Its path, with slashes.
    name: String,
    contents: Vec<u8>,
}

impl File {
    fn read(name: impl Into<String>, path: &std::path::Path) -> Result<Self> {
        let contents = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { name: name.into(), contents })
    }

    fn text(name: impl Into<String>, text: String) -> Self {
        Self { name: name.into(), contents: text.into_bytes() }
    }
}
