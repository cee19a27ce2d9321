//! Puts the report together.

use super::candidates::{Candidate, Rejected, name_of};
use super::contest::Entrant;
use super::kernels::Made;
use super::lab::Lab;
use super::options::PrecisionOptions;
use super::rewritten::Rewritten;
use super::{PrecisionChoice, Source};
use crate::engine::race::{Outcome, median, ratio};
use crate::engine::runtime::{Precision, Runtime, Threads, cpu_model};
use crate::model::Model;
use crate::quantize::{
    AccuracyFigures, KernelPrecision, LayerOutcome, LayerTrial, MadeFor, PrecisionBlock, PrecisionCandidate,
    PrecisionLayer, PrecisionReport, QuantizeReport, RewritingCount, SampleCounts, parameter_bytes,
};
use crate::{Error, Result};

pub(super) const ORIGINAL: &str = "original";
const REWRITTEN: &str = "rewritten";

/// The candidate that was chosen.
pub(super) struct Winner {
    pub(super) candidate: Candidate,
    pub(super) accuracy: AccuracyFigures,
    /// Its time as a share of the original's.
    pub(super) time_ratio: Option<f64>,
}

/// What is known when the choice is made.
pub(super) struct About<'a> {
    pub(super) lab: &'a Lab<'a>,
    pub(super) source: &'a Source<'a>,
    pub(super) samples: SampleCounts,
    pub(super) layers: Vec<PrecisionLayer>,
    /// As they are with ONNX Runtime.
    pub(super) blocks: Vec<PrecisionBlock>,
    pub(super) rewritings: Vec<RewritingCount>,
    pub(super) candidates: Vec<PrecisionCandidate>,
    pub(super) warnings: Vec<String>,
}

impl About<'_> {
    pub(super) fn of_winner(mut self, winner: Winner) -> PrecisionChoice {
        let Winner { candidate, accuracy, time_ratio } = winner;
        for layer in &mut self.layers {
            layer.form = candidate.assignment.get(&layer.node).copied();
            settle_reason(layer);
        }
        let verdict = format!(
            "`{}` takes {} of the original's time; {}",
            candidate.name,
            share(time_ratio),
            described(&accuracy)
        );
        let mut report = self.report(&candidate.name, verdict, Some(accuracy), time_ratio, &candidate.model);
        report.needs_ortlet = candidate.blocks.iter().any(|block| block.precision.is_some());
        if report.needs_ortlet {
            report.blocks = candidate.blocks;
        }
        PrecisionChoice { model: candidate.model, report }
    }

    pub(super) fn of_rewritten(
        mut self,
        model: &Model,
        accuracy: AccuracyFigures,
        time_ratio: Option<f64>,
    ) -> PrecisionChoice {
        self.layers.iter_mut().for_each(settle_reason);
        let verdict = format!(
            "no layer is quantized: nothing was faster by 5 % within the budget than the model rewritten without loss, \
             which takes {} of the original's time; {}",
            share(time_ratio),
            described(&accuracy)
        );
        let report = self.report(REWRITTEN, verdict, Some(accuracy), time_ratio, model);
        PrecisionChoice { model: model.clone(), report }
    }

    pub(super) fn of_original(mut self) -> PrecisionChoice {
        self.layers.iter_mut().for_each(settle_reason);
        let tried = self.candidates.len().saturating_sub(1);
        let verdict =
            format!("the original is kept: none of {tried} candidates was faster by 5 % within the budget");
        let model = self.source.model.clone();
        let report = self.report(ORIGINAL, verdict, None, None, &model);
        PrecisionChoice { model, report }
    }

    fn report(
        self,
        chosen: &str,
        verdict: String,
        accuracy: Option<AccuracyFigures>,
        time_ratio: Option<f64>,
        model: &Model,
    ) -> PrecisionReport {
        PrecisionReport {
            precision: "auto".to_owned(),
            verdict,
            chosen: chosen.to_owned(),
            time_ratio,
            accuracy,
            budget: self.lab.options.session.accuracy.clone(),
            samples: self.samples,
            layers: self.layers,
            blocks: self.blocks,
            needs_ortlet: false,
            rewritings: self.rewritings,
            candidates: self
                .candidates
                .into_iter()
                .map(|row| PrecisionCandidate { is_chosen: row.name == chosen, ..row })
                .collect(),
            parameter_bytes_before: parameter_bytes(self.source.model),
            parameter_bytes_after: parameter_bytes(model),
            made_for: made_for(self.lab.options),
            elapsed_ns: self.lab.elapsed_ns(),
            seed: self.lab.options.seed,
            warnings: self.warnings,
        }
    }
}

/// Why a layer is as it was, if nothing said so before.
fn settle_reason(layer: &mut PrecisionLayer) {
    layer.reason = match (layer.form, layer.reason.take()) {
        (Some(_), _) => None,
        (None, Some(reason)) if layer.trials.is_empty() => Some(reason),
        (None, _) => {
            let gains: Vec<f64> = layer.trials.iter().filter_map(LayerTrial::gain_ns).collect();
            let is_slower = !gains.is_empty() && gains.iter().all(|gain| *gain <= 0.0);
            let reason = if is_slower {
                "no form of it is faster alone"
            } else {
                "the chosen model is faster or more accurate without"
            };
            Some(reason.to_owned())
        }
    };
}

/// The report when nothing was asked for.
pub(super) fn untouched(model: &Model) -> PrecisionChoice {
    let bytes = parameter_bytes(model);
    let report = PrecisionReport {
        precision: ORIGINAL.to_owned(),
        verdict: "the model is as it was".to_owned(),
        chosen: ORIGINAL.to_owned(),
        parameter_bytes_before: bytes,
        parameter_bytes_after: bytes,
        ..Default::default()
    };
    PrecisionChoice { model: model.clone(), report }
}

/// The report on a mode.
pub(super) fn of_mode(
    source: &Source<'_>,
    model: Model,
    quantized: QuantizeReport,
    options: &PrecisionOptions,
) -> PrecisionChoice {
    let layers = quantized.layers.into_iter().map(|layer| {
        let (form, reason) = match layer.outcome {
            LayerOutcome::Quantized { mode, .. } => (Some(mode), None),
            LayerOutcome::Skipped { reason } => (None, Some(reason)),
        };
        PrecisionLayer {
            node: layer.node,
            op_type: layer.op_type,
            shape: layer.shape,
            form,
            reason,
            trials: Vec::new(),
        }
    });
    let name = name_of(quantized.mode);
    let report = PrecisionReport {
        precision: name.clone(),
        verdict: quantized.verdict,
        chosen: name,
        budget: options.session.accuracy.clone(),
        layers: layers.collect(),
        parameter_bytes_before: parameter_bytes(source.model),
        parameter_bytes_after: parameter_bytes(&model),
        made_for: made_for(options),
        seed: options.seed,
        ..Default::default()
    };
    PrecisionChoice { model, report }
}

/// The report on a precision of Ortlet's kernels.
pub(super) fn of_kernels(
    source: &Source<'_>,
    made: Made,
    precision: KernelPrecision,
    options: &PrecisionOptions,
) -> PrecisionChoice {
    let (count, all) = (made.block_count(), made.blocks.len());
    let verdict = match count {
        0 => "the model is as it was: there is no block that Ortlet's kernels could compute".to_owned(),
        _ => format!("Ortlet's kernels compute {count} of {all} blocks in {}", precision.name()),
    };
    let report = PrecisionReport {
        precision: precision.name().to_owned(),
        verdict,
        chosen: if count == 0 { ORIGINAL.to_owned() } else { precision.name().to_owned() },
        budget: options.session.accuracy.clone(),
        needs_ortlet: count > 0,
        blocks: made.blocks,
        parameter_bytes_before: parameter_bytes(source.model),
        parameter_bytes_after: parameter_bytes(&made.model),
        made_for: made_for(options),
        seed: options.seed,
        ..Default::default()
    };
    PrecisionChoice { model: made.model, report }
}

/// The row of the original.
pub(super) fn original(model: &Model) -> PrecisionCandidate {
    PrecisionCandidate {
        name: ORIGINAL.to_owned(),
        parameter_bytes: parameter_bytes(model),
        ..Default::default()
    }
}

/// The row of the rewritten model.
pub(super) fn rewritten(rewritten: &Rewritten, outcome: &Outcome<Entrant>) -> PrecisionCandidate {
    let mut row = PrecisionCandidate {
        name: REWRITTEN.to_owned(),
        parameter_bytes: parameter_bytes(&rewritten.model),
        accuracy: rewritten.accuracy.clone(),
        ..Default::default()
    };
    note_times(&mut row, outcome, 1);
    row.reason = (outcome.chosen == 0).then(|| outcome.runners[1].reason.clone());
    row
}

/// The row of a candidate that was not raced yet.
pub(super) fn candidate(candidate: &Candidate) -> PrecisionCandidate {
    PrecisionCandidate {
        name: candidate.name.clone(),
        quantized_count: candidate.quantized_count,
        parameter_bytes: parameter_bytes(&candidate.model),
        accuracy: Some(candidate.accuracy.clone()),
        ..Default::default()
    }
}

/// The row of a candidate that did not get to race.
pub(super) fn rejected(rejected: Rejected) -> PrecisionCandidate {
    PrecisionCandidate {
        name: rejected.name,
        reason: Some(rejected.reason),
        quantized_count: rejected.quantized_count,
        accuracy: rejected.accuracy,
        ..Default::default()
    }
}

/// Puts the times that a race gave for a runner into its row.
pub(super) fn note_times(row: &mut PrecisionCandidate, outcome: &Outcome<Entrant>, number: usize) {
    let runner = &outcome.runners[number];
    if !runner.rounds.is_empty() {
        row.median_ns = Some(median(runner.rounds.iter().map(|round| round.median_ns)));
        row.lower_quartile_ns = Some(median(runner.rounds.iter().map(|round| round.lower_quartile_ns)));
        row.upper_quartile_ns = Some(median(runner.rounds.iter().map(|round| round.upper_quartile_ns)));
    }
    if number > 0 {
        row.ratio = ratio(&outcome.runners[0], runner);
    }
    row.final_ratio = runner.final_ratio;
}

fn share(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "an unknown share".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn described(accuracy: &AccuracyFigures) -> String {
    let agreement = accuracy.top1_agreement.map(|share| format!(", top-1 agreement {:.1} %", share * 100.0));
    format!(
        "on {} samples that took no part in the choice, the cosine is {:.5} in the mean and {:.5} at least{}",
        accuracy.sample_count,
        accuracy.mean_cosine,
        accuracy.min_cosine,
        agreement.unwrap_or_default()
    )
}

fn made_for(options: &PrecisionOptions) -> Option<MadeFor> {
    let runtime = Runtime::load(&options.session.runtime).ok()?;
    let thread_count = match options.session.threads {
        Threads::Count(count) => u64::from(count),
        Threads::Auto => runtime.pool_thread_count() as u64,
    };
    Some(MadeFor { runtime_version: runtime.version().to_owned(), cpu_model: cpu_model(), thread_count })
}

/// The report as an artifact keeps it.
///
/// # Errors
/// `internal`, if it has no form in JSON.
pub(super) fn to_json(report: &PrecisionReport) -> Result<serde_json::Value> {
    serde_json::to_value(report)
        .map_err(|error| Error::internal(format!("report without a form in JSON: {error}")))
}

/// What a precision is called.
pub(super) fn precision_name(precision: Precision) -> String {
    match precision {
        Precision::Original => ORIGINAL.to_owned(),
        Precision::Auto => "auto".to_owned(),
        Precision::Kernels(precision) => precision.name().to_owned(),
        Precision::Mode(mode) => name_of(mode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::QuantizeMode;

    #[test]
    fn modes_have_their_names() {
        assert_eq!(precision_name(Precision::Mode(QuantizeMode::Weights8)), "weights-8");
        assert_eq!(precision_name(Precision::Auto), "auto");
    }
}
