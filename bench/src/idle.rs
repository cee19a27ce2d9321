//! `idle`: what a request costs that comes now and then, as from a microphone or a camera.

use std::process::ExitCode;

use anyhow::Result;
use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::contestant::{ORTLET, PLAIN_ORT};
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::loads::{self, Measured, cpu_ms_per_run, p50_ms, p99_ms};
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::verdict::Target;
use ortlet_bench::harness::{models, table};
use ortlet_bench::load::Load;

const BENCH: Bench = Bench {
    name: "idle",
    about: "\
How much CPU time a request needs that comes every 30 ms, and how long it takes; and how long requests take that come
back to back: plain ONNX Runtime with its defaults and Ortlet with its own, by turns.",
    rounds: 20,
    models: &models::NAMES,
};

const PERIOD_MS: u64 = 30;
const PACED_MS: u64 = 600;
const BACK_TO_BACK_MS: u64 = 200;
/// Places of the loads.
const PACED: usize = 0;
const BACK_TO_BACK: usize = 1;

const CPU: Metric = Metric::lower("CPU/request", "cpu_ms_per_request");
const P50: Metric = Metric::lower("p50", "p50_ms");
const P99: Metric = Metric::lower("p99", "p99_ms");
const NEXT_P50: Metric = Metric::lower("back to back p50", "back_to_back_p50_ms");
const NEXT_CPU: Metric = Metric::lower("... CPU/run", "back_to_back_cpu_ms_per_run");

const TARGETS: [Target; 3] = [
    Target { metric: CPU, what: "CPU time per request, one every 30 ms", mean: 0.35, each: None },
    Target { metric: P50, what: "p50, one every 30 ms", mean: 1.05, each: None },
    Target { metric: NEXT_P50, what: "p50, back to back", mean: 1.03, each: None },
];

const LEGEND: &str = "\
One request every 30 ms, then back to back. Times in ms, medians over the rounds; x: the median over the rounds of the
ratio to plain ORT in the same round; p99: of the requests of all rounds together. CPU/request: CPU time of the whole
process, its threads' waiting for work included, divided by the number of requests.
";

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let mut heats = loads::heats(options, places, &[PLAIN_ORT, ORTLET])?;
    let loads = [Load::paced(PERIOD_MS, PACED_MS), Load::back_to_back(BACK_TO_BACK_MS)];
    loads::measure(options, places, &mut heats, &loads);

    let comparisons: Vec<Comparison> = heats.iter().map(comparison).collect();
    let mut tables = LEGEND.to_owned();
    tables.extend(comparisons.iter().map(table::comparison));
    tables += &table::overall_ratios("geometric mean", &comparisons, "models");
    let verdicts = TARGETS.iter().map(|target| target.judge(&comparisons, ORTLET.name)).collect();
    Ok(loads::findings(&heats, tables, &comparisons, verdicts))
}

fn comparison(heat: &Heat<Measured>) -> Comparison {
    Comparison::new(
        heat,
        heat.name(),
        &[
            (CPU, &|measured| cpu_ms_per_run(measured.rounds(PACED))),
            (P50, &|measured| p50_ms(measured.rounds(PACED))),
            (P99, &|measured| p99_ms(measured.rounds(PACED))),
            (NEXT_P50, &|measured| p50_ms(measured.rounds(BACK_TO_BACK))),
            (NEXT_CPU, &|measured| cpu_ms_per_run(measured.rounds(BACK_TO_BACK))),
        ],
    )
}
