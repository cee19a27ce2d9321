//! `neighbour`: sessions that do not have the machine to themselves.

mod beside_spinner;
mod sessions;

use std::process::ExitCode;

use anyhow::Result;
use ortlet_bench::harness::comparison::Comparison;
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::{loads, table};

const BENCH: Bench = Bench {
    name: "neighbour",
    about: "\
How long runs take beside a process that keeps all cores busy but one: Ortlet with its defaults, and plain ONNX Runtime
with one thread and with one for each usable core; and how many runs sessions of all the models in one process give when
all are called at the same time: plain ONNX Runtime and Ortlet, both with their defaults. All by turns.",
    rounds: 18,
    models: &["magika", "silero-vad", "minilm", "rec"],
};

const BESIDE_LEGEND: &str = "\
Beside a process that keeps all usable cores busy but one. Times in ms, medians over the rounds; x: the median over the
rounds of the ratio to the better of plain ORT with one thread and plain ORT with one for each usable core (all). Runs
are either undisturbed or wait for the neighbour's share of time, so their median tells little: the mean is the time
that the work takes, and is what is judged. p99: of the runs of all rounds together.
";

const SESSIONS_LEGEND: &str = "
Sessions of all models in one process, each called by a thread of its own, run after run, all at the same time; p50
alone: while only this one is called. Ratios to plain ORT with its defaults.";

const IN_ALL_LEGEND: &str = "
The process in all. work: all models' runs in a second, each counted as the time it takes plain ORT alone, so that one
caller alone would give 1 with plain ORT; CPU/work: CPU time in seconds for as much work as one second of plain ORT
alone; threads: of the process at rest, the main thread included.";

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let mut beside = beside_spinner::heats(options, places)?;
    let mut sessions = sessions::heat(options, places)?;
    beside_spinner::measure(options, places, &mut beside)?;
    sessions::measure(options, places, &mut sessions);

    let beside_comparisons: Vec<Comparison> = beside.iter().map(beside_spinner::comparison).collect();
    let by_model = sessions::by_model(&sessions);
    let in_all = sessions::in_all(&sessions);
    let mut verdicts = vec![beside_spinner::verdict(&beside_comparisons)];
    verdicts.extend(sessions::verdicts(&by_model));
    let tables = tables(&beside_comparisons, &by_model, &in_all);
    let comparisons = beside_comparisons.iter().chain(&by_model).chain([&in_all]);
    Ok(loads::findings(beside.iter().chain([&sessions]), tables, comparisons, verdicts))
}

fn tables(beside: &[Comparison], by_model: &[Comparison], in_all: &Comparison) -> String {
    let mut out = BESIDE_LEGEND.to_owned();
    out.extend(beside.iter().map(table::comparison));
    out += &table::overall_ratios("geometric mean", beside, "models");
    out += SESSIONS_LEGEND;
    out.extend(by_model.iter().map(table::comparison));
    out += &table::overall_ratios("geometric mean", by_model, "models");
    out += IN_ALL_LEGEND;
    out + &table::comparison(in_all)
}
