//! [`Checker`]: each block by itself, given what the original's block gets, compared with what that gives.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::engine::runtime::{Sample, SessionOptions};
use crate::engine::session::{CancelToken, RunOptions, Session};
use crate::lower::Lowered;
use crate::model::Model;
use crate::quantize::{AccuracyJudge, Calibrator, KernelPrecision};
use crate::tensor::Value;
use crate::{Error, ErrorCode, Result};

/// Samples that blocks are checked with.
pub(super) const CHECKED_COUNT: usize = 2;

/// The least similarity of a block that computes the right thing with these numbers. How far the whole model may be off is
/// another question, which the budget answers.
pub(super) fn least_similarity(precision: KernelPrecision) -> f64 {
    match precision {
        KernelPrecision::Fp32 => 0.999_999,
        KernelPrecision::Fp16 => 0.999_99,
        KernelPrecision::Bf16 => 0.999,
        KernelPrecision::Int8 => 0.98,
    }
}

/// Compares blocks with the nodes that they take the place of, on a few inputs.
pub(super) struct Checker<'a> {
    /// The model before it was lowered.
    model: &'a Model,
    session: &'a SessionOptions,
    cancel: Option<CancelToken>,
    inputs: Vec<Sample>,
    /// Values at the borders of blocks, by name, one for each of the inputs.
    seen: HashMap<String, Vec<Value>>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        model: &'a Model,
        session: &'a SessionOptions,
        cancel: Option<CancelToken>,
        inputs: Vec<Sample>,
    ) -> Self {
        let mut seen: HashMap<String, Vec<Value>> = HashMap::new();
        for (name, value) in inputs.iter().flatten() {
            seen.entry(name.clone()).or_default().push(value.clone());
        }
        // What not every one of the inputs has is of no use.
        seen.retain(|_, values| values.len() == inputs.len());
        Self { model, session, cancel, inputs, seen }
    }

    /// Finds out what the original gives at the borders of the blocks, if that is not known yet. Values between two blocks
    /// that the original does not have are left out.
    ///
    /// # Errors
    /// Those of running the original; `cancelled`.
    pub(super) fn prepare(&mut self, lowered: &Lowered) -> Result<()> {
        let own: HashSet<&str> =
            self.model.nodes().flat_map(|at| &at.node.output).map(String::as_str).collect();
        let borders = lowered.blocks.iter().flat_map(|block| block.inputs.iter().chain([&block.output]));
        let unknown: BTreeSet<&str> = borders
            .map(String::as_str)
            .filter(|name| own.contains(name) && !self.seen.contains_key(*name))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = unknown.into_iter().collect();
        let part = Calibrator::new(self.model)?.part(&names);
        let session = Session::of_model(&part, self.session)?;
        for at in 0..self.inputs.len() {
            // Of the inputs, the part has those that its values depend on.
            let declared = session.inputs().iter().map(|info| info.name.as_str());
            let given = declared.filter_map(|name| Some((name, self.value(name, at)?)));
            let mut outputs = session.run_with(given, &self.control())?;
            for name in &names {
                let value = outputs.remove(name).ok_or_else(|| missing(name))?;
                self.seen.entry((*name).to_owned()).or_default().push(value);
            }
        }
        Ok(())
    }

    /// The least similarity of a block's results; an error inside if it cannot be run.
    ///
    /// What the original has no value for goes to `between`, where the block that reads it finds it: then both are
    /// checked by that one's results. `None` for the first of them.
    ///
    /// # Errors
    /// `cancelled`.
    pub(super) fn similarity(
        &self,
        lowered: &Lowered,
        index: usize,
        between: &mut HashMap<String, Vec<Value>>,
    ) -> Result<Result<Option<f64>>> {
        match self.compare(lowered, index, between) {
            Err(error) if error.code() == ErrorCode::Cancelled => Err(error),
            compared => Ok(compared),
        }
    }

    fn compare(
        &self,
        lowered: &Lowered,
        index: usize,
        between: &mut HashMap<String, Vec<Value>>,
    ) -> Result<Option<f64>> {
        let block = &lowered.blocks[index];
        let session = Session::of_model(&lowered.block_model(index), self.session)?;
        let output = block.output.as_str();
        let mut results = Vec::new();
        for at in 0..self.inputs.len() {
            let given = block.inputs.iter().map(|name| {
                let value = self.value(name, at).or_else(|| between.get(name)?.get(at));
                Ok((name.as_str(), value.ok_or_else(|| missing(name))?))
            });
            let given: Vec<(&str, &Value)> = given.collect::<Result<_>>()?;
            let mut outputs = session.run_with(given, &self.control())?;
            results.push(outputs.remove(output).ok_or_else(|| missing(output))?);
        }
        let Some(expected) = self.seen.get(output) else {
            between.insert(output.to_owned(), results);
            return Ok(None);
        };
        let mut judge = AccuracyJudge::new(None);
        for (expected, actual) in expected.iter().zip(&results) {
            judge.sample(&[(output, expected)], &[(output, actual)]);
        }
        Ok(Some(judge.figures().min_cosine))
    }

    fn value(&self, name: &str, at: usize) -> Option<&Value> {
        self.seen.get(name)?.get(at)
    }

    fn control(&self) -> RunOptions {
        RunOptions { cancel: self.cancel.clone(), ..RunOptions::default() }
    }
}

fn missing(name: &str) -> Error {
    Error::internal(format!("value `{name}` of the original is not known"))
}
