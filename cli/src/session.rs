//! How a session came to be, as a person reads it.

use std::path::Path;

use ortlet::{
    CacheOutcome, LoadPhases, Origin, PrecisionOptions, Result, Session, SessionOptions, SessionReport,
};

use crate::output::{bytes, duration, note, runs, warning};
use crate::precision::{self, Progress};

/// Loads a model; where its precision has to be chosen first, shows how that goes.
///
/// # Errors
/// Of loading.
pub fn load(path: &Path, options: &SessionOptions) -> Result<Session> {
    let progress = Progress::new();
    let observer = Some(progress.observer());
    let options = PrecisionOptions { session: options.clone(), progress: observer, ..Default::default() };
    let session = Session::load_with(path, &options);
    progress.finish();
    session
}

/// Says on standard error what went wrong without making the load fail.
pub fn tell(report: &SessionReport) {
    report.warnings.iter().for_each(|text| warning(text));
    if let Some(reason) = report.portable_reason.as_ref().filter(|reason| !report.warnings.contains(reason)) {
        note(&format!("the artifact's portable model is used: {reason}"));
    }
}

/// Names and values for a table.
pub fn rows(report: &SessionReport) -> Vec<(&'static str, String)> {
    let mut rows =
        vec![("compiled model", compiled_model(report)), ("creation phases", phases(&report.phases))];
    if let Some(plan) = &report.plan {
        rows.push((
            "plan",
            format!("{} (tuned for {} at once)", plan.changes, runs(plan.concurrency.into())),
        ));
    }
    rows.extend(report.precision.as_ref().map(|chosen| ("precision", precision::line(chosen))));
    if report.mapped_bytes > 0 {
        rows.push(("mapped from the artifact", bytes(report.mapped_bytes)));
    }
    rows
}

/// Where the compiled model was, or went.
fn compiled_model(report: &SessionReport) -> String {
    let folder = report.cache.folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
    match (report.cache.outcome, report.origin) {
        (CacheOutcome::Hit, _) => format!("hit (from {folder})"),
        (CacheOutcome::Stored, _) => format!("stored (in {folder})"),
        (CacheOutcome::Healed, _) => format!("healed: it was damaged (in {folder})"),
        (CacheOutcome::Failed, _) => format!("failed (in {folder})"),
        (CacheOutcome::Off, Origin::Model) => "off".into(),
        (CacheOutcome::Off, Origin::ArtifactDevice) => "the artifact itself".into(),
        (CacheOutcome::Off, Origin::ArtifactPortable) => "none that fits in the artifact".into(),
    }
}

/// What creation took its time for: `check 1.20 ms, create 30 ms`.
fn phases(phases: &LoadPhases) -> String {
    let named = [
        ("check", phases.check_ns),
        ("digest", phases.digest_ns),
        ("load ONNX Runtime", phases.runtime_ns),
        ("map", phases.map_ns),
        ("create", phases.create_ns),
        ("store", phases.store_ns),
        ("warm-up", phases.warm_up_ns),
    ];
    let taken = named.into_iter().filter(|(_, ns)| *ns > 0);
    taken.map(|(name, ns)| format!("{name} {}", duration(ns as f64))).collect::<Vec<_>>().join(", ")
}
