//! `coldstart`: how long and with how much memory a model starts, several ways side by side.

mod agreement;
mod contestants;
mod figures;
mod machine;
mod measure;
mod models;
mod options;
mod process;
mod progress;
mod record;
mod statistics;
mod table;
mod verdict;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use contestants::{ALL, EXACT, PEER};
use machine::Machine;
use measure::{Heat, Places};
use options::Options;
use progress::Progress;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", options::HELP);
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments).and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the figures can be trusted; a missed target is a result, not a failure.
fn run(options: Options) -> Result<bool> {
    let folder = bench_folder()?;
    let places = Places { runtime: setting("ORTLET_RUNTIME")?, scratch: folder.join("coldstart") };
    let (mut heats, mut floor) = heats(&places, options.models)?;
    measure(&places, options.rounds, &mut heats, &mut floor);

    let machine = Machine::now();
    let verdicts = verdict::verdicts(&heats, &floor);
    print!("{}", text(&heats, &floor, &verdicts)?);
    let json = options.json.unwrap_or_else(|| folder.join("coldstart.json"));
    record::write(&json, (options.rounds, &machine), &heats, &floor, &verdicts)?;
    println!("\n{machine}\nEvery sample: {}", json.display());
    Ok(heats.iter().all(can_be_trusted))
}

fn heats(places: &Places, models: Vec<models::Model>) -> Result<(Vec<Heat>, Heat)> {
    // What an earlier run left would make the caches older than the programs.
    let _ = fs::remove_dir_all(&places.scratch);
    let real = setting("ORTLET_TEST_MODELS")?;
    let heats = models.into_iter().map(|model| {
        let file = present(real.join(model.file))?;
        Heat::new(places, model, &file, ALL.iter())
    });
    let heats = heats.collect::<Result<Vec<_>>>()?;
    let floor = models::floor();
    let file = present(setting("ORTLET_TEST_ONNX")?.join(floor.file))?;
    let native = ALL.iter().filter(|contestant| [PEER, EXACT[0]].contains(&contestant.name));
    Ok((heats, Heat::new(places, floor, &file, native)?))
}

fn measure(places: &Places, rounds: usize, heats: &mut [Heat], floor: &mut Heat) {
    let progress = Progress::new();
    let mut all: Vec<&mut Heat> = heats.iter_mut().chain([floor]).collect();
    for heat in &mut all {
        heat.prepare(places, &progress);
        heat.weigh(&progress);
    }
    for round in 0..rounds {
        for heat in &mut all {
            heat.round(round, &progress);
            heat.latencies(round, &progress);
        }
    }
}

fn text(heats: &[Heat], floor: &Heat, verdicts: &[verdict::Verdict]) -> Result<String> {
    let mut out = format!("{}\n", table::LEGEND);
    for heat in heats {
        table::heat(&mut out, heat)?;
    }
    table::overall_ratios(&mut out, heats)?;
    out.push_str("\nThe floor: ONNX Runtime loaded, with a model of one node.");
    table::heat(&mut out, floor)?;
    out.push_str("\nTargets, of the geometric mean:\n");
    for verdict in verdicts {
        out.push_str(&format!("  {verdict}\n"));
    }
    Ok(out)
}

/// The peer ran, and whoever has to compute the same did.
fn can_be_trusted(heat: &Heat) -> bool {
    let agrees = |name: &&str| {
        let agreement = heat.lane(name).and_then(|lane| lane.agreement);
        agreement.is_none_or(|agreement| agreement.is_good(true))
    };
    heat.lane(PEER).is_some_and(|lane| lane.problem.is_none()) && EXACT.iter().all(agrees)
}

/// The folder `bench` of the folder that cargo builds into.
fn bench_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("find this program")?;
    let target = program.parent().and_then(Path::parent).context("find the target folder")?;
    Ok(target.join("bench"))
}

fn setting(name: &str) -> Result<PathBuf> {
    let value = env::var_os(name).with_context(|| format!("{name} is not set: run `cargo xtask bench`"))?;
    Ok(value.into())
}

fn present(file: PathBuf) -> Result<PathBuf> {
    if !file.is_file() {
        bail!("{} is missing: run `cargo xtask setup`", file.display());
    }
    Ok(file)
}
