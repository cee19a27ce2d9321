//! How large activations get.

use std::collections::HashMap;
use std::rc::Rc;

use ortlet::Error;
use ortlet::model::Model;
use wasm_bindgen::prelude::*;

use super::tensor::tensor;
use crate::errors::Outcome;
use crate::json;

/// Values of unknown size that are looked at together.
const GROUP_COUNT: u64 = 16;

/// Watches the values inside of a model while an engine runs it, part by part.
#[wasm_bindgen]
pub struct Calibrator {
    calibrator: ortlet::quantize::Calibrator,
    sizes: HashMap<String, u64>,
    parts: Vec<Vec<String>>,
}

#[wasm_bindgen]
impl Calibrator {
    /// One that has seen nothing.
    ///
    /// # Errors
    /// Those of [`Model::parse`] and [`Model::validate`].
    #[wasm_bindgen(constructor)]
    pub fn new(model: Vec<u8>) -> Outcome<Self> {
        let calibrator = ortlet::quantize::Calibrator::new(&Model::parse(model)?)?;
        let each_one = calibrator.computed().map(|name| (name.to_owned(), 1)).collect();
        let parts = calibrator.groups(&each_one, GROUP_COUNT);
        Ok(Self { calibrator, sizes: HashMap::new(), parts })
    }

    /// A model that gives the shapes of the values instead of the values; nothing if there is none.
    pub fn shapes_model(&self) -> Outcome<Option<Vec<u8>>> {
        let model = self.calibrator.shapes().filter(|(_, names)| !names.is_empty());
        Ok(model.map(|(model, _)| model.to_bytes()).transpose()?)
    }

    /// The values, and after each the output of the shapes model that has its shape.
    pub fn shapes_outputs(&self) -> Vec<String> {
        let names = self.calibrator.shapes().map(|(_, names)| names).unwrap_or_default();
        names.into_iter().flat_map(|(value, output)| [value, output]).collect()
    }

    /// Says which shape a value has for one sample.
    pub fn sized(&mut self, name: String, shape: &[f64]) {
        let bytes = shape.iter().product::<f64>() * size_of::<f32>() as f64;
        self.sizes.insert(name, bytes as u64);
    }

    /// Makes parts whose values take no more bytes than that, as far as their shapes are known.
    pub fn group(&mut self, max_bytes: f64) {
        self.parts = self.calibrator.groups(&self.sizes, max_bytes as u64);
    }

    /// How many parts there are; each has to be run on every sample.
    pub fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// A model whose only outputs are the values of a part; empty if the part has none, and then not to be run.
    ///
    /// # Errors
    /// `not_found` if there is no such part.
    pub fn part(&self, index: usize) -> Outcome<Vec<u8>> {
        let names: Vec<&str> = self.names(index)?.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.calibrator.part(&names).to_bytes()?)
    }

    /// Names of the outputs of a part.
    pub fn watched(&self, index: usize) -> Outcome<Vec<String>> {
        Ok(self.names(index)?.to_vec())
    }

    /// Names of the model's inputs that are watched: what is in the samples has to be shown too.
    pub fn watched_inputs(&self) -> Vec<String> {
        let is_computed = |name: &&str| self.calibrator.computed().any(|computed| computed == *name);
        self.calibrator.watched().filter(|name| !is_computed(name)).map(str::to_owned).collect()
    }

    /// Takes what a value was in a run. What is not watched, and other types than `float32`, are ignored.
    pub fn observe(&mut self, name: &str, dtype: String, shape: &[f64], data: &[u8]) -> Outcome<()> {
        let is_watched = self.calibrator.watched().any(|watched| watched == name);
        if is_watched && dtype == "float32" {
            self.calibrator.observe(name, &tensor(dtype, shape, data)?.view())?;
        }
        Ok(())
    }

    /// Says that all parts were run on a sample.
    pub fn end_sample(&mut self) {
        self.calibrator.end_sample();
    }

    /// What was seen.
    ///
    /// # Errors
    /// `invalid_argument` if there was no sample.
    pub fn finish(self) -> Outcome<Calibration> {
        Ok(Calibration(Rc::new(self.calibrator.finish()?)))
    }

    fn names(&self, index: usize) -> ortlet::Result<&[String]> {
        let available = (0..self.parts.len()).map(|part| part.to_string());
        let part = self.parts.get(index).map(Vec::as_slice);
        part.ok_or_else(|| Error::not_found("part of the model", index.to_string(), available))
    }
}

/// What the values of a model were.
#[wasm_bindgen]
pub struct Calibration(pub(super) Rc<ortlet::Calibration>);

#[wasm_bindgen]
impl Calibration {
    /// Samples that were run.
    pub fn sample_count(&self) -> f64 {
        self.0.sample_count as f64
    }

    /// Another handle of the same, for functions that take handles away.
    pub fn share(&self) -> Self {
        Self(Rc::clone(&self.0))
    }

    /// All of it, to be kept.
    pub fn to_bytes(&self) -> Outcome<Vec<u8>> {
        let json = serde_json::to_vec(&*self.0);
        Ok(json.map_err(|error| Error::internal(error.to_string()))?)
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// `invalid_argument` if it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Outcome<Self> {
        Ok(Self(Rc::new(json::read(&String::from_utf8_lossy(bytes), "calibration")?)))
    }
}
