//! The measurement: processes that live side by side and run by turns.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::load::Load;
use ortlet_bench::order::{Precision, Sample};

use super::contestants::{self, DYNAMIC, DynamicModels};
use super::data_of;
use super::situations::Situation;

/// How often each process gets its turn, and for how long.
const TURNS: usize = 4;
const TURN_MS: u64 = 20;

/// What is measured of one contestant in one situation.
#[derive(Default)]
pub struct Measured {
    /// The median run of each turn in ms.
    pub latencies: Vec<f64>,
    /// What each process measured while it started.
    pub starts: Vec<Sample>,
}

/// A situation with everybody who runs it.
pub type Heats = Vec<(Situation, Heat<Measured>)>;

/// A heat for each situation.
pub fn heats(
    places: &Places,
    data: &Path,
    dynamic: &DynamicModels,
    situations: Vec<Situation>,
) -> Result<Heats> {
    let heat = |situation: Situation| {
        let contestants = contestants::all(situation.threads);
        let mut heat = Heat::new(places, &places.models, vec![situation.model.clone()], contestants)?;
        for lane in &mut heat.lanes {
            if lane.contestant.name == DYNAMIC {
                let made = dynamic.get(situation.model.name).context("the quantized model")?;
                lane.order.models[0].file.clone_from(made);
            }
            // The others need none, and what they are given is part of what they look for in their cache.
            if lane.contestant.precision == Precision::KernelsInt8 {
                lane.order.samples = Some(data_of(data, situation.model.name).join("samples"));
            }
        }
        Ok((situation, heat))
    };
    situations.into_iter().map(heat).collect()
}

/// Measures everything.
pub fn measure(places: &Places, rounds: usize, heats: &mut Heats, progress: &Progress) {
    for (_, heat) in &mut *heats {
        // Fills Ortlet's caches too, which takes a calibration.
        heat.prepare(places, progress);
    }
    for round in 0..rounds {
        for (situation, heat) in &mut *heats {
            progress.show(format_args!("round {} of {rounds}: {}", round + 1, situation.title()));
            heat.side_by_side(round, TURNS, |measured, process, _| {
                let mut runs = process.run(&Load::back_to_back(TURN_MS))?.latencies_ns.concat();
                runs.sort_unstable();
                measured.latencies.extend(runs.get(runs.len() / 2).map(|run| *run as f64 / 1e6));
                Ok(())
            });
        }
    }
    for (_, heat) in heats {
        heat.lanes.iter_mut().for_each(|lane| {
            lane.measured.starts = std::mem::take(&mut lane.starts);
            lane.attempt(|lane| used_its_cache(lane.contestant.cached, &lane.measured.starts));
        });
    }
}

/// A figure of a cache that is not used would be a figure of nothing.
fn used_its_cache(cached: bool, starts: &[Sample]) -> Result<()> {
    let missed = starts.iter().filter(|sample| sample.cache_hit.is_some_and(|hit| hit != cached)).count();
    ensure!(missed == 0, "misused its cache in {missed} of {} processes", starts.len());
    Ok(())
}
