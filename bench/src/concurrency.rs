//! `concurrency`: several threads that run one session at the same time.

use std::process::ExitCode;

use anyhow::Result;
use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::contestant::{ORTLET, PLAIN_ORT};
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::loads::{self, Measured, cpu_ms_per_run, p50_ms, p99_ms, runs_per_second};
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::table;
use ortlet_bench::harness::verdict::Target;
use ortlet_bench::load::Load;

const BENCH: Bench = Bench {
    name: "concurrency",
    about: "\
How many runs per second one session gives to 1, 2, 4, 8 and 16 threads that call it at the same time, each run after
run, and how long a run takes: plain ONNX Runtime with its defaults and Ortlet with its own, by turns.",
    rounds: 15,
    models: &["magika", "silero-vad", "minilm"],
};

const CALLERS: [usize; 5] = [1, 2, 4, 8, 16];
const TURN_MS: u64 = 400;

const THROUGHPUT: Metric = Metric::higher("runs/s", "runs_per_s");
const P50: Metric = Metric::lower("p50", "p50_ms");
const P99: Metric = Metric::lower("p99", "p99_ms");
const CPU: Metric = Metric::lower("CPU/run", "cpu_ms_per_run");

const LEGEND: &str = "\
MODEL by N: N callers run the same session, each run after run. Times in ms, medians over the rounds; x: the median
over the rounds of the ratio to plain ORT in the same round; p99: of the runs of all rounds together. CPU/run: CPU time
of the whole process, divided by the number of runs.
";

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let mut heats = loads::heats(options, places, &[PLAIN_ORT, ORTLET])?;
    loads::measure(options, places, &mut heats, &CALLERS.map(|count| Load::callers(count, TURN_MS)));

    let by_callers = CALLERS
        .iter()
        .enumerate()
        .map(|(load, count)| heats.iter().map(|heat| comparison(heat, load, *count)).collect::<Vec<_>>());
    let by_callers: Vec<Vec<Comparison>> = by_callers.collect();
    let (mut tables, mut verdicts) = (LEGEND.to_owned(), vec![]);
    for (count, comparisons) in CALLERS.iter().zip(&by_callers) {
        tables.extend(comparisons.iter().map(table::comparison));
        tables += &table::overall_ratios("geometric mean", comparisons, "models");
        let what = format!("throughput, {count} caller{}", if *count == 1 { "" } else { "s" });
        let target = Target { metric: THROUGHPUT, what: &what, mean: 1.0, each: None };
        verdicts.push(target.judge(comparisons, ORTLET.name));
    }
    Ok(loads::findings(&heats, tables, by_callers.iter().flatten(), verdicts))
}

fn comparison(heat: &Heat<Measured>, load: usize, count: usize) -> Comparison {
    Comparison::new(
        heat,
        format!("{} by {count}", heat.name()),
        &[
            (THROUGHPUT, &|measured| runs_per_second(measured.rounds(load))),
            (P50, &|measured| p50_ms(measured.rounds(load))),
            (P99, &|measured| p99_ms(measured.rounds(load))),
            (CPU, &|measured| cpu_ms_per_run(measured.rounds(load))),
        ],
    )
}
