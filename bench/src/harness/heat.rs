//! Models with everybody who runs them: outputs compared, and processes that live side by side and run by turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::agreement::{self, Agreement};
use super::contestant::Contestant;
use super::models::Model;
use super::places::Places;
use super::process::{self, Process};
use super::progress::Progress;
use crate::order::{self, Order, Sample};

/// How long everybody is quiet between turns: plain ONNX Runtime's threads spin for up to 35 ms after a run, in the way
/// of whoever is next.
const QUIET: Duration = Duration::from_millis(45);
/// Set for everybody when outputs are compared, because the order of a sum depends on it.
const THREADS_TO_COMPARE: u32 = 2;

/// One model, or several in one process, with everybody who runs them.
pub struct Heat<M> {
    /// The models.
    pub models: Vec<Model>,
    /// The candidates; the outputs of all are compared with the first one's.
    pub lanes: Vec<Lane<M>>,
}

/// One candidate in one heat, with what was measured of it.
pub struct Lane<M> {
    /// The candidate.
    pub contestant: Contestant,
    /// What it is told.
    pub order: Order,
    /// Whether it computes what the first one computes.
    pub agreement: Option<Agreement>,
    /// The cosine of the outputs with the first one's.
    pub cosine: Option<f64>,
    /// What its processes that lived side by side measured while they started.
    pub starts: Vec<Sample>,
    /// Why there are no figures.
    pub problem: Option<String>,
    /// What was measured.
    pub measured: M,
}

impl<M: Default> Heat<M> {
    /// A heat of models whose files are below the folder.
    ///
    /// # Errors
    /// A model is missing, or there is no room for caches and outputs.
    pub fn new(
        places: &Places,
        folder: &Path,
        models: Vec<Model>,
        contestants: impl IntoIterator<Item = Contestant>,
    ) -> Result<Self> {
        let mut heat = Self { models, lanes: vec![] };
        for contestant in contestants {
            let scratch = places.scratch.join(heat.name()).join(contestant.name);
            fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;
            let order = order(places, folder, &heat.models, contestant, scratch)?;
            heat.lanes.push(Lane {
                contestant,
                order,
                agreement: None,
                cosine: None,
                starts: vec![],
                problem: None,
                measured: M::default(),
            });
        }
        Ok(heat)
    }
}

impl<M> Heat<M> {
    /// The names of its models.
    pub fn name(&self) -> String {
        self.models.iter().map(|model| model.name).collect::<Vec<_>>().join(" + ")
    }

    /// Runs everybody twice without counting: to warm the page cache and fill the candidates' own, and to compare.
    pub fn prepare(&mut self, places: &Places, progress: &Progress) {
        let (name, mut peer) = (self.name(), None);
        for lane in &mut self.lanes {
            progress.show(format_args!("comparing outputs: {name}, {}", lane.contestant.name));
            lane.attempt(|lane| {
                lane.sample()?;
                let outputs = lane.outputs(&places.scratch.join("outputs"))?;
                let peer = peer.get_or_insert_with(|| outputs.clone());
                lane.agreement = Some(agreement::compare(peer, &outputs));
                lane.cosine = agreement::cosine(peer, &outputs);
                Ok(())
            });
            // Without the first, the others have nobody to be compared with or measured against.
            if peer.is_none() {
                break;
            }
        }
    }

    /// Lets one process of each candidate live side by side and act by turns, so that all have the same neighbours:
    /// every turn once each, another one first in every round, and quiet in between.
    pub fn side_by_side(
        &mut self,
        round: usize,
        turns: usize,
        mut act: impl FnMut(&mut M, &mut Process, usize) -> Result<()>,
    ) {
        let lanes = self.lanes.len();
        let mut processes: Vec<Option<Process>> = self.lanes.iter().map(|_| None).collect();
        for place in 0..lanes {
            let at = (round + place) % lanes;
            thread::sleep(QUIET);
            processes[at] = self.lanes[at].started();
        }
        for turn in 0..turns {
            for place in 0..lanes {
                let at = (round + place) % lanes;
                let process = &mut processes[at];
                self.lanes[at].attempt(|lane| {
                    let process = process.as_mut().context("it was not started")?;
                    thread::sleep(QUIET);
                    act(&mut lane.measured, process, turn)
                });
            }
        }
        for (lane, process) in self.lanes.iter_mut().zip(processes) {
            lane.attempt(|_| process.map_or(Ok(()), Process::end));
        }
    }

    /// The lane of a candidate.
    pub fn lane(&self, name: &str) -> Option<&Lane<M>> {
        self.lanes.iter().find(|lane| lane.contestant.name == name)
    }

    /// Whether the figures can be trusted: the first one ran, and whoever has to compute the same did.
    pub fn can_be_trusted(&self) -> bool {
        let agrees = |lane: &Lane<M>| {
            !lane.contestant.exact || lane.agreement.is_none_or(|agreement| agreement.is_good(true))
        };
        self.lanes.first().is_some_and(|peer| peer.problem.is_none()) && self.lanes.iter().all(agrees)
    }
}

impl<M> Lane<M> {
    /// Does a step unless an earlier one failed.
    pub fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) {
        if self.problem.is_none() {
            self.problem = step(self).err().map(|error| format!("{error:#}"));
        }
    }

    /// One process from start to end.
    ///
    /// # Errors
    /// It fails, and why.
    pub fn sample(&self) -> Result<Sample> {
        process::sample(self.contestant.command()?, &self.order)
    }

    fn outputs(&self, file: &Path) -> Result<Vec<f32>> {
        let order =
            Order { threads: Some(THREADS_TO_COMPARE), outputs: Some(file.to_owned()), ..self.order.clone() };
        process::sample(self.contestant.command()?, &order)?;
        agreement::read(file)
    }

    /// A process that holds, after its first output.
    fn started(&mut self) -> Option<Process> {
        let mut started = None;
        self.attempt(|lane| {
            let order = Order { hold: true, ..lane.order.clone() };
            let process = Process::start(lane.contestant.command()?, &order)?;
            lane.starts.push(process.sample()?);
            started = Some(process);
            Ok(())
        });
        started
    }
}

fn order(
    places: &Places,
    folder: &Path,
    models: &[Model],
    contestant: Contestant,
    cache: PathBuf,
) -> Result<Order> {
    let models = models.iter().map(|model| {
        let file = folder.join(model.file);
        if !file.is_file() {
            bail!("{} is missing: run `cargo xtask setup`", file.display());
        }
        Ok(order::Model { file, inputs: model.inputs.clone() })
    });
    Ok(Order {
        runtime: places.runtime.clone(),
        models: models.collect::<Result<_>>()?,
        threads: contestant.threads,
        cache: contestant.cached.then_some(cache),
        precision: contestant.precision,
        samples: None,
        outputs: None,
        hold: false,
    })
}
