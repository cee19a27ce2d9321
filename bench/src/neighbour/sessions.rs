//! Sessions of different models in one process, all called at the same time.

use anyhow::Result;
use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::contestant::{ORTLET, PLAIN_ORT};
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::loads::{self, Measured, p50_ms, p99_ms, runs_per_second};
use ortlet_bench::harness::options::Options;
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::statistics::median;
use ortlet_bench::harness::verdict::{Target, Verdict};
use ortlet_bench::load::{Load, Runs};

const TOGETHER_MS: u64 = 1500;
const ALONE_MS: u64 = 150;
/// Place of the load of all callers; after it, those of each caller alone, in the order of the models.
const TOGETHER: usize = 0;

const THROUGHPUT: Metric = Metric::higher("runs/s", "runs_per_s");
const P50: Metric = Metric::lower("p50", "p50_ms");
const P99: Metric = Metric::lower("p99", "p99_ms");
const ALONE: Metric = Metric::lower("p50 alone", "alone_p50_ms");

const WORK: Metric = Metric::higher("work", "work");
const CPU: Metric = Metric::lower("CPU/work", "cpu_per_work");
const THREADS: Metric = Metric::lower("threads", "threads");

const TARGETS: [Target; 2] = [
    Target { metric: THROUGHPUT, what: "throughput of sessions called at once", mean: 1.0, each: None },
    Target { metric: P99, what: "p99 of sessions called at once", mean: 0.6, each: None },
];

/// One heat of all the models.
pub fn heat(options: &Options, places: &Places) -> Result<Heat<Measured>> {
    Heat::new(places, &places.models, options.models.clone(), [PLAIN_ORT, ORTLET])
}

pub fn measure(options: &Options, places: &Places, heat: &mut Heat<Measured>) {
    let models = heat.models.len();
    let load = |callers, milliseconds| Load { callers, milliseconds, period_ms: None };
    let mut all = vec![load((0..models).collect(), TOGETHER_MS)];
    all.extend((0..models).map(|model| load(vec![model], ALONE_MS)));
    loads::measure(options, places, std::slice::from_mut(heat), &all);
}

/// The figures of each model while all are called.
pub fn by_model(heat: &Heat<Measured>) -> Vec<Comparison> {
    let comparison = |model: usize| {
        let together = |measured: &Measured| measured.rounds_of_caller(TOGETHER, model);
        Comparison::new(
            heat,
            heat.models[model].name,
            &[
                (THROUGHPUT, &|measured| runs_per_second(&together(measured))),
                (P50, &|measured| p50_ms(&together(measured))),
                (P99, &|measured| p99_ms(&together(measured))),
                (ALONE, &|measured| p50_ms(measured.rounds(alone(model)))),
            ],
        )
    };
    (0..heat.models.len()).map(comparison).collect()
}

/// The figures of the process as a whole.
pub fn in_all(heat: &Heat<Measured>) -> Comparison {
    let costs: Vec<f64> = (0..heat.models.len()).map(|model| cost_ns(heat, model)).collect();
    Comparison::new(
        heat,
        "in all",
        &[
            (WORK, &|measured| measured.rounds(TOGETHER).iter().map(|runs| work(runs, &costs)).collect()),
            (CPU, &|measured| {
                measured.rounds(TOGETHER).iter().filter_map(|runs| cpu_per_work(runs, &costs)).collect()
            }),
            (THREADS, &Measured::threads),
        ],
    )
}

/// What a run of a model costs: how long it takes plain ONNX Runtime while no other is called.
fn cost_ns(heat: &Heat<Measured>, model: usize) -> f64 {
    let peer = heat.lane(PLAIN_ORT.name);
    let alone = peer.and_then(|peer| median(&p50_ms(peer.measured.rounds(alone(model)))));
    // Without the peer there are no ratios either.
    alone.unwrap_or(f64::NAN) * 1e6
}

/// The work done in a second, where what plain ONNX Runtime does for one caller alone in a second is 1.
fn work(runs: &Runs, costs_ns: &[f64]) -> f64 {
    let rate = |(latencies, cost): (&Vec<u64>, &f64)| {
        latencies.len() as f64 * cost / latencies.iter().sum::<u64>() as f64
    };
    runs.latencies_ns.iter().zip(costs_ns).map(rate).sum()
}

/// The seconds of CPU time that this much work needs.
fn cpu_per_work(runs: &Runs, costs_ns: &[f64]) -> Option<f64> {
    let cost = |(latencies, cost): (&Vec<u64>, &f64)| latencies.len() as f64 * cost;
    let done: f64 = runs.latencies_ns.iter().zip(costs_ns).map(cost).sum();
    Some(runs.cpu_ns? as f64 / done)
}

fn alone(model: usize) -> usize {
    TOGETHER + 1 + model
}

pub fn verdicts(comparisons: &[Comparison]) -> Vec<Verdict> {
    TARGETS.iter().map(|target| target.judge(comparisons, ORTLET.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_in_time_of_the_peer_alone() {
        // The first model at half of the peer's speed alone, the second one at a quarter.
        let runs = Runs { latencies_ns: vec![vec![20, 20], vec![400]], cpu_ns: Some(240) };
        let costs = [10.0, 100.0];
        assert_eq!(work(&runs, &costs), 0.75);
        assert_eq!(cpu_per_work(&runs, &costs), Some(2.0));
    }
}
