//! Measuring sessions that are ready: every round, one process of each candidate runs the same loads by turns.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::comparison::Comparison;
use super::contestant::Contestant;
use super::heat::{Heat, Lane};
use super::models::Model;
use super::options::Options;
use super::places::Places;
use super::progress::Progress;
use super::report::Findings;
use super::statistics::{mean, median, percentile};
use super::verdict::Verdict;
use crate::load::{Load, Runs};

/// What is measured of one candidate in one heat.
#[derive(Default)]
pub struct Measured {
    /// For each load, the runs of every round.
    turns: Vec<Vec<Runs>>,
    /// Threads of the process at rest, the main thread included, before each turn.
    threads: Vec<usize>,
}

/// A heat for each model.
///
/// # Errors
/// A model is missing.
pub fn heats(options: &Options, places: &Places, contestants: &[Contestant]) -> Result<Vec<Heat<Measured>>> {
    let heat =
        |model: &Model| Heat::new(places, &places.models, vec![model.clone()], contestants.iter().copied());
    options.models.iter().map(heat).collect()
}

/// Compares outputs, then measures.
pub fn measure(options: &Options, places: &Places, heats: &mut [Heat<Measured>], loads: &[Load]) {
    let progress = Progress::default();
    for heat in &mut *heats {
        heat.prepare(places, &progress);
    }
    for round in 0..options.rounds {
        for heat in &mut *heats {
            progress.show(format_args!("round {} of {}: {}", round + 1, options.rounds, heat.name()));
            heat.side_by_side(round, loads.len(), |measured, process, turn| {
                measured.threads.extend(process.threads());
                measured.turns.resize_with(loads.len(), Vec::new);
                measured.turns[turn].push(process.run(&loads[turn])?);
                Ok(())
            });
        }
    }
}

/// What there is to print and to keep.
pub fn findings<'a>(
    heats: impl IntoIterator<Item = &'a Heat<Measured>>,
    tables: String,
    comparisons: impl IntoIterator<Item = &'a Comparison>,
    verdicts: Vec<Verdict>,
) -> Findings {
    let heats: Vec<_> = heats.into_iter().collect();
    let record = Map::from_iter([
        ("heats".into(), heats.iter().map(|heat| record(heat)).collect()),
        ("comparisons".into(), comparisons.into_iter().map(Comparison::record).collect()),
    ]);
    Findings { tables, record, verdicts, trusted: heats.iter().all(|heat| heat.can_be_trusted()) }
}

impl Measured {
    /// The rounds of one load.
    pub fn rounds(&self, load: usize) -> &[Runs] {
        self.turns.get(load).map_or(&[], Vec::as_slice)
    }

    /// The rounds of one load, as one of its callers knows them: without CPU time, which nobody has alone.
    pub fn rounds_of_caller(&self, load: usize, caller: usize) -> Vec<Runs> {
        let of_caller = |runs: &Runs| Runs {
            latencies_ns: runs.latencies_ns.get(caller).cloned().into_iter().collect(),
            cpu_ns: None,
        };
        self.rounds(load).iter().map(of_caller).collect()
    }

    /// Threads of the process at rest.
    pub fn threads(&self) -> Vec<f64> {
        self.threads.iter().map(|&threads| threads as f64).collect()
    }
}

/// The median latency of each round in ms.
pub fn p50_ms(rounds: &[Runs]) -> Vec<f64> {
    rounds.iter().filter_map(|runs| median(&latencies_ms(runs))).collect()
}

/// The mean latency of each round in ms.
pub fn mean_ms(rounds: &[Runs]) -> Vec<f64> {
    rounds.iter().filter_map(|runs| mean(&latencies_ms(runs))).collect()
}

/// The 99th percentile in ms of the runs of all rounds: one round has too few of them.
pub fn p99_ms(rounds: &[Runs]) -> Vec<f64> {
    let all: Vec<f64> = rounds.iter().flat_map(latencies_ms).collect();
    percentile(&all, 99.0).into_iter().collect()
}

/// CPU time of the process for each run in ms, for each round.
pub fn cpu_ms_per_run(rounds: &[Runs]) -> Vec<f64> {
    let cpu = |runs: &Runs| Some(milliseconds(runs.cpu_ns?) / latencies_ms(runs).len() as f64);
    rounds.iter().filter_map(cpu).collect()
}

/// Runs per second of each round, of all callers: each has its own rate, because they do not end at the same time.
pub fn runs_per_second(rounds: &[Runs]) -> Vec<f64> {
    let rate = |latencies: &Vec<u64>| latencies.len() as f64 * 1e9 / latencies.iter().sum::<u64>() as f64;
    rounds.iter().map(|runs| runs.latencies_ns.iter().map(rate).sum()).collect()
}

fn latencies_ms(runs: &Runs) -> Vec<f64> {
    runs.latencies_ns.iter().flatten().copied().map(milliseconds).collect()
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// A heat as JSON.
fn record(heat: &Heat<Measured>) -> Value {
    let lane = |lane: &Lane<Measured>| {
        let turns: Vec<Vec<Value>> =
            lane.measured.turns.iter().map(|rounds| rounds.iter().map(summary).collect()).collect();
        json!({
            "candidate": lane.contestant.name,
            "problem": lane.problem,
            "outputs": lane.agreement,
            "threads": lane.measured.threads,
            "loads": turns,
        })
    };
    let models = heat.models.iter().map(|model| json!({ "model": model.name, "inputs": model.inputs }));
    json!({
        "models": models.collect::<Vec<_>>(),
        "candidates": heat.lanes.iter().map(lane).collect::<Vec<_>>(),
    })
}

/// One round of one load as JSON.
fn summary(runs: &Runs) -> Value {
    let caller = |latencies: &Vec<u64>| {
        let latencies: Vec<f64> = latencies.iter().copied().map(milliseconds).collect();
        let percentile = |percent| percentile(&latencies, percent);
        json!({
            "count": latencies.len(),
            "mean_ms": mean(&latencies),
            "p50_ms": percentile(50.0),
            "p90_ms": percentile(90.0),
            "p99_ms": percentile(99.0),
            "max_ms": percentile(100.0),
        })
    };
    json!({
        "callers": runs.latencies_ns.iter().map(caller).collect::<Vec<_>>(),
        "cpu_ms": runs.cpu_ns.map(milliseconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(latencies_ms: &[&[u64]], cpu_ms: u64) -> Runs {
        let nanoseconds = |latencies: &&[u64]| latencies.iter().map(|latency| latency * 1_000_000).collect();
        Runs {
            latencies_ns: latencies_ms.iter().map(nanoseconds).collect(),
            cpu_ns: Some(cpu_ms * 1_000_000),
        }
    }

    #[test]
    fn figures_of_rounds_are_what_they_are_called() {
        let rounds = [runs(&[&[1, 3], &[4]], 12), runs(&[&[2], &[8]], 20)];
        assert_eq!(p50_ms(&rounds), [3.0, 2.0]);
        assert_eq!(mean_ms(&rounds), [8.0 / 3.0, 5.0]);
        assert_eq!(p99_ms(&rounds), [8.0]);
        assert_eq!(cpu_ms_per_run(&rounds), [4.0, 10.0]);
        assert_eq!(runs_per_second(&rounds), [500.0 + 250.0, 500.0 + 125.0]);

        let measured = Measured { turns: vec![vec![], rounds.to_vec()], threads: vec![2, 3] };
        assert_eq!(runs_per_second(&measured.rounds_of_caller(1, 1)), [250.0, 125.0]);
        assert!(cpu_ms_per_run(&measured.rounds_of_caller(1, 1)).is_empty());
        assert!(p99_ms(measured.rounds(0)).is_empty());
        assert_eq!(measured.threads(), [2.0, 3.0]);
    }
}
