//! `precision: fp32`, `fp16`, `bf16`, `int8`: all blocks that Ortlet's kernels are for, each checked; the whole is held to
//! the budget where samples tell.

use std::collections::BTreeMap;

use super::super::lab::{Lab, for_trials};
use super::super::mode::check_budget;
use super::super::options::PrecisionOptions;
use super::super::rewritten::{Rewritten, rewrite};
use super::super::{PrecisionChoice, Source, learn, report};
use super::check::{CHECKED_COUNT, Checker};
use super::{Made, grams, make, synthetic};
use crate::Result;
use crate::engine::calibrate::Batches;
use crate::engine::runtime::{Sample, Samples, SessionOptions};
use crate::engine::session::Session;
use crate::lower::{Learned, LowerOptions};
use crate::model::Model;
use crate::quantize::{
    AccuracyFigures, AccuracyJudge, Division, KernelPrecision, PrecisionBlock, SampleCounts,
};

/// Lowers a model by a precision.
///
/// # Errors
/// Those of the original and of the samples; `accuracy_budget` if samples show that results are out of the budget;
/// `cancelled`.
pub(in super::super) fn apply(
    source: &Source<'_>,
    precision: KernelPrecision,
    options: &PrecisionOptions,
) -> Result<PrecisionChoice> {
    let trials =
        SessionOptions { external_data_folder: source.folder.clone(), ..for_trials(&options.session) };
    let original = Session::of_model(source.model, &trials)?;
    let mut work =
        Work { source, precision, options, trials: &trials, original: &original, warnings: Vec::new() };
    let mut choice = match &options.session.samples {
        Samples::None => work.without_samples()?,
        samples => work.with_samples(Batches::open(samples, source.model)?)?,
    };
    choice.report.warnings = work.warnings;
    Ok(choice)
}

struct Work<'a> {
    source: &'a Source<'a>,
    precision: KernelPrecision,
    options: &'a PrecisionOptions,
    trials: &'a SessionOptions,
    original: &'a Session,
    warnings: Vec<String>,
}

impl Work<'_> {
    fn without_samples(&mut self) -> Result<PrecisionChoice> {
        let inputs = match synthetic::inputs(self.original) {
            Ok(inputs) => inputs,
            Err(error) => {
                self.warnings.push(format!("nothing is changed, because nothing could be checked: {error}"));
                return Ok(self.untouched(Vec::new()));
            }
        };
        let rewritten = self.rewritten(&inputs)?;
        let made = self.made(&rewritten.model, inputs, &Learned::default())?;
        // Nobody gets a model that does not load.
        Session::of_model(&made.model, self.trials)?;
        Ok(self.choice(made, rewritten))
    }

    fn with_samples(&mut self, samples: Batches) -> Result<PrecisionChoice> {
        let division = Division::of(samples.count(), self.options.seed)?;
        let lab = Lab::new(self.options, self.trials.clone(), samples);
        let inputs = lab.batches(&division.selection, CHECKED_COUNT)?;
        let rewritten = self.rewritten(&inputs)?;
        let (mut calibration, mut grams) = (None, BTreeMap::new());
        if self.precision == KernelPrecision::Int8 {
            lab.begin("learning the ranges of activations");
            calibration = Some(learn(&lab, &rewritten.model, &division.calibration, None)?);
            lab.begin("learning how channels go together");
            grams = grams::learn(&lab, &rewritten.model, self.source.external, &division.calibration)?;
        }
        lab.begin("packing and checking blocks");
        let learned =
            Learned { calibration: calibration.as_ref(), grams: Some(&grams), ..Learned::default() };
        let made = self.made(&rewritten.model, inputs, &learned)?;
        if made.block_count() == 0 {
            return Ok(self.untouched(made.blocks));
        }
        lab.begin("verifying");
        let session = lab.session(&made.model)?;
        let figures = lab.compare(self.original, &session, &division.verification)?;
        check_budget(self.options, &figures)?;
        let mut choice = self.choice(made, rewritten);
        choice.report.accuracy = Some(figures);
        choice.report.samples = SampleCounts {
            calibration: if calibration.is_some() { division.calibration.len() as u64 } else { 0 },
            selection: 0,
            verification: division.verification.len() as u64,
        };
        choice.report.elapsed_ns = lab.elapsed_ns();
        Ok(choice)
    }

    /// The model with every block in the kernels that gives what it should for these inputs.
    fn made(&self, model: &Model, inputs: Vec<Sample>, learned: &Learned<'_>) -> Result<Made> {
        let cancel = self.options.cancel.clone();
        let mut checker = Checker::new(model, self.trials, cancel, inputs);
        let options = LowerOptions { precision: self.precision, ..LowerOptions::default() };
        make(&mut checker, model, self.source.external, learned, &options)
    }

    /// The original without what costs time and changes nothing but rounding, if that is so for these inputs.
    fn rewritten(&mut self, inputs: &[Sample]) -> Result<Rewritten> {
        let rewritten = rewrite(self.source.model, self.source.external, &mut self.warnings)?;
        let figures = Session::of_model(&rewritten.model, self.trials)
            .and_then(|session| compare(self.original, &session, inputs));
        Ok(rewritten.or_untouched(self.source.model, figures, &mut self.warnings))
    }

    /// The model with its blocks, or the original if there are none: what is rewritten only is not what was asked for.
    fn choice(&self, made: Made, rewritten: Rewritten) -> PrecisionChoice {
        if made.block_count() == 0 {
            return self.untouched(made.blocks);
        }
        let mut choice = report::of_kernels(self.source, made, self.precision, self.options);
        choice.report.rewritings = rewritten.rewritings;
        choice
    }

    fn untouched(&self, blocks: Vec<PrecisionBlock>) -> PrecisionChoice {
        let made = Made { model: self.source.model.clone(), blocks };
        report::of_kernels(self.source, made, self.precision, self.options)
    }
}

fn compare(original: &Session, other: &Session, inputs: &[Sample]) -> Result<AccuracyFigures> {
    let mut judge = AccuracyJudge::new(None);
    for sample in inputs {
        let given = || sample.iter().map(|(name, value)| (name, value));
        let (expected, actual) = (original.run(given())?, other.run(given())?);
        judge.sample(&expected.iter().collect::<Vec<_>>(), &actual.iter().collect::<Vec<_>>());
    }
    Ok(judge.figures())
}
