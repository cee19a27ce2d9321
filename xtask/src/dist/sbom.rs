//! The list of what is inside, in CycloneDX 1.5.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::crates::Crate;
use super::{Target, version};
use crate::digest::sha256;
use crate::pins;

pub fn cyclonedx(target: &Target, crates: &[Crate], runtime: &Path) -> Result<String> {
    let library = runtime.join(pins::RUNTIME_LIBRARY);
    let bytes = fs::read(&library).with_context(|| format!("read {}", library.display()))?;
    let runtime = json!({
        "type": "library",
        "name": "onnxruntime",
        "version": pins::RUNTIME_VERSION,
        "purl": format!("pkg:pypi/onnxruntime@{}", pins::RUNTIME_VERSION),
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
                "properties": [{ "name": "target", "value": target.triple }],
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
