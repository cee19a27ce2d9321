//! `ortlet compile`: a model becomes one file that loads fast on this device.

use ortlet::{CompileReport, PrecisionOptions, Result};

use crate::args::CompileArgs;
use crate::files::check_writable;
use crate::output::{bytes, count, duration, emit, emit_json, facts};
use crate::precision::{self, Progress};

/// Runs the command.
///
/// # Errors
/// Of loading and compiling the model, and of writing the artifact.
pub fn run(args: &CompileArgs, as_json: bool) -> Result<()> {
    let mut session = args.engine.session_options()?;
    args.precision.apply(&mut session);
    let target = args.output.clone().unwrap_or_else(|| args.model.with_extension("ortlet"));
    check_writable(&target)?;
    let progress = Progress::new();
    let observer = Some(progress.observer());
    let options = PrecisionOptions { session, progress: observer, ..PrecisionOptions::default() };
    let report = ortlet::compile_with(&args.model, &target, &options);
    progress.finish();
    let report = report?;
    if as_json { emit_json(&report) } else { emit(&text(args, &report)) }
}

fn text(args: &CompileArgs, report: &CompileReport) -> String {
    let (key, ns) = (&report.key, |value: u64| duration(value as f64));
    let made_for = key.cpu_model.as_deref().unwrap_or(&key.architecture);
    let total_ns = report.check_ns + report.create_ns + report.store_ns;
    let mut rows = vec![
        ("model", args.model.display().to_string()),
        ("artifact", report.path.display().to_string()),
        ("size of the model", bytes(report.model_bytes)),
        ("size of the artifact", bytes(report.file_bytes)),
        ("made for", format!("ONNX Runtime {} on {made_for}", key.runtime_version)),
        ("instruction sets", key.cpu_features.join(" ")),
        ("devices in the artifact", count(report.device_count as u64)),
        ("checking", ns(report.check_ns)),
        ("optimising", ns(report.create_ns)),
        ("writing", ns(report.store_ns)),
        ("total", ns(total_ns)),
    ];
    rows.extend(report.precision.as_ref().map(|precision| ("precision", precision::line(precision))));
    format!("{}\n", facts(rows))
}
