//! `coldstart`: how long and with how much memory a model starts, several ways side by side.

mod contestants;
mod figures;
mod measure;
mod verdict;

use std::process::ExitCode;

use anyhow::Result;
use ortlet_bench::harness::comparison::Comparison;
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::models::{self, Model};
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::{Places, setting};
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::table;
use serde_json::Map;

use contestants::{ALL, NATIVE};
use measure::Measured;

const BENCH: Bench = Bench {
    name: "coldstart",
    about: "\
How long, and with how much memory, a model starts: plain ONNX Runtime, Ortlet cold, with its cache and with kernels of
its own on weights packed ahead, OpenVINO with and without its cache, and tract, each in fresh processes, by turns.",
    rounds: 15,
    models: &models::NAMES,
};

const LEGEND: &str = "\
Times in ms, memory in MiB, medians; x: the median over the rounds of the ratio to plain ORT in the same round.
private: anonymous memory after the first output; 4 processes: their proportional set sizes in all. OpenVINO's are
without what the Python interpreter has by itself. Loading the libraries is not timed.
";

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let (mut heats, mut floor) = heats(places, options)?;
    measure::measure(places, options.rounds, heats.iter_mut().chain([&mut floor]).collect());

    let comparisons: Vec<Comparison> = heats.iter().map(figures::comparison).collect();
    let floor_comparison = figures::comparison(&floor);
    let records = heats.iter().zip(&comparisons).map(|(heat, comparison)| figures::record(heat, comparison));
    let floor_record = figures::record(&floor, &floor_comparison);
    Ok(Findings {
        tables: tables(&comparisons, &floor_comparison),
        record: Map::from_iter([("models".into(), records.collect()), ("floor".into(), floor_record)]),
        verdicts: verdict::verdicts(&comparisons, &floor_comparison),
        trusted: heats.iter().all(Heat::can_be_trusted),
    })
}

/// The models, and the floor: a model of one node.
fn heats(places: &Places, options: &Options) -> Result<(Vec<Heat<Measured>>, Heat<Measured>)> {
    let heat = |model: &Model| Heat::new(places, &places.models, vec![model.clone()], ALL);
    let heats = options.models.iter().map(heat).collect::<Result<_>>()?;
    Ok((heats, Heat::new(places, &setting("ORTLET_TEST_ONNX")?, vec![models::floor()], NATIVE)?))
}

fn tables(comparisons: &[Comparison], floor: &Comparison) -> String {
    let mut out = LEGEND.to_owned();
    out.extend(comparisons.iter().map(table::comparison));
    out += &table::overall_ratios("geometric mean", comparisons, "models");
    out += "\nThe floor: ONNX Runtime loaded, with a model of one node.";
    out + &table::comparison(floor)
}
