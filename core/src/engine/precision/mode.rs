//! `precision: MODE`: one mode for all layers that it is for, and, where samples tell, how far results are off.

use super::lab::{Lab, for_trials};
use super::options::PrecisionOptions;
use super::{PrecisionChoice, Source, learn, report};
use crate::engine::calibrate::Batches;
use crate::engine::runtime::{Samples, SessionOptions};
use crate::engine::session::Session;
use crate::quantize::{
    AccuracyFigures, Division, QuantizeMode, QuantizeOptions, SampleCounts, quantize_with,
};
use crate::{ErrorKind, Result};

/// Quantizes by a mode.
///
/// # Errors
/// Those of [`quantize_with`] and of creating a session of what it gave; `accuracy_budget` if samples show that it is out
/// of the budget.
pub(super) fn apply(
    source: &Source<'_>,
    mode: QuantizeMode,
    options: &PrecisionOptions,
) -> Result<PrecisionChoice> {
    let trials =
        SessionOptions { external_data_folder: source.folder.clone(), ..for_trials(&options.session) };
    if options.session.samples == Samples::None {
        let (model, report) =
            quantize_with(source.model, mode, None, &QuantizeOptions::default(), source.external)?;
        // Nobody gets a model that does not load.
        Session::of_model(&model, &trials)?;
        return Ok(report::of_mode(source, model, report, options));
    }
    let original = Session::of_model(source.model, &trials)?;
    let samples = Batches::open(&options.session.samples, source.model)?;
    let division = Division::of(samples.count(), options.seed)?;
    let lab = Lab::new(options, trials, samples);
    lab.begin("learning the ranges of activations");
    let calibration = learn(&lab, source.model, &division.calibration, None)?;
    lab.begin("quantizing");
    let (model, report) =
        quantize_with(source.model, mode, Some(&calibration), &QuantizeOptions::default(), source.external)?;
    lab.begin("verifying");
    let session = lab.session(&model)?;
    let figures = lab.compare(&original, &session, &division.verification)?;
    check_budget(options, &figures)?;
    let samples = SampleCounts {
        calibration: division.calibration.len() as u64,
        selection: 0,
        verification: division.verification.len() as u64,
    };
    let mut choice = report::of_mode(source, model, report, options);
    (choice.report.accuracy, choice.report.samples) = (Some(figures), samples);
    choice.report.elapsed_ns = lab.elapsed_ns();
    Ok(choice)
}

/// Refuses what is out of the budget.
///
/// # Errors
/// `accuracy_budget`.
pub(super) fn check_budget(options: &PrecisionOptions, figures: &AccuracyFigures) -> Result<()> {
    match options.session.accuracy.breach(figures, 1.0) {
        None => Ok(()),
        Some(breach) => {
            let (metric, budget, actual) = (breach.metric.to_owned(), breach.budget, breach.actual);
            Err(ErrorKind::AccuracyBudget { metric, budget, actual }.into())
        }
    }
}
