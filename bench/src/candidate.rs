//! The life of a candidate written in Rust: everything that is timed or weighed happens here, the same for all.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::memory::Memory;
use crate::order::{Answer, Order, Sample};

/// What goes wrong in a candidate.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A way to run a model.
pub trait Engine: Sized {
    /// What is fed at every run.
    type Feed;
    /// A model ready to run.
    type Session;
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
    fn feed(&self, order: &Order) -> Result<Self::Feed>;

    /// Creates the session.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn create(&self, order: &Order) -> Result<Self::Session>;

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
    let feed = engine.feed(order)?;

    let start = Instant::now();
    let session = engine.create(order)?;
    let created = start.elapsed();
    let outputs = engine.run(&session, &feed)?;
    let first_output = start.elapsed();

    let memory = Memory::own();
    if let Some(path) = &order.outputs {
        keep(path, &engine.elements(&outputs)?)?;
    }
    drop(outputs);
    let (cache_hit, report) = engine.report(&session);
    answer(&Answer::Sample(Sample {
        create_ns: nanoseconds(created),
        first_output_ns: nanoseconds(first_output),
        language_kib: 0,
        anonymous_kib: memory.map(|memory| memory.anonymous_kib),
        cache_hit,
        report,
    }));
    if order.hold {
        for line in io::stdin().lines() {
            let time = Duration::from_millis(line?.trim().parse()?);
            answer(&Answer::Latency(latency(&engine, &session, &feed, time)?));
        }
    }
    Ok(())
}

const FEWEST_RUNS: usize = 3;
const WARM_UP_RUNS: usize = 2;

/// The median run over the time given, after some that are not counted: others ran in the meantime.
fn latency<E: Engine>(engine: &E, session: &E::Session, feed: &E::Feed, time: Duration) -> Result<u64> {
    for _ in 0..WARM_UP_RUNS {
        engine.run(session, feed)?;
    }
    let (mut runs, start) = (Vec::new(), Instant::now());
    while runs.len() < FEWEST_RUNS || start.elapsed() < time {
        let run = Instant::now();
        // Dropped within the time: giving the memory back is part of a run.
        drop(engine.run(session, feed)?);
        runs.push(nanoseconds(run.elapsed()));
    }
    runs.sort_unstable();
    Ok(runs[runs.len() / 2])
}

fn keep(path: &Path, elements: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
    Ok(fs::write(path, bytes)?)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn answer(answer: &Answer) {
    let line = serde_json::to_string(answer).unwrap_or_default();
    let mut out = io::stdout().lock();
    // Whoever asked is gone if this fails.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
