//! `quantize`: what quantized models are worth, Ortlet's and those of other tools side by side.

mod contestants;
mod judged;
mod options;
mod outcome;
mod table;
mod tasks;
mod verdict;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use ortlet_bench::harness::machine::Machine;
use ortlet_bench::harness::places::{Places, setting};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::harness::report;
use serde_json::{Value, json};

use contestants::ORIGINAL;
use options::Options;
use outcome::{Outcome, Row};
use tasks::Task;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", options::help());
        return ExitCode::SUCCESS;
    }
    match options::parse(arguments).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A missed target is a result, not a failure.
fn run(options: &Options) -> Result<()> {
    let (places, data) = (Places::of("quantize")?, setting("ORTLET_BENCH_QUANTIZE_DATA")?);
    print!("{}", table::LEGEND);
    let mut outcomes = Vec::new();
    for &task in &options.tasks {
        let outcome = measure(task, &places, &data.join(task.name), options.rounds)?;
        print!("{}", table::of(&outcome));
        outcomes.push(outcome);
    }
    let (machine, verdicts) = (Machine::now(), verdict::verdicts(&outcomes));
    println!("\nTargets:");
    verdicts.iter().for_each(|verdict| println!("  {verdict}"));
    let tasks: Vec<Value> = outcomes.iter().map(Outcome::record).collect();
    let record = json!({
        "bench": "quantize",
        "rounds": options.rounds,
        "machine": machine,
        "verdicts": verdicts,
        "tasks": tasks,
    });
    let path = options.json.as_ref().unwrap_or(&places.record);
    report::write(path, &record)?;
    println!("\n{machine}\nEvery time, and the models: {} and {}", path.display(), places.scratch.display());
    Ok(())
}

fn measure(task: Task, places: &Places, data: &Path, rounds: usize) -> Result<Outcome> {
    let original = places.models.join(task.model);
    ensure!(original.is_file(), "the model {} is missing", original.display());
    let scratch = places.scratch.join(task.name);
    fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;

    let progress = Progress::default();
    let mut rows = Vec::new();
    for contestant in contestants::ALL {
        progress.show(format_args!("{}: quantizing, {}", task.name, contestant.name));
        let out = contestant.file(&scratch);
        let made = contestant.make(task, &original, data, &out).map_err(|error| format!("{error:#}"));
        rows.push(Row { contestant, made, bytes: outcome::model_bytes(&out), judged: None });
    }
    let original_bytes = outcome::model_bytes(&original);
    let mut outcome = Outcome { task, original_bytes, original: None, rows };
    let files: Vec<(&str, PathBuf)> = outcome
        .rows
        .iter()
        .filter(|row| row.made.is_ok())
        .map(|row| (row.contestant.name, row.contestant.file(&scratch)))
        .collect();
    let made = files.iter().map(|(name, file)| (*name, file.as_path()));
    let models: Vec<_> = [(ORIGINAL, original.as_path())].into_iter().chain(made).collect();
    outcome.judge(&judged::judge(task, data, rounds, &models, &progress)?);
    Ok(outcome)
}
