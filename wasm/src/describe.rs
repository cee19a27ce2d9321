//! What a session has to know of its model.

use ortlet::model::Model;
use ortlet::tensor::ValueInfo;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::errors::Outcome;
use crate::json;

#[derive(Serialize)]
struct Description {
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    overridable_initializers: Vec<ValueInfo>,
    external_files: Vec<String>,
}

/// Reads and checks a model, and says what it takes and gives: JSON of lists `inputs`, `outputs`,
/// `overridable_initializers`, and `external_files`, the names of files that hold its external data.
///
/// # Errors
/// Those of [`Model::parse`] and [`Model::validate`].
#[wasm_bindgen]
pub fn describe(model: Vec<u8>) -> Outcome<String> {
    let model = Model::parse(model)?;
    model.validate()?;
    let signature = model.signature();
    let description = Description {
        inputs: signature.inputs,
        outputs: signature.outputs,
        overridable_initializers: signature.overridable_initializers,
        external_files: model.external_files()?,
    };
    Ok(json::write(&description)?)
}

/// Whether bytes begin like an artifact.
#[wasm_bindgen]
pub fn is_artifact(head: &[u8]) -> bool {
    head.starts_with(&ortlet::artifact::MAGIC)
}
