//! The measurement itself: who runs when, and what is kept of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ortlet_bench::order::{Order, Sample};

use crate::agreement::{self, Agreement};
use crate::contestants::{Contestant, PEER};
use crate::models::Model;
use crate::process::{self, Process};
use crate::progress::Progress;

/// How many processes share a model when their memory is weighed.
const SHARING: usize = 4;
/// Memory varies little from process to process, so a few weighings are enough.
const WEIGHINGS: usize = 3;
/// How often each process gets its turn when latencies are measured, for how long, and how long it is quiet between
/// turns: plain ONNX Runtime's threads spin for up to 35 ms after a run, in the way of whoever is next.
const TURNS: usize = 4;
const TURN_MS: u64 = 15;
const QUIET: Duration = Duration::from_millis(45);
/// Set for everybody when outputs are compared, because the order of a sum depends on it.
const THREADS_TO_COMPARE: u32 = 2;

/// Where things are.
pub struct Places {
    pub runtime: PathBuf,
    /// For caches and outputs; emptied first.
    pub scratch: PathBuf,
}

/// One model with everybody who runs it.
pub struct Heat {
    pub model: Model,
    pub lanes: Vec<Lane>,
}

/// One candidate on one model.
pub struct Lane {
    pub contestant: &'static Contestant,
    order: Order,
    pub agreement: Option<Agreement>,
    /// One for each round.
    pub samples: Vec<Sample>,
    /// The median run in nanoseconds, one for each turn.
    pub latencies: Vec<u64>,
    /// KiB of several processes in all, for each weighing.
    pub weights: Vec<u64>,
    /// Why there are no figures.
    pub problem: Option<String>,
}

impl Heat {
    pub fn new(
        places: &Places,
        model: Model,
        file: &Path,
        contestants: impl Iterator<Item = &'static Contestant>,
    ) -> Result<Self> {
        let scratch = places.scratch.join(model.name);
        let lane = |contestant: &'static Contestant| {
            let folder = scratch.join(contestant.name);
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            Ok(Lane::new(contestant, order(places, &model, file, contestant.cached.then_some(folder))))
        };
        let lanes = contestants.map(lane).collect::<Result<_>>()?;
        Ok(Self { model, lanes })
    }

    /// Runs everybody twice without counting: to warm the page cache and fill the candidates' own, and to compare.
    pub fn prepare(&mut self, places: &Places, progress: &Progress) {
        let mut peer = None;
        for lane in &mut self.lanes {
            progress.show(format_args!("comparing outputs: {}, {}", self.model.name, lane.contestant.name));
            lane.attempt(|lane| {
                lane.sample(&lane.order)?;
                let outputs = lane.outputs(&places.scratch.join("outputs"))?;
                let peer = peer.get_or_insert_with(|| outputs.clone());
                lane.agreement = Some(agreement::compare(peer, &outputs));
                Ok(())
            });
            // The others have nobody to be compared with or measured against.
            if lane.contestant.name == PEER && lane.problem.is_some() {
                break;
            }
        }
    }

    /// One process of each candidate, another one first every time.
    pub fn round(&mut self, round: usize, progress: &Progress) {
        let lanes = self.lanes.len();
        for turn in 0..lanes {
            let lane = &mut self.lanes[(round + turn) % lanes];
            progress.show(format_args!("round {}: {}, {}", round + 1, self.model.name, lane.contestant.name));
            lane.attempt(|lane| {
                let sample = lane.sample(&lane.order)?;
                // A figure of a cache that is not used would be a figure of nothing.
                ensure!(
                    sample.cache_hit.is_none_or(|hit| hit == lane.contestant.cached),
                    "misused its cache"
                );
                lane.samples.push(sample);
                Ok(())
            });
        }
    }

    /// Lets one process of each candidate live side by side and run by turns, so that all have the same neighbours.
    pub fn latencies(&mut self, round: usize, progress: &Progress) {
        progress.show(format_args!("round {}: {}, latency", round + 1, self.model.name));
        let mut processes: Vec<Option<Process>> = self.lanes.iter_mut().map(Lane::started).collect();
        let lanes = self.lanes.len();
        for turn in 0..TURNS * lanes {
            let at = (round + turn) % lanes;
            let (lane, process) = (&mut self.lanes[at], &mut processes[at]);
            lane.attempt(|lane| {
                let process = process.as_mut().context("it was not started")?;
                thread::sleep(QUIET);
                lane.latencies.push(process.latency(TURN_MS)?);
                Ok(())
            });
        }
        for (lane, process) in self.lanes.iter_mut().zip(processes) {
            lane.attempt(|_| process.map_or(Ok(()), Process::end));
        }
    }

    /// Weighs several processes of each candidate. Not between the samples of a round, which ought to be close in time.
    pub fn weigh(&mut self, progress: &Progress) {
        for lane in &mut self.lanes {
            progress.show(format_args!("weighing: {}, {}", self.model.name, lane.contestant.name));
            (0..WEIGHINGS).for_each(|_| lane.attempt(Lane::weigh));
        }
    }

    pub fn lane(&self, name: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.contestant.name == name)
    }
}

impl Lane {
    fn new(contestant: &'static Contestant, order: Order) -> Self {
        Self {
            contestant,
            order,
            agreement: None,
            samples: vec![],
            latencies: vec![],
            weights: vec![],
            problem: None,
        }
    }

    /// Does a step unless an earlier one failed.
    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) {
        if self.problem.is_none() {
            self.problem = step(self).err().map(|error| format!("{error:#}"));
        }
    }

    fn sample(&self, order: &Order) -> Result<Sample> {
        process::sample(self.contestant.command()?, order)
    }

    fn outputs(&self, file: &Path) -> Result<Vec<f32>> {
        let order =
            Order { threads: Some(THREADS_TO_COMPARE), outputs: Some(file.to_owned()), ..self.order.clone() };
        self.sample(&order)?;
        agreement::read(file)
    }

    /// A process that holds, after its first output.
    fn started(&mut self) -> Option<Process> {
        let mut started = None;
        self.attempt(|lane| {
            let order = Order { hold: true, ..lane.order.clone() };
            let process = Process::start(lane.contestant.command()?, &order)?;
            process.sample()?;
            started = Some(process);
            Ok(())
        });
        started
    }

    fn weigh(&mut self) -> Result<()> {
        let commands = (0..SHARING).map(|_| self.contestant.command()).collect::<Result<_>>()?;
        self.weights.extend(process::weigh(commands, &self.order)?);
        Ok(())
    }
}

fn order(places: &Places, model: &Model, file: &Path, cache: Option<PathBuf>) -> Order {
    Order {
        runtime: places.runtime.clone(),
        model: file.to_owned(),
        inputs: model.inputs.clone(),
        threads: None,
        cache,
        outputs: None,
        hold: false,
    }
}
