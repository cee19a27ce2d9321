//! Where models are tried: the samples, what the original gives for them, and how far another model is off.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::options::{PrecisionObserver, PrecisionOptions, PrecisionProgress};
use crate::engine::calibrate::Batches;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::race::racing;
use crate::engine::runtime::{Precision, Sample, Samples, SessionOptions};
use crate::engine::session::{CancelToken, Outputs, RunOptions, Session};
use crate::model::Model;
use crate::quantize::{AccuracyFigures, AccuracyJudge};
use crate::tensor::Value;
use crate::{ErrorKind, Result};

/// Tries models for one choice of precision.
pub(super) struct Lab<'a> {
    pub(super) options: &'a PrecisionOptions,
    /// How sessions are made that are tried: as the caller's will be, but neither cached nor planned.
    pub(super) session: SessionOptions,
    pub(super) samples: Batches,
    start: Instant,
    stage: RefCell<Stage>,
}

/// What is being done, for whoever is told of it.
#[derive(Clone)]
pub(super) struct Stage {
    name: String,
    /// When it began, and when the choice did.
    start: Instant,
    choice_start: Instant,
    observer: Option<PrecisionObserver>,
}

impl Stage {
    /// Tells how much of it is done.
    pub(super) fn tell(&self, done: Option<f64>) {
        if let Some(observer) = &self.observer {
            let elapsed_ns = nanoseconds(self.start) as f64;
            let remaining = done.filter(|done| *done > 0.0).map(|done| elapsed_ns * (1.0 - done) / done);
            observer.tell(&PrecisionProgress {
                stage: self.name.clone(),
                done,
                elapsed_ns: nanoseconds(self.choice_start),
                remaining_ns: remaining.map(|ns| ns as u64),
            });
        }
    }
}

/// The most that the outputs kept for comparison may take, but of so many samples they are kept in any case.
const REFERENCE_BYTES: usize = 128 << 20;
const FEWEST_KEPT: usize = 2;

/// What the original gives for some samples.
pub(super) struct Reference {
    samples: Vec<(usize, Outputs)>,
}

impl Reference {
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Which samples they are.
    pub(super) fn numbers(&self) -> Vec<usize> {
        self.samples.iter().map(|(at, _)| *at).collect()
    }

    /// The first few of the samples.
    pub(super) fn first(&self, count: usize) -> Self {
        Self { samples: self.samples.iter().take(count).cloned().collect() }
    }
}

impl<'a> Lab<'a> {
    pub(super) fn new(options: &'a PrecisionOptions, session: SessionOptions, samples: Batches) -> Self {
        let start = Instant::now();
        let stage =
            Stage { name: String::new(), start, choice_start: start, observer: options.progress.clone() };
        Self { options, session, samples, start, stage: RefCell::new(stage) }
    }

    pub(super) fn elapsed_ns(&self) -> u64 {
        nanoseconds(self.start)
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        Duration::from_millis(self.options.time_limit_ms).saturating_sub(self.start.elapsed())
    }

    pub(super) fn has_time(&self) -> bool {
        !self.left().is_zero()
    }

    /// # Errors
    /// `cancelled`.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        match &self.options.cancel {
            Some(token) if token.is_cancelled() => Err(ErrorKind::Cancelled.into()),
            _ => Ok(()),
        }
    }

    /// Tells what is done from here on.
    pub(super) fn begin(&self, name: impl Into<String>) {
        let stage = Stage { name: name.into(), start: Instant::now(), ..self.stage() };
        *self.stage.borrow_mut() = stage;
        self.tell(None);
    }

    /// Tells how much of the stage is done.
    pub(super) fn tell(&self, done: Option<f64>) {
        self.stage.borrow().tell(done);
    }

    /// What is being done, to be told by others.
    pub(super) fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    pub(super) fn cancel(&self) -> Option<CancelToken> {
        self.options.cancel.clone()
    }

    /// A session of a model, as the caller's will be.
    ///
    /// # Errors
    /// Those of [`Session::of_model`]: a candidate that fails here is no valid model.
    pub(super) fn session(&self, model: &Model) -> Result<Session> {
        Session::of_model(model, &self.session)
    }

    /// Runs the original on some samples; on fewer if their outputs would take too much memory.
    ///
    /// # Errors
    /// Those of the samples and of running them; `cancelled`.
    pub(super) fn reference(&self, original: &Session, samples: &[usize]) -> Result<Reference> {
        let (mut kept, mut bytes) = (Vec::new(), 0);
        for (number, &at) in samples.iter().enumerate() {
            if bytes > REFERENCE_BYTES && kept.len() >= FEWEST_KEPT {
                break;
            }
            self.tell(Some(number as f64 / samples.len() as f64));
            let outputs = self.run(original, at)?;
            bytes += outputs.iter().map(|(_, value)| size_of(value)).sum::<usize>();
            kept.push((at, outputs));
        }
        Ok(Reference { samples: kept })
    }

    /// How far a model is off.
    ///
    /// # Errors
    /// Those of running it; `cancelled`.
    pub(super) fn accuracy(&self, session: &Session, reference: &Reference) -> Result<AccuracyFigures> {
        let mut judge = self.judge();
        for (at, expected) in &reference.samples {
            judge.sample(&named(expected), &named(&self.run(session, *at)?));
        }
        Ok(judge.figures())
    }

    /// The same for any number of samples, without keeping what the original gives.
    ///
    /// # Errors
    /// Those of the samples and of running them; `cancelled`.
    pub(super) fn compare(
        &self,
        original: &Session,
        session: &Session,
        samples: &[usize],
    ) -> Result<AccuracyFigures> {
        let mut judge = self.judge();
        for (number, &at) in samples.iter().enumerate() {
            self.tell(Some(number as f64 / samples.len() as f64));
            judge.sample(&named(&self.run(original, at)?), &named(&self.run(session, at)?));
        }
        Ok(judge.figures())
    }

    /// Some of the samples, in memory.
    ///
    /// # Errors
    /// Those of reading them.
    pub(super) fn batches(&self, samples: &[usize], most: usize) -> Result<Vec<Sample>> {
        samples.iter().take(most).map(|&at| Ok(self.samples.get(at)?.into_owned())).collect()
    }

    /// Why figures are out of a share of the budget, if they are.
    pub(super) fn breach(&self, figures: &AccuracyFigures, share: f64) -> Option<String> {
        let breach = self.options.session.accuracy.breach(figures, share)?;
        Some(format!("{breach}, of which candidates may use {:.0} % here", share * 100.0))
    }

    fn judge(&self) -> AccuracyJudge {
        AccuracyJudge::new(self.options.session.accuracy.measure.clone())
    }

    /// Runs a part of the model, which may need fewer inputs than a sample has.
    ///
    /// # Errors
    /// Those of reading the sample and of running the session; `cancelled`.
    pub(super) fn run_part(&self, session: &Session, sample: usize) -> Result<Outputs> {
        let sample = self.samples.get(sample)?;
        let is_needed = |name: &str| session.inputs().iter().any(|info| info.name == name);
        let given = sample.iter().filter(|(name, _)| is_needed(name)).map(|(name, value)| (name, value));
        session.run_with(given, &self.control())
    }

    fn run(&self, session: &Session, sample: usize) -> Result<Outputs> {
        let sample = self.samples.get(sample)?;
        session.run_with(sample.iter().map(|(name, value)| (name, value)), &self.control())
    }

    fn control(&self) -> RunOptions {
        RunOptions { cancel: self.cancel(), ..RunOptions::default() }
    }
}

fn named(outputs: &Outputs) -> Vec<(&str, &Value)> {
    outputs.iter().collect()
}

/// Memory of a value, near enough.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Tensor(tensor) => tensor.bytes().map_or(0, <[u8]>::len),
        Value::Sequence(values) => values.iter().map(size_of).sum(),
        Value::Map(map) => map.values().bytes().map_or(0, <[u8]>::len),
        Value::Optional(value) => value.iter().map(|value| size_of(value)).sum(),
    }
}

/// The caller's options for sessions of other models than the one they name.
pub(super) fn for_trials(options: &SessionOptions) -> SessionOptions {
    SessionOptions { precision: Precision::Original, exact: true, samples: Samples::None, ..racing(options) }
}
