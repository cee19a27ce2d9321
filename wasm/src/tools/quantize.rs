//! Changing models, and saying what is in them.

use ortlet::model::Model;
use ortlet::{QuantizeMode, QuantizeOptions};
use serde::Serialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use wasm_bindgen::prelude::*;

use super::Calibration;
use crate::errors::Outcome;
use crate::json;

/// A model that was changed, and what was done.
#[wasm_bindgen]
pub struct Changed {
    model: Vec<u8>,
    report: String,
}

#[wasm_bindgen]
impl Changed {
    fn of(model: &Model, report: &impl Serialize) -> Outcome<Self> {
        Ok(Self { model: model.to_bytes()?, report: json::write(report)? })
    }

    /// The model's bytes, once.
    pub fn take_model(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.model)
    }

    /// JSON of the report.
    pub fn report(&self) -> String {
        self.report.clone()
    }
}

/// JSON of what is in a model.
///
/// # Errors
/// Those of [`Model::parse`].
#[wasm_bindgen]
pub fn model_report(model: Vec<u8>) -> Outcome<String> {
    Ok(json::write(&Model::parse(model)?.report())?)
}

/// Quantizes a model by one mode; `options` is JSON. The handle of the calibration is taken away.
///
/// # Errors
/// Those of [`ortlet::quantize()`].
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "references cannot be optional at the border")]
pub fn quantize(
    model: Vec<u8>,
    mode: &str,
    options: &str,
    calibration: Option<Calibration>,
) -> Outcome<Changed> {
    let options: QuantizeOptions = json::read(options, "options")?;
    let calibration = calibration.as_ref().map(|calibration| &*calibration.0);
    let (model, report) = ortlet::quantize(&Model::parse(model)?, word(mode)?, calibration, &options)?;
    Changed::of(&model, &report)
}

fn word(mode: &str) -> ortlet::Result<QuantizeMode> {
    let word: StrDeserializer<'_, WordError> = mode.into_deserializer();
    serde::Deserialize::deserialize(word)
        .map_err(|error| ortlet::Error::invalid_argument("mode", error.to_string()))
}

/// Rewrites a model so that it computes the same with less.
///
/// # Errors
/// Those of [`ortlet::quantize::simplify()`].
#[wasm_bindgen]
pub fn simplify(model: Vec<u8>) -> Outcome<Changed> {
    let (model, report) = ortlet::quantize::simplify(&Model::parse(model)?)?;
    Changed::of(&model, &report)
}
