//! `ortlet quantize --precision`: the fastest model that keeps the accuracy asked for, or a mode that is held to it.

use std::path::{Path, PathBuf};

use ortlet::{PrecisionOptions, PrecisionReport, Result, choose_precision};
use serde::Serialize;

use super::{Origin, target, write};
use crate::args::QuantizeArgs;
use crate::files::{check_writable, write_file};
use crate::output::{emit, emit_json, warning};
use crate::precision::{self, Progress, report_html};

/// Chooses and writes what was chosen.
///
/// # Errors
/// Of choosing, and of writing the result and the report.
pub fn run(args: &QuantizeArgs, extension: &str, as_json: bool) -> Result<()> {
    let target = target(args, extension)?;
    args.report.as_deref().map(check_writable).transpose()?;
    let mut session = args.engine.session_options()?;
    args.precision.apply(&mut session);
    let progress = Progress::new();
    let options = PrecisionOptions {
        session,
        time_limit_ms: (args.time * 1e3) as u64,
        seed: args.seed,
        progress: Some(progress.observer()),
        ..PrecisionOptions::default()
    };
    let choice = choose_precision(&args.model, &options);
    progress.finish();
    let choice = choice?;
    let report = choice.report;
    report.warnings.iter().for_each(|text| warning(text));
    let ortlet_version = env!("CARGO_PKG_VERSION");
    let origin = Origin {
        precision: &report.precision,
        verdict: &report.verdict,
        accuracy: report.accuracy.as_ref(),
        ortlet_version,
    };
    write(choice.model, &args.model, &target, &origin)?;
    if let Some(path) = &args.report {
        write_file(path, |out| out.write_all(report_html::page(&args.model, &report).as_bytes()))?;
    }
    if as_json {
        return emit_json(&Written { path: &target, report: &report, page: args.report.as_ref() });
    }
    emit(&precision::text(&args.model, &report))?;
    emit(&format!("{}\n", target.display()))?;
    args.report.iter().try_for_each(|path| emit(&format!("report: {}\n", path.display())))
}

#[derive(Serialize)]
struct Written<'a> {
    path: &'a Path,
    #[serde(flatten)]
    report: &'a PrecisionReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a PathBuf>,
}
