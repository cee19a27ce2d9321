//! The list of what is inside, in CycloneDX 1.5.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::crates::Crate;
use super::{Target, version};
use crate::digest::sha256;
use crate::pins;

/// ONNX Runtime as a package has it.
pub struct Runtime<'a> {
    /// Its library or module.
    pub file: &'a Path,
    pub name: &'a str,
    pub version: &'a str,
    /// Where it comes from, as addresses of packages name it.
    pub registry: &'a str,
}

/// The list for a kind of machine; `runtime` is the folder that ONNX Runtime was unpacked into.
pub fn cyclonedx(target: &Target, crates: &[Crate], runtime: &Path) -> Result<String> {
    let file = runtime.join(pins::RUNTIME_LIBRARY);
    let (name, version, registry) = ("onnxruntime", pins::RUNTIME_VERSION, "pypi");
    document(target.triple, crates, &Runtime { file: &file, name, version, registry })
}

/// The list for what a target's name stands for.
pub fn document(triple: &str, crates: &[Crate], runtime: &Runtime<'_>) -> Result<String> {
    let bytes = fs::read(runtime.file).with_context(|| format!("read {}", runtime.file.display()))?;
    let runtime = json!({
        "type": "library",
        "name": runtime.name,
        "version": runtime.version,
        "purl": format!("pkg:{}/{}@{}", runtime.registry, runtime.name, runtime.version),
        "hashes": [{ "alg": "SHA-256", "content": sha256(&bytes) }],
        "licenses": [{ "license": { "id": "MIT" } }],
    });
    let components: Vec<Value> = crates.iter().map(component).chain([runtime]).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "name": "ortlet",
                "version": version(),
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "properties": [{ "name": "target", "value": triple }],
            },
        },
        "components": components,
    });
    Ok(format!("{document:#}\n"))
}

fn component(own: &Crate) -> Value {
    json!({
        "type": "library",
        "name": own.name,
        "version": own.version,
        "purl": format!("pkg:cargo/{}@{}", own.name, own.version),
        // Crates of old say `MIT/Apache-2.0`.
        "licenses": [{ "expression": own.licence.replace('/', " OR ") }],
    })
}
