//! What every handle of a session shares: the way all runs take, from waiting for a place to what ended them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::compile::clock::nanoseconds;
use crate::engine::runtime::{CallMemory, EndableRun, RawSession, SessionOptions, fork};
use crate::engine::session::cancel::CancelToken;
use crate::engine::session::flight::{Budget, Flight};
use crate::engine::session::limit::Limit;
use crate::engine::session::signal::Ending;
use crate::engine::session::{SessionReport, memory, watchdog};
use crate::metrics::{LoadPhases, RunOutcome, RunRecorder, SessionMetrics};
use crate::tensor::ValueInfo;
use crate::{Error, ErrorKind, Result};

pub(super) struct Inner {
    pub(super) raw: RawSession,
    pub(super) output_names: Vec<Arc<str>>,
    /// All outputs in the model's order: what a run gives if nothing else is asked for.
    pub(super) all_outputs: Vec<usize>,
    pub(super) report: SessionReport,
    pub(super) first_run_ns: OnceLock<u64>,
    limit: Option<Limit>,
    recorder: RunRecorder,
    /// What runs that are over leave for later ones.
    spare: Mutex<Spare>,
}

#[derive(Default)]
struct Spare {
    flights: Vec<Arc<Flight>>,
    memories: Vec<CallMemory>,
}

/// What may end a run from outside.
#[derive(Clone, Copy, Default)]
pub(super) struct Control<'a> {
    pub(super) budget: Option<Budget>,
    pub(super) tokens: [Option<&'a CancelToken>; 2],
}

impl Control<'_> {
    fn is_needed(&self) -> bool {
        self.budget.is_some() || self.tokens.iter().any(Option::is_some)
    }

    fn error(&self, ending: Ending) -> Error {
        match (ending, &self.budget) {
            (Ending::Late, Some(budget)) => budget.exceeded(),
            _ => ErrorKind::Cancelled.into(),
        }
    }
}

/// What a run gave, and how long it computed if that was timed.
pub(super) type Timed<T> = (Result<T>, Option<Duration>);

impl Inner {
    pub(super) fn new(raw: RawSession, report: SessionReport, options: &SessionOptions) -> Self {
        let outputs = raw.outputs();
        let output_names = outputs.iter().map(|info| info.name.as_str().into()).collect();
        let all_outputs = (0..outputs.len()).collect();
        let wait = Duration::from_millis(options.concurrency_wait_ms);
        let limit = options.concurrency_limit.map(|places| Limit::new(places.get(), wait));
        let (first_run_ns, recorder, spare) = (OnceLock::new(), RunRecorder::new(), Mutex::default());
        Self { raw, output_names, all_outputs, report, first_run_ns, limit, recorder, spare }
    }

    /// Number of inputs and, behind them, of initializers that can be replaced.
    pub(super) fn input_count(&self) -> usize {
        self.raw.inputs().len() + self.raw.initializers().len()
    }

    /// The input or initializer of a place.
    pub(super) fn input_info(&self, place: usize) -> &ValueInfo {
        let inputs = self.raw.inputs();
        inputs.get(place).unwrap_or_else(|| &self.raw.initializers()[place - inputs.len()])
    }

    /// Runs: waits for a place if the session has a bound, lets deadline and tokens end it, and records it.
    pub(super) fn run<T>(
        &self,
        control: &Control<'_>,
        run: impl FnOnce(Option<&EndableRun>) -> Timed<T>,
    ) -> Result<T> {
        fork::check()?;
        self.recorder.started();
        let mut outcome = RunOutcome::default();
        let result = if control.is_needed() {
            self.run_controlled(control, run, &mut outcome)
        } else {
            self.in_place(None, &mut outcome, |outcome| self.noted(run(None), outcome))
        };
        outcome.error = result.as_ref().err().map(Error::code);
        self.recorder.ended(outcome);
        result
    }

    fn run_controlled<T>(
        &self,
        control: &Control<'_>,
        run: impl FnOnce(Option<&EndableRun>) -> Timed<T>,
        outcome: &mut RunOutcome,
    ) -> Result<T> {
        let flight = self.flight()?;
        let ended = || flight.ending().map(|ending| control.error(ending));
        let watched = Watched::new(&flight, control)?;
        let result = self.in_place(Some(&flight), outcome, |outcome| match ended() {
            Some(error) => Err(error),
            None => self.noted(run(Some(flight.run())), outcome),
        });
        drop(watched);
        // An error after the flight was ended is the end itself; a result that was ready by then is as good as ever.
        let result = result.map_err(|error| ended().unwrap_or(error));
        self.spare().flights.push(flight);
        result
    }

    /// Goes on once there is a place.
    fn in_place<T>(
        &self,
        flight: Option<&Flight>,
        outcome: &mut RunOutcome,
        go_on: impl FnOnce(&mut RunOutcome) -> Result<T>,
    ) -> Result<T> {
        let Some(limit) = &self.limit else { return go_on(outcome) };
        let start = Instant::now();
        let place = limit.take(flight.map(Flight::signal));
        outcome.queue_ns = nanoseconds(start);
        // Without a reason of its own the flight was ended, whose reason the caller knows.
        let _place = place.map_err(|full| full.unwrap_or_else(|| ErrorKind::Cancelled.into()))?;
        go_on(outcome)
    }

    /// Keeps the time of a run that was timed.
    fn noted<T>(&self, (result, time): Timed<T>, outcome: &mut RunOutcome) -> Result<T> {
        outcome.compute_ns = time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        if let (Some(time_ns), Ok(_), None) = (outcome.compute_ns, &result, self.first_run_ns.get()) {
            let _ = self.first_run_ns.set(time_ns);
        }
        result
    }

    /// What was recorded of the runs, and how the session was loaded.
    pub(super) fn metrics(&self) -> SessionMetrics {
        let load = LoadPhases { first_run_ns: self.first_run_ns.get().copied(), ..self.report.phases };
        let (mapped_bytes, private_bytes) = (self.report.mapped_bytes, memory::private_bytes());
        SessionMetrics { load, mapped_bytes, private_bytes, ..self.recorder.snapshot() }
    }

    pub(super) fn take_memory(&self) -> CallMemory {
        self.spare().memories.pop().unwrap_or_default()
    }

    pub(super) fn return_memory(&self, memory: CallMemory) {
        self.spare().memories.push(memory);
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flight(&self) -> Result<Arc<Flight>> {
        let spare = self.spare().flights.pop();
        match spare {
            Some(flight) => {
                flight.renew();
                Ok(flight)
            }
            None => Flight::new().map(Arc::new),
        }
    }
}

/// A flight that deadline and tokens know of, until dropped.
struct Watched<'a> {
    flight: &'a Arc<Flight>,
    control: &'a Control<'a>,
}

impl<'a> Watched<'a> {
    fn new(flight: &'a Arc<Flight>, control: &'a Control<'a>) -> Result<Self> {
        // First, so that whatever is done here is undone whatever fails.
        let watched = Self { flight, control };
        control.tokens.iter().flatten().for_each(|token| token.watch(flight));
        match control.budget.and_then(|budget| budget.end()) {
            Some(end) if end <= Instant::now() => flight.end(Ending::Late),
            Some(end) => watchdog::watch(end, flight)?,
            None => {}
        }
        Ok(watched)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.control.tokens.iter().flatten().for_each(|token| token.unwatch(self.flight));
        if self.control.budget.is_some() {
            watchdog::unwatch(self.flight);
        }
    }
}
