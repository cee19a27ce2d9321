//! What is reported of the samples: the columns, and the record.

use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::heat::{Heat, Lane};
use ortlet_bench::order::Sample;
use serde_json::{Value, json};

use super::measure::Measured;
use super::situations::Situation;

pub const STEADY: Metric = Metric::lower("steady", "steady_ms");
pub const CREATION: Metric = Metric::lower("creation", "create_ms");
pub const FIRST_OUTPUT: Metric = Metric::lower("+ first output", "first_output_ms");
pub const LOAD: Metric = Metric::lower("load", "load_mb");

/// The figures of a heat.
pub fn comparison(situation: &Situation, heat: &Heat<Measured>) -> Comparison {
    let mut comparison = Comparison::new(
        heat,
        situation.title(),
        &[
            (STEADY, &|measured: &Measured| measured.latencies.clone()),
            (CREATION, &|measured| each(measured, |sample| Some(milliseconds(sample.create_ns)))),
            (FIRST_OUTPUT, &|measured| each(measured, |sample| Some(milliseconds(sample.first_output_ns)))),
            (LOAD, &|measured| each(measured, |sample| sample.load_kib.map(megabytes))),
        ],
    );
    // Nobody has to compute the same to the bit; cosines tell more.
    comparison.entries.iter_mut().for_each(|entry| entry.agreement = None);
    comparison
}

fn each(measured: &Measured, of: impl Fn(&Sample) -> Option<f64>) -> Vec<f64> {
    measured.starts.iter().filter_map(of).collect()
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn megabytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1024.0 / 1e6
}

/// A heat as JSON, with every sample.
pub fn record(situation: &Situation, heat: &Heat<Measured>, comparison: &Comparison) -> Value {
    let lane = |lane: &Lane<Measured>| {
        json!({
            "candidate": lane.contestant.name,
            "problem": lane.problem,
            "outputs": lane.agreement,
            "outputs_cosine": lane.cosine,
            "figures": comparison.figures(lane.contestant.name),
            "starts": lane.measured.starts.iter().map(start).collect::<Vec<_>>(),
            // The same for all processes.
            "report": lane.measured.starts.last().map(|sample| &sample.report),
            "latencies_ms": lane.measured.latencies,
        })
    };
    json!({
        "model": situation.model.name,
        "dims": situation.dims(),
        "threads": situation.threads,
        "candidates": heat.lanes.iter().map(lane).collect::<Vec<_>>(),
    })
}

fn start(sample: &Sample) -> Value {
    json!(Sample { report: None, ..sample.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_figures_in_their_units() {
        let sample = |load_kib| Sample {
            create_ns: 2_500_000,
            first_output_ns: 4_000_000,
            language_kib: 0,
            anonymous_kib: None,
            load_kib,
            cache_hit: None,
            report: None,
        };
        let measured = Measured { latencies: vec![], starts: vec![sample(Some(1000)), sample(None)] };
        assert_eq!(each(&measured, |sample| Some(milliseconds(sample.create_ns))), [2.5, 2.5]);
        assert_eq!(each(&measured, |sample| sample.load_kib.map(megabytes)), [1.024]);
    }
}
