//! How a precision was chosen, as a person reads it: tables, one line, progress, and a page.

mod chart;
mod progress;
pub mod report_html;

use std::path::Path;

use ortlet::quantize::{PrecisionBlock, PrecisionCandidate, PrecisionLayer};
use ortlet::{Accuracy, AccuracyFigures, PrecisionReport, QuantizeMode};

use crate::output::{bytes, count, duration, facts, right_align, significant, table};

pub use progress::Progress;

/// What the columns of the tables are.
const LAYER_HEADS: [&str; 7] = ["layer", "operator", "shape", "form", "alone", "damage", "why not"];
const BLOCK_HEADS: [&str; 7] = ["block", "node", "operators", "shape", "numbers", "similarity", "why not"];
const CANDIDATE_HEADS: [&str; 8] = [
    "candidate",
    "layers",
    "parameters",
    "median",
    "share of time",
    "mean cosine",
    "least cosine",
    "verdict",
];
const ACCURACY_HEADS: [&str; 3] = ["verified on unseen samples", "figure", "budget"];

/// A mode as options name it.
pub fn mode_name(mode: QuantizeMode) -> String {
    serde_json::to_value(mode).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The whole report.
pub fn text(model: &Path, report: &PrecisionReport) -> String {
    let mut parts = vec![facts(about(model, report)).to_string()];
    if !report.layers.is_empty() {
        parts.push(layers(report));
    }
    if !report.blocks.is_empty() {
        parts.push(blocks(report));
    }
    if !report.candidates.is_empty() {
        parts.push(candidates(report));
    }
    if let Some(figures) = &report.accuracy {
        parts.push(accuracy(figures, &report.budget));
    }
    parts.push(format!("{}.", report.verdict));
    parts.join("\n") + "\n"
}

/// The outcome in one line.
pub fn line(report: &PrecisionReport) -> String {
    format!("{} ({})", report.chosen, report.verdict)
}

/// Names and values of what the choice was about.
fn about(model: &Path, report: &PrecisionReport) -> Vec<(&'static str, String)> {
    let samples = report.samples;
    let (before, after) = (report.parameter_bytes_before, report.parameter_bytes_after);
    let rewritings = report.rewritings.iter().map(|rewriting| {
        let kind = serde_json::to_value(rewriting.kind).unwrap_or_default();
        format!("{} {}", kind.as_str().unwrap_or_default().replace('_', " "), count(rewriting.count))
    });
    let mut rows = vec![
        ("model", model.display().to_string()),
        (
            "samples",
            format!(
                "{} to learn ranges, {} to choose by, {} to verify with",
                samples.calibration, samples.selection, samples.verification
            ),
        ),
        ("rewritten without loss", rewritings.collect::<Vec<_>>().join(", ")),
        ("parameters", format!("{} → {}", bytes(before), bytes(after))),
        ("choice took", duration(report.elapsed_ns as f64)),
    ];
    if let Some(made_for) = &report.made_for {
        rows.push(("ONNX Runtime", made_for.runtime_version.clone()));
        rows.push(("processor", made_for.cpu_model.clone()));
        rows.push(("threads", count(made_for.thread_count)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

fn layers(report: &PrecisionReport) -> String {
    let mut table = table(LAYER_HEADS);
    table.add_rows(report.layers.iter().map(layer_cells));
    right_align(&mut table, [4, 5]);
    table.to_string()
}

/// A layer's row in a table. Of the forms that were tried, the one that it has counts, else the fastest.
fn layer_cells(layer: &PrecisionLayer) -> [String; 7] {
    let dims: Vec<String> = layer.shape.iter().map(ToString::to_string).collect();
    let of_form = layer.trials.iter().find(|trial| Some(trial.form) == layer.form);
    let fastest = layer.trials.iter().min_by(|a, b| {
        let time = |ns: Option<f64>| ns.unwrap_or(f64::INFINITY);
        time(a.form_ns).total_cmp(&time(b.form_ns))
    });
    let trial = of_form.or(fastest);
    let times = trial.and_then(|trial| {
        let (float, form) = (trial.float_ns?, trial.form_ns?);
        Some(format!("{} → {}", duration(float), duration(form)))
    });
    let damage = trial.and_then(|trial| trial.damage).map(|damage| format!("{damage:.1e}"));
    [
        layer.node.clone(),
        layer.op_type.clone(),
        dims.join("×"),
        layer.form.map(mode_name).unwrap_or_default(),
        times.unwrap_or_default(),
        damage.unwrap_or_default(),
        layer.reason.clone().unwrap_or_default(),
    ]
}

fn blocks(report: &PrecisionReport) -> String {
    let mut table = table(BLOCK_HEADS);
    table.add_rows(report.blocks.iter().map(block_cells));
    right_align(&mut table, [5]);
    table.to_string()
}

/// A block's row in a table.
fn block_cells(block: &PrecisionBlock) -> [String; 7] {
    let dims: Vec<String> = block.shape.iter().map(ToString::to_string).collect();
    let kind = serde_json::to_value(block.kind).unwrap_or_default();
    let operators = match block.replaced.len() {
        0..=3 => block.replaced.join(", "),
        more => format!("{}, … ({more})", block.replaced[0]),
    };
    [
        kind.as_str().unwrap_or_default().replace('_', " "),
        block.node.clone(),
        operators,
        dims.join("×"),
        block.precision.map(|precision| precision.name().to_owned()).unwrap_or_default(),
        block.similarity.map(|similarity| format!("{similarity:.6}")).unwrap_or_default(),
        block.reason.clone().unwrap_or_default(),
    ]
}

fn candidates(report: &PrecisionReport) -> String {
    let mut table = table(CANDIDATE_HEADS);
    table.add_rows(report.candidates.iter().map(candidate_cells));
    right_align(&mut table, [1, 2, 3, 4, 5, 6]);
    table.to_string()
}

/// A candidate's row in a table.
fn candidate_cells(candidate: &PrecisionCandidate) -> [String; 8] {
    let cosine = |of: fn(&AccuracyFigures) -> f64| {
        candidate.accuracy.as_ref().map(|figures| format!("{:.5}", of(figures))).unwrap_or_default()
    };
    let verdict =
        if candidate.is_chosen { "chosen".into() } else { candidate.reason.clone().unwrap_or_default() };
    let known = |size: u64| if size > 0 { bytes(size) } else { String::new() };
    [
        candidate.name.clone(),
        count(candidate.quantized_count),
        known(candidate.parameter_bytes),
        candidate.median_ns.map(duration).unwrap_or_default(),
        candidate.final_ratio.or(candidate.ratio).map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
        cosine(|figures| figures.mean_cosine),
        cosine(|figures| figures.min_cosine),
        verdict,
    ]
}

fn accuracy(figures: &AccuracyFigures, budget: &Accuracy) -> String {
    let mut table = table(ACCURACY_HEADS);
    table.add_rows(accuracy_rows(figures, budget));
    right_align(&mut table, [1, 2]);
    table.to_string()
}

/// The verified figures, each with what was asked for.
fn accuracy_rows(figures: &AccuracyFigures, budget: &Accuracy) -> Vec<[String; 3]> {
    let asked = |bound: Option<f64>| bound.map_or_else(String::new, |bound| bound.to_string());
    let row = |name: &str, figure: String, bound: Option<f64>| [name.to_owned(), figure, asked(bound)];
    let mut rows = vec![
        row("mean cosine", format!("{:.6}", figures.mean_cosine), budget.mean_cosine),
        row("least cosine", format!("{:.6}", figures.min_cosine), budget.min_cosine),
        row("largest difference", significant(figures.max_absolute_error), budget.max_absolute_error),
    ];
    if let Some(share) = figures.top1_agreement {
        rows.push(row("top-1 agreement", format!("{share:.4}"), budget.top1_agreement));
    }
    rows
}
