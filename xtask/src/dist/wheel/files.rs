//! The files of the package: Python's, the libraries, and what says whose they are.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::File;
use super::metadata::Metadata;
use crate::dist::build::Built;
use crate::dist::crates::Crate;
use crate::dist::{Target, sbom, third_party, version};
use crate::{pins, repo};

/// What Python calls an extension module for every version of it.
const EXTENSION: &str = "ortlet/_ortlet.abi3.so";

/// Everything but the list of it all: first what is used, then what describes it.
pub fn all(
    target: &Target,
    built: &Built,
    runtime: &Path,
    linked: &[Crate],
    metadata: Metadata,
    tag: &str,
) -> Result<Vec<File>> {
    let info = format!("{}.dist-info", metadata.stem);
    let mut files = modules()?;
    files.push(File::read(EXTENSION, &built.extension)?);
    files
        .push(File::read(format!("ortlet/{}", pins::RUNTIME_LIBRARY), &runtime.join(pins::RUNTIME_LIBRARY))?);
    files.sort_by(|a, b| a.name.cmp(&b.name));

    let licences = licences(runtime, linked)?;
    let names: Vec<&str> = licences.iter().map(|licence| licence.name.as_str()).collect();
    let metadata = metadata.with_licences(&names);
    let mut descriptions = vec![
        File::text("METADATA", metadata.text),
        File::text("WHEEL", wheel(tag)),
        File::text("entry_points.txt", metadata.entry_points),
        File::text("sboms/ortlet.cdx.json", sbom::cyclonedx(target, linked, runtime)?),
    ];
    let licences = licences.into_iter();
    descriptions
        .extend(licences.map(|licence| File { name: format!("licenses/{}", licence.name), ..licence }));
    descriptions.sort_by(|a, b| a.name.cmp(&b.name));
    let named = |file: File| File { name: format!("{info}/{}", file.name), ..file };
    files.extend(descriptions.into_iter().map(named));
    Ok(files)
}

/// The package as it is in the repository.
fn modules() -> Result<Vec<File>> {
    let mut files = Vec::new();
    for path in repo::files()? {
        let Ok(name) = path.strip_prefix("python") else { continue };
        let is_module =
            ["py", "pyi", "typed"].iter().any(|extension| path.extension() == Some(extension.as_ref()));
        if name.starts_with("ortlet") && is_module {
            let name = name.to_str().with_context(|| format!("{} is no text", path.display()))?;
            files.push(File::read(name.replace('\\', "/"), &repo::root().join(&path))?);
        }
    }
    ensure!(files.iter().any(|file| file.name == "ortlet/__init__.py"), "the Python package is not there");
    Ok(files)
}

fn licences(runtime: &Path, linked: &[Crate]) -> Result<Vec<File>> {
    let root = repo::root();
    Ok(vec![
        File::read("LICENSE-APACHE", &root.join("LICENSE-APACHE"))?,
        File::read("LICENSE-MIT", &root.join("LICENSE-MIT"))?,
        File::read("LICENSE-onnxruntime", &runtime.join("LICENSE"))?,
        File::read("NOTICES-onnxruntime.txt", &runtime.join("ThirdPartyNotices.txt"))?,
        File::read("NOTICES-rust.html", &third_party::standard_library()?)?,
        File::text("THIRD-PARTY.txt", third_party::text(linked)?),
    ])
}

/// Text of the file `WHEEL`.
fn wheel(tag: &str) -> String {
    let lines = ["Wheel-Version: 1.0", &format!("Generator: ortlet ({})", version())];
    format!("{}\nRoot-Is-Purelib: false\nTag: {tag}\n", lines.join("\n"))
}
