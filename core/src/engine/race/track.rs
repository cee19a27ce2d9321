//! What a race needs of those who run: [`Track`].

use std::fmt::Display;
use std::time::Duration;

use crate::Result;

/// Makes candidates run.
pub(in crate::engine) trait Track {
    /// Who runs. Equal ones are the same; the default value is the one to beat. Its text is its name.
    type Candidate: Clone + PartialEq + Display + Default;

    /// Makes a session of a candidate, compares its outputs with the default's, and keeps it.
    ///
    /// # Errors
    /// What ends the race: whatever goes wrong with the default, which is never out, and `cancelled`.
    fn enter(&mut self, candidate: &Self::Candidate) -> Result<Entry>;

    /// Drops a candidate's session.
    fn leave(&mut self, candidate: &Self::Candidate);

    /// Measures a candidate's runs for a moment. All candidates run the same samples in the same round.
    ///
    /// # Errors
    /// As [`enter`](Self::enter).
    fn lap(&mut self, candidate: &Self::Candidate, round: usize) -> Result<Lap>;

    /// What is left of the time.
    fn left(&self) -> Duration;

    /// Tells how many candidates are still in the race.
    fn remaining(&mut self, count: usize);
}

/// How entering went.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) enum Entry {
    /// The candidate can run; its outputs differ from the default's by this share of their largest magnitude.
    Ready { max_difference: f64 },
    /// It cannot, and why; how far its outputs differ, if that is why.
    Out { reason: String, max_difference: Option<f64> },
}

/// What a lap gave.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) enum Lap {
    /// Lower quartile, median and upper quartile in nanoseconds, and the number of runs.
    Done { quartiles_ns: [f64; 3], run_count: u64 },
    /// The candidate failed, and why.
    Out(String),
    /// The time is up.
    TimeUp,
}
