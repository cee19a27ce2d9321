//! The targets, and what the runtime alone would give.

use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::contestant::PLAIN_ORT;
use ortlet_bench::harness::statistics::geometric_mean;
use ortlet_bench::harness::verdict::{Target, Verdict};

use crate::contestants::SUBJECT;
use crate::figures::{FIRST_OUTPUT, PRIVATE, SHARED, STEADY};

const TARGETS: [Target<'static>; 4] = [
    Target { metric: FIRST_OUTPUT, what: "creation + first output", mean: 0.5, each: Some(1.0) },
    Target { metric: PRIVATE, what: "private memory", mean: 0.3, each: None },
    Target { metric: SHARED, what: "memory of 4 processes", mean: 0.4, each: None },
    Target { metric: STEADY, what: "steady latency", mean: 1.02, each: None },
];

pub fn verdicts(comparisons: &[Comparison], floor: &Comparison) -> Vec<Verdict> {
    let judge = |target: &Target| {
        let is_memory = [PRIVATE, SHARED].contains(&target.metric);
        let floor = floor_ratio(comparisons, floor, target.metric).filter(|_| is_memory);
        target.judge(comparisons, SUBJECT).with_floor(floor)
    };
    TARGETS.iter().map(judge).collect()
}

/// The geometric mean, over the models, of what the runtime needs by itself against what the peer needs.
fn floor_ratio(comparisons: &[Comparison], floor: &Comparison, metric: Metric) -> Option<f64> {
    let of_peer = |comparison: &Comparison| Some(comparison.figure(PLAIN_ORT.name, metric)?.median);
    let own = of_peer(floor)?;
    let ratios: Vec<f64> =
        comparisons.iter().filter_map(|comparison| Some(own / of_peer(comparison)?)).collect();
    geometric_mean(&ratios)
}
