//! `ortlet tune`: candidates race on this machine, and the plan is kept for later loads.

mod chart;
mod progress;
mod report_html;
mod samples;

use std::path::Path;

use ortlet::{Plan, PlanCandidate, PlanOutcome, Result, SessionOptions, TuneOptions, tune};

use crate::args::TuneArgs;
use crate::files::{check_writable, write_file};
use crate::output::{count, duration, emit, emit_json, facts, right_align, table, warning};
use progress::Progress;

/// Runs the command.
///
/// # Errors
/// Of loading, of the inputs, of the race and of writing the report.
pub fn run(args: &TuneArgs, as_json: bool) -> Result<()> {
    args.report.as_deref().map(check_writable).transpose()?;
    let session = args.engine.session_options()?;
    let samples = samples::gather(args, &session)?;
    let progress = Progress::new();
    let options = TuneOptions {
        concurrency: args.concurrency,
        time_limit_ms: (args.time * 1e3) as u64,
        tolerance: args.tolerance,
        fix_dims: args.fix_dims,
        progress: Some(progress.observer()),
        session,
        ..TuneOptions::default()
    };
    let plan = tune(&args.model, &samples, &options);
    progress.finish();
    let plan = plan?;
    plan.warnings.iter().for_each(|text| warning(text));
    if let Some(path) = &args.report {
        write_file(path, |out| out.write_all(report_html::page(&args.model, &plan).as_bytes()))?;
    }
    if as_json {
        return emit_json(&plan);
    }
    emit(&text(&args.model, &plan, &options.session))?;
    args.report.iter().try_for_each(|path| emit(&format!("report: {}\n", path.display())))
}

fn text(model: &Path, plan: &Plan, session: &SessionOptions) -> String {
    format!("{}\n{}\n{}\n{}\n", facts(about(model, plan)), race(plan), plan.verdict, place(plan, session))
}

/// Names and values of what the race was about.
fn about(model: &Path, plan: &Plan) -> Vec<(&'static str, String)> {
    let key = &plan.made_for.device;
    vec![
        ("model", model.display().to_string()),
        ("batches of inputs", count(plan.sample_count as u64)),
        ("callers at once", count(plan.concurrency.into())),
        ("race", duration(plan.elapsed_ns as f64)),
        ("ONNX Runtime", key.runtime_version.clone()),
        ("processor", key.cpu_model.clone().unwrap_or_else(|| key.architecture.clone())),
        ("usable cores", count(plan.made_for.core_count as u64)),
    ]
}

/// Every candidate with its figures.
fn race(plan: &Plan) -> String {
    let mut table = table(["candidate", "median", "quartiles", "p99", "of the default", "rounds", "verdict"]);
    for candidate in &plan.candidates {
        table.add_row(cells(candidate));
    }
    right_align(&mut table, [1, 2, 3, 4, 5]);
    table.to_string()
}

/// A candidate's row in a table.
fn cells(candidate: &PlanCandidate) -> [String; 7] {
    let measured = |text: String| if candidate.run_count > 0 { text } else { String::new() };
    let PlanCandidate { lower_quartile_ns, median_ns, upper_quartile_ns, .. } = *candidate;
    [
        candidate.name.clone(),
        measured(duration(median_ns)),
        measured(format!("{} – {}", duration(lower_quartile_ns), duration(upper_quartile_ns))),
        measured(duration(candidate.p99_ns as f64)),
        candidate.final_ratio.or(candidate.ratio).map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
        count(candidate.round_count as u64),
        verdict(candidate),
    ]
}

fn verdict(candidate: &PlanCandidate) -> String {
    match candidate.outcome {
        PlanOutcome::Chosen => "chosen".into(),
        PlanOutcome::Out => format!("out: {}", candidate.reason),
        PlanOutcome::Lost if candidate.changes.is_empty() => "beaten".into(),
        PlanOutcome::Lost => candidate.reason.clone(),
    }
}

/// Where the plan went.
fn place(plan: &Plan, session: &SessionOptions) -> String {
    match &plan.stored_in {
        Some(path) => format!("plan: kept in {}; loads with the same options follow it", path.display()),
        None if plan.warnings.is_empty() && session.cache.folder().is_none() => {
            "plan: not kept, because there is no cache folder".into()
        }
        None => "plan: not kept".into(),
    }
}
