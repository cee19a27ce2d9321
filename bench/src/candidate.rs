//! The life of a candidate written in Rust: everything that is timed or weighed happens here, the same for all.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::callers;
use crate::memory::Memory;
use crate::order::{Answer, Model, Order, Sample};

/// What goes wrong in a candidate.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A way to run a model.
pub trait Engine: Sized + Sync {
    /// What is fed at every run; each thread makes its own.
    type Feed;
    /// A model ready to run, on several threads at once.
    type Session: Sync;
    /// What a run gives.
    type Outputs;

    /// Loads libraries; not timed.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn start(order: &Order) -> Result<Self>;

    /// Makes the inputs; not timed.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn feed(&self, model: &Model) -> Result<Self::Feed>;

    /// Creates the session.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn create(&self, model: &Model) -> Result<Self::Session>;

    /// Runs it once.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn run(&self, session: &Self::Session, feed: &Self::Feed) -> Result<Self::Outputs>;

    /// The elements of all outputs, one output after the other; not timed.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn elements(&self, outputs: &Self::Outputs) -> Result<Vec<f32>>;

    /// Whether the session came out of a cache, and what else is known about it; not timed.
    fn report(&self, _session: &Self::Session) -> (Option<bool>, Option<serde_json::Value>) {
        (None, None)
    }
}

/// Does what the only argument orders, answers on standard output, and stays as long as told.
pub fn main<E: Engine>() -> ExitCode {
    let order = std::env::args().nth(1).unwrap_or_default();
    let answered = match serde_json::from_str::<Order>(&order) {
        Ok(order) => obey::<E>(&order),
        Err(error) => Err(error.into()),
    };
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            answer(&Answer::Error(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn obey<E: Engine>(order: &Order) -> Result<()> {
    let engine = E::start(order)?;
    let feeds = order.models.iter().map(|model| engine.feed(model)).collect::<Result<Vec<_>>>()?;

    let before = Memory::own();
    let start = Instant::now();
    let sessions = order.models.iter().map(|model| engine.create(model)).collect::<Result<Vec<_>>>()?;
    let created = start.elapsed();
    let loaded = Memory::own();
    let start = Instant::now();
    let first_runs = sessions.iter().zip(&feeds).map(|(session, feed)| engine.run(session, feed));
    let outputs = first_runs.collect::<Result<Vec<_>>>()?;
    let first_output = created + start.elapsed();

    let memory = Memory::own();
    let load =
        before.zip(loaded).map(|(before, after)| after.anonymous_kib.saturating_sub(before.anonymous_kib));
    if let Some(path) = &order.outputs {
        let elements = outputs.iter().map(|outputs| engine.elements(outputs));
        keep(path, &elements.collect::<Result<Vec<_>>>()?.concat())?;
    }
    drop(outputs);
    let (cache_hit, report) = sessions.first().map(|session| engine.report(session)).unwrap_or_default();
    answer(&Answer::Sample(Sample {
        create_ns: nanoseconds(created),
        first_output_ns: nanoseconds(first_output),
        language_kib: 0,
        anonymous_kib: memory.map(|memory| memory.anonymous_kib),
        load_kib: load,
        cache_hit,
        report,
    }));
    if order.hold {
        for line in io::stdin().lines() {
            let load = serde_json::from_str(&line?)?;
            answer(&Answer::Runs(callers::run(&engine, &order.models, &sessions, &load)?));
        }
    }
    Ok(())
}

fn keep(path: &Path, elements: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    Ok(fs::write(path, bytes)?)
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn answer(answer: &Answer) {
    let line = serde_json::to_string(answer).unwrap_or_default();
    let mut out = io::stdout().lock();
    // Whoever asked is gone if this fails.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
