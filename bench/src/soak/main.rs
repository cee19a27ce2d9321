//! `soak`: every kind of run at once, for long, to see that results stay exact and that nothing grows.

mod block_on;
mod callers;
mod options;
mod report;
mod subjects;
mod watch;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::progress::Progress;

use callers::{Counts, Fleet};
use options::Options;
use report::Report;
use watch::{Sample, Watch};

/// How often memory, threads and files are looked at: often enough for a median in a short soak.
const LOOK_EVERY: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", options::HELP);
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was exact and flat.
fn run(options: &Options) -> Result<bool> {
    let places = Places::of("soak")?;
    let subjects = subjects::all(&places.models)?;
    let cache = places.scratch.join("cache");
    let fleet = Fleet::new(&subjects, &cache)?;
    let (stop, problems) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let mut watch = Watch::default();
    let counts: Vec<(&str, &Counts)> = fleet.counts().collect();
    thread::scope(|scope| {
        for caller in fleet.callers() {
            let (stop, problems) = (&stop, &problems);
            scope.spawn(move || {
                if let Err(problem) = caller.work(stop) {
                    let mut problems = problems.lock().unwrap_or_else(PoisonError::into_inner);
                    problems.push(format!("{}: {problem:#}", caller.name()));
                    // Nothing that follows would tell more.
                    stop.store(true, Ordering::Relaxed);
                }
            });
        }
        look(options, &stop, &counts, &mut watch);
        stop.store(true, Ordering::Relaxed);
    });
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = Report::new(options.seconds, &counts, &watch, problems);
    print!("{}", if options.json { report.json()? } else { report.text() });
    Ok(report.is_good)
}

/// Takes samples until the time is over or somebody stops.
fn look(options: &Options, stop: &AtomicBool, counts: &[(&str, &Counts)], watch: &mut Watch) {
    let (start, whole) = (Instant::now(), Duration::from_secs(options.seconds));
    let progress = Progress::default();
    while start.elapsed() < whole && !stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK_EVERY.min(whole.saturating_sub(start.elapsed())));
        let Some(sample) = Sample::now() else { continue };
        watch.samples.push(sample);
        let runs: u64 = counts.iter().map(|(_, counts)| counts.all()).sum();
        progress.show(format_args!(
            "soak: {} of {} s, {runs} runs, {} MiB, {} threads, {} files",
            start.elapsed().as_secs(),
            options.seconds,
            sample.anonymous_kib / 1024,
            sample.threads,
            sample.files,
        ));
    }
}
