//! The same calls from Python, beside those of the package `onnxruntime`; and whole processes until their first output.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ortlet_bench::harness::comparison::{Comparison, Entry, Metric};
use ortlet_bench::harness::places::{Places, setting};
use ortlet_bench::harness::progress::Progress;

use crate::CALL;

pub const RUN: &str = "Session.run";
pub const BINDING: &str = "Binding.run";
pub const PLAIN: &str = "ortlet";
pub const CACHED: &str = "ortlet, cache=True";
const PEER_RUN: &str = "InferenceSession.run";
const PEER_BINDING: &str = "run_with_iobinding";
const PEER_PROCESS: &str = "onnxruntime";

pub const PROCESS: Metric = Metric::lower("ms", "process_ms");

/// Rounds of processes, which take a fifth of a second each.
const MOST_PROCESSES: usize = 40;

/// A program in Python with the packages of the tests and the one that was built.
fn python(program: &str) -> Result<Command> {
    let mut command = Command::new(setting("ORTLET_TEST_PYTHON")?);
    command.env("PYTHONPATH", setting("ORTLET_BENCH_PACKAGE")?).env_remove("ORTLET_CACHE");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/overhead").join(program));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    Ok(command)
}

/// Calls on a model of one node: with inputs given, and with bound memory.
pub fn calls(model: &Path, rounds: usize) -> Result<[Comparison; 2]> {
    let output = python("calls.py")?.arg(model).arg(rounds.to_string()).output().context("run Python")?;
    ensure!(output.status.success(), "calls.py failed: {}", output.status);
    let mut measured: HashMap<String, Vec<f64>> = serde_json::from_slice(&output.stdout)?;
    let mut comparison = |title: &str, names: [&'static str; 2]| -> Result<Comparison> {
        let entries = names.map(|name| {
            let values = measured.remove(name).with_context(|| format!("calls.py left out {name}"))?;
            Ok(entry(name, values))
        });
        let entries = entries.into_iter().collect::<Result<_>>()?;
        Ok(Comparison { title: title.into(), peer: names[0], metrics: vec![CALL], entries })
    };
    Ok([
        comparison("run, Python", [PEER_RUN, RUN])?,
        comparison("bound run, Python", [PEER_BINDING, BINDING])?,
    ])
}

/// Processes that import the package, load magika and compute one output.
pub fn processes(places: &Places, rounds: usize, progress: &Progress) -> Result<Comparison> {
    let model = places.models.join("magika/model.onnx");
    let names = [PEER_PROCESS, PLAIN, CACHED];
    let mut values = vec![Vec::new(); names.len()];
    for round in 0..rounds.min(MOST_PROCESSES) {
        progress.show(format_args!("processes: round {}", round + 1));
        for turn in 0..names.len() {
            let at = (round + turn) % names.len();
            let mut command =
                python(if at == 0 { "first_output_onnxruntime.py" } else { "first_output_ortlet.py" })?;
            command.arg(&model);
            if names[at] == CACHED {
                command.env("ORTLET_CACHE", places.scratch.join("python-cache"));
            }
            let start = Instant::now();
            let status = command.stdout(Stdio::null()).status().context("run Python")?;
            ensure!(status.success(), "{}: {status}", names[at]);
            values[at].push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let entries = names.iter().zip(values).map(|(name, values)| entry(name, values)).collect();
    Ok(Comparison {
        title: "Python, first output of magika".into(),
        peer: PEER_PROCESS,
        metrics: vec![PROCESS],
        entries,
    })
}

fn entry(name: &'static str, values: Vec<f64>) -> Entry {
    Entry { name, problem: None, agreement: None, values: vec![values] }
}
