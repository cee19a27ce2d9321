//! `overhead`: what a call through Ortlet costs beside the same call of ONNX Runtime's C API, on a model of one node.

mod c_interface;
mod python;
mod raw;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use c_interface::CInterface;
use ortlet::runtime::RuntimeOptions;
use ortlet::tensor::TensorView;
use ortlet::{RunOptions, Session, SessionOptions};
use ortlet_bench::harness::comparison::{Comparison, Entry, Metric};
use ortlet_bench::harness::models;
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::{Places, setting};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::table;
use ortlet_bench::harness::verdict::Target;
use ortlet_bench::order::Data;
use raw::Raw;
use serde_json::{Map, json};

const BENCH: Bench = Bench {
    name: "overhead",
    about: "\
What one call costs on a model of a single small node, where the model itself costs next to nothing: Ortlet's calls and
the same calls of ONNX Runtime's C API, in one process, by turns. The same of both packages in Python, and whole
processes of Python until the first output of a real model.",
    rounds: 500,
    models: &[],
};

/// Calls in a row, timed as one: the clock takes as long as a part of a call.
const CALLS: u32 = 500;
const WARM_UP_CALLS: u32 = 50;

const CALL: Metric = Metric::lower("ns per call", "call_ns");

const BINDING: &str = "Binding::run";
const C_BINDING: &str = "C binding_run";
const RUN: &str = "Session::run";
const RAW_BINDING: &str = "RunWithBinding";
const RAW_RUN: &str = "Run";
const RAW_MEMORY: &str = "C, mem to mem";

const LEGEND: &str = "\
Nanoseconds per call, medians over the rounds; x: the median over the rounds of the ratio to the C call in the same
round. `Run`: on an input made beforehand, the output released unseen. `C, mem to mem`: as a C program has to do it,
from data in memory to a pointer to the result, which is what `Session::run` does.
";

/// One way to call.
type Call<'a> = (&'static str, Box<dyn FnMut() -> Result<()> + 'a>);

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let floor = models::floor();
    let (file, input) = (setting("ORTLET_TEST_ONNX")?.join(floor.file), &floor.inputs[0]);
    let Data::Float32(data) = input.data() else { anyhow::bail!("the model's input is not float32") };
    let dims = input.dims.as_slice();

    let runtime = RuntimeOptions { path: Some(places.runtime.clone()), ..Default::default() };
    let session = Session::load(&file, &SessionOptions { runtime, ..Default::default() })?;
    let output = session.outputs()[0].name.clone();
    let mut bound = session.bind([(input.name.as_str(), dims)])?;
    let mut timed = session.bind([(input.name.as_str(), dims)])?;
    let deadline = RunOptions { deadline: Some(Duration::from_secs(60)), ..Default::default() };
    let names = [input.name.as_str(), output.as_str()];
    let (raw, mut raw_memory) = (Raw::new(&file, names, dims, &data)?, Raw::new(&file, names, dims, &data)?);

    let c_bound = CInterface::bind(&file, names[0], dims)?;
    let mut bindings: Vec<Call<'_>> = vec![
        (RAW_BINDING, Box::new(|| raw.run_with_binding())),
        (BINDING, Box::new(|| Ok(bound.run()?))),
        (C_BINDING, Box::new(|| c_bound.run())),
        ("... + deadline", Box::new(|| Ok(timed.run_with(&deadline)?))),
    ];
    let mut runs: Vec<Call<'_>> = vec![
        (RAW_RUN, Box::new(|| raw.run())),
        (RAW_MEMORY, Box::new(|| raw_memory.run_from_memory_to_memory())),
        (
            RUN,
            Box::new(|| {
                let outputs = session.run([(names[0], TensorView::from_slice(dims, &data)?)])?;
                black_box(outputs[0].as_tensor()?.bytes());
                Ok(())
            }),
        ),
    ];
    let progress = Progress::default();
    let bindings = measured("bound run", &mut bindings, options.rounds, &progress)?;
    let runs = measured("run", &mut runs, options.rounds, &progress)?;
    let from_memory = against(&runs, RAW_MEMORY);
    progress.show(format_args!("calls from Python"));
    let [python_runs, python_bindings] = python::calls(&file, options.rounds)?;
    let processes = python::processes(places, options.rounds, &progress)?;
    drop(progress);

    let target = |what| Target { metric: CALL, what, mean: 1.10, each: None };
    let in_python = |what| Target { metric: CALL, what, mean: 0.75, each: None };
    let whole = |what| Target { metric: python::PROCESS, what, mean: 0.5, each: None };
    let verdicts = vec![
        target("Binding::run against RunWithBinding").judge(std::slice::from_ref(&bindings), BINDING),
        target("ortlet_binding_run against RunWithBinding").judge(std::slice::from_ref(&bindings), C_BINDING),
        target("Session::run against Run").judge(std::slice::from_ref(&runs), RUN),
        target("Session::run against C from memory to memory").judge(std::slice::from_ref(&from_memory), RUN),
        in_python("Session.run of Python").judge(std::slice::from_ref(&python_runs), python::RUN),
        in_python("Binding.run of Python").judge(std::slice::from_ref(&python_bindings), python::BINDING),
        whole("process of Python").judge(std::slice::from_ref(&processes), python::PLAIN),
        whole("process of Python, cached").judge(std::slice::from_ref(&processes), python::CACHED),
    ];
    let all = [bindings, runs, python_runs, python_bindings, processes];
    let tables = [LEGEND.to_owned()].into_iter().chain(all.iter().map(table::comparison)).collect();
    let records: Vec<_> = all.iter().map(Comparison::record).collect();
    let record = Map::from_iter([("comparisons".to_owned(), json!(records))]);
    Ok(Findings { tables, record, verdicts, trusted: true })
}

/// Everybody by turns, another one first every time.
fn measured(title: &str, calls: &mut [Call<'_>], rounds: usize, progress: &Progress) -> Result<Comparison> {
    let mut values = vec![Vec::with_capacity(rounds); calls.len()];
    for round in 0..rounds {
        progress.show(format_args!("{title}: round {}", round + 1));
        for turn in 0..calls.len() {
            let at = (round + turn) % calls.len();
            let call = &mut calls[at].1;
            (0..WARM_UP_CALLS).try_for_each(|_| call())?;
            let start = Instant::now();
            (0..CALLS).try_for_each(|_| call())?;
            values[at].push(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
        }
    }
    let entry = |((name, _), values): (&Call<'_>, Vec<f64>)| Entry {
        name,
        problem: None,
        agreement: None,
        values: vec![values],
    };
    let entries = calls.iter().zip(values).map(entry).collect();
    Ok(Comparison { title: title.to_owned(), peer: calls[0].0, metrics: vec![CALL], entries })
}

/// The same figures with another peer.
fn against(comparison: &Comparison, peer: &'static str) -> Comparison {
    let entry = |entry: &Entry| Entry {
        name: entry.name,
        problem: None,
        agreement: None,
        values: entry.values.clone(),
    };
    Comparison {
        title: comparison.title.clone(),
        peer,
        metrics: comparison.metrics.clone(),
        entries: comparison.entries.iter().map(entry).collect(),
    }
}
