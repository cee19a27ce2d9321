//! How far outputs of one model are off those of another.

use ortlet::quantize::AccuracyJudge;
use ortlet::tensor::Value;
use ortlet::{Accuracy, AccuracyFigures};
use wasm_bindgen::prelude::*;

use super::tensor::tensor;
use crate::errors::Outcome;
use crate::json;

/// Compares the outputs of two models, sample by sample.
#[wasm_bindgen]
#[derive(Default)]
pub struct Judge {
    judge: AccuracyJudge,
    reference: Outputs,
    candidate: Outputs,
}

type Outputs = Vec<(String, Value)>;

#[wasm_bindgen]
impl Judge {
    /// One that has seen nothing.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// A sample begins.
    pub fn begin(&mut self) {
        self.reference.clear();
        self.candidate.clear();
    }

    /// An output of the original; texts are JSON, a list of them.
    pub fn reference(&mut self, name: String, dtype: String, shape: &[f64], data: &[u8]) -> Outcome<()> {
        self.reference.push((name, tensor(dtype, shape, data)?.into()));
        Ok(())
    }

    /// The same of the other model.
    pub fn candidate(&mut self, name: String, dtype: String, shape: &[f64], data: &[u8]) -> Outcome<()> {
        self.candidate.push((name, tensor(dtype, shape, data)?.into()));
        Ok(())
    }

    /// The sample ends: it is judged and forgotten.
    pub fn end(&mut self) {
        let [reference, candidate] =
            [&self.reference, &self.candidate].map(|outputs| named(outputs).collect::<Vec<_>>());
        self.judge.sample(&reference, &candidate);
        self.begin();
    }

    /// JSON of the figures so far.
    pub fn figures(&self) -> Outcome<String> {
        Ok(json::write(&self.judge.figures())?)
    }
}

fn named(outputs: &Outputs) -> impl Iterator<Item = (&str, &Value)> {
    outputs.iter().map(|(name, value)| (name.as_str(), value))
}

/// Whether the budget, as JSON, makes sense.
///
/// # Errors
/// `invalid_argument` that names what does not.
#[wasm_bindgen]
pub fn check_accuracy(accuracy: &str) -> Outcome<()> {
    Ok(budget(accuracy)?.check()?)
}

/// What about the figures the budget does not allow, in words; nothing if they keep it. `share` of the allowed damage
/// may be used, 1 for all of it.
///
/// # Errors
/// `invalid_argument` if one of the two is no such JSON.
#[wasm_bindgen]
pub fn breach(accuracy: &str, figures: &str, share: f64) -> Outcome<Option<String>> {
    let figures: AccuracyFigures = json::read(figures, "figures")?;
    Ok(budget(accuracy)?.breach(&figures, share).map(|breach| breach.to_string()))
}

fn budget(json: &str) -> ortlet::Result<Accuracy> {
    json::read(json, "accuracy")
}
