//! `ortlet doctor`: which ONNX Runtime is used, what the machine can do, and what to do about anything missing.

use ortlet::Result;
use ortlet::runtime::{DoctorReport, RuntimeReport, doctor};
use serde::Serialize;

use crate::args::{DoctorArgs, runtime_options};
use crate::cache::CacheState;
use crate::output::{emit, emit_json, facts, table};

/// Runs the command; gives whether models can be run on this machine.
///
/// # Errors
/// `io` if standard output cannot be written.
pub fn run(args: &DoctorArgs, as_json: bool) -> Result<bool> {
    let report = doctor(&runtime_options(args.runtime.as_ref()));
    let cache = CacheState::read();
    if as_json {
        emit_json(&Document { report: &report, cache: &cache })?;
    } else {
        emit(&text(&report, &cache))?;
    }
    Ok(report.runtime.found.is_some())
}

/// The library's report, and what the command line adds.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a DoctorReport,
    cache: &'a CacheState,
}

fn text(report: &DoctorReport, cache: &CacheState) -> String {
    let mut rows = vec![("Ortlet", report.ortlet_version.clone())];
    rows.extend(runtime_rows(&report.runtime));
    let cpu = &report.cpu;
    rows.push(("processor", format!("{} ({})", cpu.model, cpu.architecture)));
    rows.push(("instruction sets", cpu.features.join(" ")));
    let all = cpu.logical_count.map(|all| format!(" of {all}")).unwrap_or_default();
    rows.push(("logical CPUs", format!("{}{all} usable by affinity and quota", cpu.usable_logical_count)));
    rows.push((
        "physical cores",
        format!("{} usable: what `--threads auto` takes", cpu.usable_physical_count),
    ));
    let quota = cpu.cgroup_quota_cores.map_or("none".into(), |cores| format!("{cores} cores"));
    rows.push(("cgroup quota", quota));
    rows.push(("cache folder", cache.text()));
    let mut text = format!("{}\n", facts(rows));
    if !report.runtime.searched.is_empty() {
        text.push_str(&searched(&report.runtime));
    }
    text.push_str(&advice(&report.advice));
    text
}

fn runtime_rows(runtime: &RuntimeReport) -> Vec<(&'static str, String)> {
    match &runtime.found {
        Some(found) => vec![
            ("ONNX Runtime", found.version.clone()),
            ("library", found.path.display().to_string()),
            ("build", found.build_info.clone()),
            ("providers", found.providers.join(", ")),
        ],
        // The places searched have a table of their own; only the first line is the message.
        None if !runtime.searched.is_empty() => vec![("ONNX Runtime", "not found".into())],
        None => vec![("ONNX Runtime", runtime.error.clone().unwrap_or_else(|| "not found".into()))],
    }
}

fn searched(runtime: &RuntimeReport) -> String {
    let mut table = table(["searched by", "path", "outcome"]);
    for place in &runtime.searched {
        table.add_row([&place.rule, &place.path, &place.outcome]);
    }
    format!("\n{table}\n")
}

fn advice(advice: &[String]) -> String {
    if advice.is_empty() {
        return "\nAll is well.\n".into();
    }
    let lines: String = advice.iter().map(|line| format!("- {line}\n")).collect();
    format!("\nWhat to do:\n{lines}")
}
