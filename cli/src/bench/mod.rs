//! `ortlet bench`: how long a model takes and what it needs.

mod chart;
mod measure;
mod operators;
mod operators_html;
mod report_html;
mod timeline;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ortlet::metrics::{HistogramSnapshot, LatencySummary, OperatorProfile, openmetrics_text};
use ortlet::runtime::{Runtime, doctor};
use ortlet::tensor::{Tensor, ValueInfo};
use ortlet::{CacheOutcome, Origin, Result, Session, SessionOptions, SessionReport, profile};
use serde::Serialize;

use crate::args::{BenchArgs, InputArgs};
use crate::files::{check_writable, write_file};
use crate::inputs::gather;
use crate::output::{bytes, duration, emit, emit_json, facts, per_second, runs};
use crate::{process, session};
use measure::{Measurement, Subject, Until};
use timeline::Timeline;

/// Seed of the inputs that are not given: any will do, but always the same.
const SEED: u64 = 1;

/// What is recorded grows with every run, and more runs would tell little more.
const MAX_PROFILED_RUNS: u64 = 100;

/// Everything that is known after a measurement: what is printed, written as JSON and drawn.
#[derive(Serialize)]
struct Report {
    ortlet_version: &'static str,
    model: ModelFacts,
    /// What the inputs were, such as `x: float32[1, 3]`.
    inputs: Vec<String>,
    options: SessionOptions,
    environment: Environment,
    /// From nothing to a session: reading, optimising unless that was done before, preparing.
    creation_ns: u64,
    /// How the session came to be, as it was after the first run.
    session: SessionReport,
    first_run_ns: u64,
    warmup_run_count: u64,
    run_count: u64,
    elapsed_ns: u64,
    runs_per_second: f64,
    /// Processor time of all threads, for one run.
    cpu_ns_per_run: Option<f64>,
    latency: LatencySummary,
    memory: MemoryFacts,
    histogram: HistogramSnapshot,
    timeline: Timeline,
    /// Where the time went in further runs, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_profile: Option<OperatorProfile>,
}

#[derive(Serialize)]
struct ModelFacts {
    path: PathBuf,
    /// Of the file itself; external data counts apart.
    file_bytes: Option<u64>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
}

#[derive(Serialize)]
struct Environment {
    runtime_version: String,
    processor: String,
    architecture: String,
    operating_system: &'static str,
    usable_physical_core_count: usize,
}

#[derive(Serialize)]
struct MemoryFacts {
    private_before_load_bytes: Option<u64>,
    private_bytes: Option<u64>,
    peak_bytes: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// Of loading, of the inputs, of a run and of writing the report.
pub fn run(args: &BenchArgs, as_json: bool) -> Result<()> {
    args.report.iter().chain(&args.metrics).try_for_each(|path| check_writable(path))?;
    let report = bench(args)?;
    if let Some(path) = &args.report {
        write_file(path, |out| out.write_all(report_html::page(&report).as_bytes()))?;
    }
    if as_json {
        return emit_json(&report);
    }
    emit(&text(&report))?;
    args.report.iter().try_for_each(|path| emit(&format!("report: {}\n", path.display())))
}

fn bench(args: &BenchArgs) -> Result<Report> {
    let mut options = args.engine.session_options()?;
    args.precision.apply(&mut options);
    // Loading the library is no part of creating a session.
    let runtime = Runtime::load(&options.runtime)?;
    let memory_before = process::memory();
    let start = Instant::now();
    let session = session::load(&args.model, &options)?;
    let creation = start.elapsed();
    session::tell(&session.report());
    let filled = InputArgs { random: args.inputs.random.or(Some(SEED)), ..args.inputs.clone() };
    let inputs = gather(&filled, session.inputs(), session.overridable_initializers(), &options.dims)?;
    let subject = Subject { session: &session, inputs: &inputs };
    let first_run = subject.run()?;
    let session_report = session.report();
    let warmup_run_count = subject.warm_up(args.warmup)?;
    let until = args.runs.map_or(Until::Elapsed(Duration::from_secs_f64(args.seconds)), Until::Runs);
    let measurement = subject.measure(until)?;
    let memory = process::memory();
    if let Some(path) = &args.metrics {
        let name = args.model.file_stem().unwrap_or_default().to_string_lossy();
        let text = openmetrics_text([(&*name, &session.metrics())])?;
        write_file(path, |out| out.write_all(text.as_bytes()))?;
    }
    let operator_profile = args.ops.then(|| {
        let run_count = measurement.histogram.count().min(MAX_PROFILED_RUNS);
        profile(&args.model, subject.named_inputs(), &options, run_count)
    });
    Ok(Report {
        ortlet_version: env!("CARGO_PKG_VERSION"),
        model: model_facts(&args.model, &session),
        inputs: inputs.iter().map(described).collect(),
        environment: environment(runtime, &options),
        options,
        creation_ns: creation.as_nanos() as u64,
        session: session_report,
        first_run_ns: first_run.as_nanos() as u64,
        warmup_run_count,
        run_count: measurement.histogram.count(),
        elapsed_ns: measurement.elapsed.as_nanos() as u64,
        runs_per_second: measurement.histogram.count() as f64 / measurement.elapsed.as_secs_f64(),
        cpu_ns_per_run: cpu_per_run(&measurement),
        // Every measurement has a run, so nothing is missing.
        latency: measurement.histogram.summary().unwrap_or_default(),
        memory: MemoryFacts {
            private_before_load_bytes: memory_before.private_bytes,
            private_bytes: memory.private_bytes,
            peak_bytes: memory.peak_bytes,
        },
        histogram: measurement.histogram,
        timeline: measurement.timeline,
        operator_profile: operator_profile.transpose()?,
    })
}

fn described((name, tensor): &(String, Tensor)) -> String {
    format!("{name}: {tensor}")
}

fn model_facts(path: &Path, session: &Session) -> ModelFacts {
    ModelFacts {
        path: path.to_path_buf(),
        file_bytes: path.metadata().ok().map(|meta| meta.len()),
        inputs: session.inputs().to_vec(),
        outputs: session.outputs().to_vec(),
    }
}

fn environment(runtime: &Runtime, options: &SessionOptions) -> Environment {
    let cpu = doctor(&options.runtime).cpu;
    Environment {
        runtime_version: runtime.version().to_string(),
        processor: cpu.model,
        architecture: cpu.architecture,
        operating_system: std::env::consts::OS,
        usable_physical_core_count: cpu.usable_physical_count,
    }
}

fn cpu_per_run(measurement: &Measurement) -> Option<f64> {
    Some(measurement.cpu?.as_nanos() as f64 / measurement.histogram.count() as f64)
}

impl Report {
    /// Names and values of what was measured, as a person reads them.
    fn results(&self) -> Vec<(&'static str, String)> {
        let ns = |value: u64| duration(value as f64);
        let size = |value: Option<u64>| value.map_or("not known on this system".into(), bytes);
        let before = self.memory.private_before_load_bytes;
        let before = before.map(|before| format!(" ({} before loading)", bytes(before))).unwrap_or_default();
        let mut rows = vec![("session creation", ns(self.creation_ns))];
        rows.extend(session::rows(&self.session));
        rows.extend([
            ("first run", ns(self.first_run_ns)),
            ("measured", format!("{} in {}", runs(self.run_count), ns(self.elapsed_ns))),
            ("warm-up", runs(self.warmup_run_count)),
            ("minimum", ns(self.latency.min_ns)),
            ("p50", ns(self.latency.p50_ns)),
            ("p90", ns(self.latency.p90_ns)),
            ("p99", ns(self.latency.p99_ns)),
            ("p99.9", ns(self.latency.p99_9_ns)),
            ("maximum", ns(self.latency.max_ns)),
            ("mean", duration(self.latency.mean_ns)),
            ("throughput", format!("{} runs/s", per_second(self.runs_per_second))),
            ("CPU time per run", self.cpu_ns_per_run.map_or("not known on this system".into(), duration)),
            ("private memory", size(self.memory.private_bytes) + &before),
            ("peak memory", size(self.memory.peak_bytes)),
        ]);
        rows
    }

    /// What was timed as the session's creation: it matters whether somebody had done the work before.
    fn creation(&self) -> &'static str {
        match (self.session.cache.outcome, self.session.origin) {
            (_, Origin::ArtifactDevice) => "session creation, compiled before",
            (CacheOutcome::Stored | CacheOutcome::Healed, _) => "session creation, with compiling",
            _ => "session creation",
        }
    }

    /// Names and values of what was run, as a person reads them.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let size = self.model.file_bytes.map(|size| format!(" ({})", bytes(size))).unwrap_or_default();
        vec![
            ("model", self.model.path.display().to_string() + &size),
            ("inputs", self.inputs.join("\n")),
            ("threads", self.threads()),
            ("ONNX Runtime", self.environment.runtime_version.clone()),
        ]
    }

    fn threads(&self) -> String {
        match self.options.threads {
            ortlet::Threads::Auto => format!("auto ({})", self.environment.usable_physical_core_count),
            ortlet::Threads::Count(count) => count.to_string(),
        }
    }
}

fn text(report: &Report) -> String {
    let operators = report.operator_profile.as_ref().map(operators::text).unwrap_or_default();
    format!("{}\n{}\n{operators}", facts(report.facts()), facts(report.results()))
}
