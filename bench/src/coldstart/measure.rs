//! The measurement itself: who runs when, and what is kept of it.

use anyhow::{Result, ensure};
use ortlet_bench::harness::heat::{Heat, Lane};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::process;
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::load::Load;
use ortlet_bench::order::Sample;

/// How many processes share a model when their memory is weighed.
const SHARING: usize = 4;
/// Memory varies little from process to process, so a few weighings are enough.
const WEIGHINGS: usize = 3;
/// How often each process gets its turn when latencies are measured, and for how long.
const TURNS: usize = 4;
const TURN_MS: u64 = 15;

/// What is measured of one candidate on one model.
#[derive(Default)]
pub struct Measured {
    /// One for each round.
    pub samples: Vec<Sample>,
    /// The median run in nanoseconds, one for each turn.
    pub latencies: Vec<u64>,
    /// KiB of several processes in all, for each weighing.
    pub weights: Vec<u64>,
}

/// Measures everything.
pub fn measure(places: &Places, rounds: usize, mut heats: Vec<&mut Heat<Measured>>) {
    let progress = Progress::default();
    for heat in &mut heats {
        heat.prepare(places, &progress);
        weigh(heat, &progress);
    }
    for number in 0..rounds {
        for heat in &mut heats {
            round(heat, number, &progress);
            latencies(heat, number, &progress);
        }
    }
}

/// One process of each candidate, another one first every time.
fn round(heat: &mut Heat<Measured>, round: usize, progress: &Progress) {
    let (name, lanes) = (heat.name(), heat.lanes.len());
    for turn in 0..lanes {
        let lane = &mut heat.lanes[(round + turn) % lanes];
        progress.show(format_args!("round {}: {name}, {}", round + 1, lane.contestant.name));
        lane.attempt(|lane| {
            let sample = lane.sample()?;
            // A figure of a cache that is not used would be a figure of nothing.
            ensure!(sample.cache_hit.is_none_or(|hit| hit == lane.contestant.cached), "misused its cache");
            lane.measured.samples.push(sample);
            Ok(())
        });
    }
}

/// The median runs of one process of each candidate, by turns.
fn latencies(heat: &mut Heat<Measured>, round: usize, progress: &Progress) {
    progress.show(format_args!("round {}: {}, latency", round + 1, heat.name()));
    heat.side_by_side(round, TURNS, |measured, process, _| {
        let mut runs = process.run(&Load::back_to_back(TURN_MS))?.latencies_ns.concat();
        runs.sort_unstable();
        measured.latencies.extend(runs.get(runs.len() / 2));
        Ok(())
    });
}

/// Weighs several processes of each candidate. Not between the samples of a round, which ought to be close in time.
fn weigh(heat: &mut Heat<Measured>, progress: &Progress) {
    let name = heat.name();
    for lane in &mut heat.lanes {
        progress.show(format_args!("weighing: {name}, {}", lane.contestant.name));
        (0..WEIGHINGS).for_each(|_| lane.attempt(weigh_once));
    }
}

fn weigh_once(lane: &mut Lane<Measured>) -> Result<()> {
    let commands = (0..SHARING).map(|_| lane.contestant.command()).collect::<Result<_>>()?;
    lane.measured.weights.extend(process::weigh(commands, &lane.order)?);
    Ok(())
}
