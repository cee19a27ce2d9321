//! What is reported of the samples: the columns, in milliseconds or MiB, and the record.

use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::heat::{Heat, Lane};
use serde_json::{Value, json};

use crate::measure::Measured;

pub const CREATION: Metric = Metric::lower("creation", "create_ms");
pub const FIRST_OUTPUT: Metric = Metric::lower("+ first output", "first_output_ms");
pub const PRIVATE: Metric = Metric::lower("private", "private_mib");
pub const SHARED: Metric = Metric::lower("4 processes", "four_processes_mib");
pub const STEADY: Metric = Metric::lower("steady", "steady_ms");

/// The figures of a heat.
pub fn comparison(heat: &Heat<Measured>) -> Comparison {
    Comparison::new(
        heat,
        heat.name(),
        &[
            (CREATION, &|measured| each(&measured.samples, |sample| milliseconds(sample.create_ns))),
            (FIRST_OUTPUT, &|measured| {
                each(&measured.samples, |sample| milliseconds(sample.first_output_ns))
            }),
            (PRIVATE, &private),
            (SHARED, &|measured| each(&measured.weights, |weight| mebibytes(*weight))),
            (STEADY, &|measured| each(&measured.latencies, |latency| milliseconds(*latency))),
        ],
    )
}

fn private(measured: &Measured) -> Vec<f64> {
    let own = measured
        .samples
        .iter()
        .filter_map(|sample| Some(sample.anonymous_kib?.saturating_sub(sample.language_kib)));
    own.map(mebibytes).collect()
}

fn each<T>(values: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    values.iter().map(of).collect()
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// A heat as JSON, with every sample.
pub fn record(heat: &Heat<Measured>, comparison: &Comparison) -> Value {
    let lanes: Vec<Value> = heat.lanes.iter().map(|each| lane(comparison, each)).collect();
    let inputs = heat.models.first().map(|model| &model.inputs);
    json!({ "model": comparison.title, "inputs": inputs, "candidates": lanes })
}

fn lane(comparison: &Comparison, lane: &Lane<Measured>) -> Value {
    json!({
        "candidate": lane.contestant.name,
        "problem": lane.problem,
        "outputs": lane.agreement,
        "figures": comparison.figures(lane.contestant.name),
        "samples": lane.measured.samples,
        "latencies_ns": lane.measured.latencies,
        "four_processes_kib": lane.measured.weights,
    })
}
