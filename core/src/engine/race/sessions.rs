//! The candidates' sessions: made, compared with the default's, run by turns.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use super::load::Load;
use super::statistics::quantile;
use super::track::{Entry, Lap, Track};
use crate::engine::runtime::{Cache, Sample, SessionOptions};
use crate::engine::session::{CancelToken, Outputs, RunOptions, Session};
use crate::metrics::Histogram;
use crate::{Error, ErrorCode, ErrorKind, Result};

/// Long enough for the threads of the candidate before to stop spinning: all that race spin for a millisecond at most.
const QUIET: Duration = Duration::from_millis(3);

/// A lap holds about so many runs of each sample, but takes no shorter and no longer than this, single runs excepted.
const RUNS_PER_LAP: u32 = 5;
const SHORTEST_LAP: Duration = Duration::from_millis(25);
const LONGEST_LAP: Duration = Duration::from_millis(250);

/// From here on, what deadlines and cancelling cost does not show in a run's time.
const LONG_RUN: Duration = Duration::from_millis(1);

/// Who races: how a candidate becomes a session, and whether its outputs will do.
pub(in crate::engine) trait Contest {
    /// See [`Track::Candidate`].
    type Candidate: Clone + PartialEq + Display + Default;

    /// Makes a session of a candidate.
    ///
    /// # Errors
    /// Those of the session. They end the race if the candidate is the default, and otherwise put it out.
    fn session(&self, candidate: &Self::Candidate) -> Result<Session>;

    /// Judges a candidate by the default's outputs and its own, sample by sample. It runs while `runs` is asked for
    /// more, so there is no need to ask for all. A run that fails ends `runs` and puts the candidate out, whatever is
    /// said here.
    fn judge(
        &self,
        candidate: &Self::Candidate,
        runs: &mut dyn Iterator<Item = (&Outputs, Outputs)>,
    ) -> Entry;

    /// Is told where the race is.
    fn tell(&self, candidate: &Self::Candidate, place: Place);
}

/// Where a race is.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Place {
    /// `None` while the candidate's session is being made.
    pub(in crate::engine) round: Option<usize>,
    /// Candidates still in the race, the default included.
    pub(in crate::engine) remaining_count: usize,
    /// Time since the race began.
    pub(in crate::engine) elapsed: Duration,
}

/// What is run, and for how long.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Course<'a> {
    /// At least one.
    pub(in crate::engine) samples: &'a [Sample],
    /// Callers that run a session at once.
    pub(in crate::engine) concurrency: usize,
    pub(in crate::engine) start: Instant,
    pub(in crate::engine) time_limit: Duration,
    pub(in crate::engine) cancel: Option<CancelToken>,
}

/// The sessions of a race.
pub(in crate::engine) struct Sessions<'a, C: Contest> {
    contest: C,
    course: Course<'a>,
    /// What the default gave for each sample.
    expected: Vec<Outputs>,
    /// What a run of the default took before the round that is under way, the mean over the samples.
    pace: Duration,
    /// What it took the last time.
    measured_pace: Duration,
    round: usize,
    entered: Vec<(C::Candidate, Session)>,
    histograms: Vec<(C::Candidate, Histogram)>,
    remaining_count: usize,
}

impl<'a, C: Contest> Sessions<'a, C> {
    pub(in crate::engine) fn new(contest: C, course: Course<'a>) -> Self {
        Self {
            contest,
            course,
            expected: Vec::new(),
            pace: Duration::ZERO,
            measured_pace: Duration::ZERO,
            round: 0,
            entered: Vec::new(),
            histograms: Vec::new(),
            remaining_count: 0,
        }
    }

    /// The latency that one run in a hundred of a candidate exceeded; 0 without runs.
    pub(in crate::engine) fn p99_ns(&self, candidate: &C::Candidate) -> u64 {
        let found = self.histograms.iter().find(|(other, _)| other == candidate);
        found.and_then(|(_, histogram)| histogram.snapshot().percentile(99.0)).unwrap_or_default()
    }

    fn tell(&self, candidate: &C::Candidate, round: Option<usize>) {
        let (remaining_count, elapsed) = (self.remaining_count, self.course.start.elapsed());
        self.contest.tell(candidate, Place { round, remaining_count, elapsed });
    }

    /// What may end a run: the caller, and the end of the race.
    fn control(&self, deadline: Option<Duration>) -> RunOptions {
        RunOptions { outputs: None, deadline, cancel: self.course.cancel.clone() }
    }

    fn check_cancelled(&self) -> Result<()> {
        match &self.course.cancel {
            Some(token) if token.is_cancelled() => Err(ErrorKind::Cancelled.into()),
            _ => Ok(()),
        }
    }

    /// Makes the default's session; its outputs are what the others are compared with.
    fn enter_default(&mut self) -> Result<Entry> {
        let default = C::Candidate::default();
        let session = self.contest.session(&default)?;
        let control = self.control(None);
        let start = Instant::now();
        let outputs = self.course.samples.iter().map(|sample| run(&session, sample, &control));
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        if self.expected.is_empty() {
            // First runs are slow; good enough to choose how long laps are, and corrected by every lap.
            self.measured_pace = start.elapsed() / outputs.len() as u32;
            self.pace = self.measured_pace;
            self.expected = outputs;
        }
        self.entered.push((default, session));
        Ok(Entry::Ready { max_difference: 0.0 })
    }

    fn enter_other(&mut self, candidate: &C::Candidate) -> Result<Entry> {
        let session = match self.contest.session(candidate) {
            Ok(session) => session,
            Err(error) => return Ok(Entry::Out { reason: error.to_string(), max_difference: None }),
        };
        let mut failure = None;
        let both = self.course.samples.iter().zip(&self.expected);
        let runs = both.map_while(|(sample, expected)| {
            let outputs = run(&session, sample, &self.control(Some(self.left())));
            outputs.map(|found| (expected, found)).map_err(|error| failure = Some(error)).ok()
        });
        let entry = self.contest.judge(candidate, &mut runs.fuse());
        if let Some(error) = failure {
            return self.refused(&error).map(|reason| Entry::Out { reason, max_difference: None });
        }
        if let Entry::Ready { .. } = entry {
            self.entered.push((candidate.clone(), session));
        }
        Ok(entry)
    }

    /// Why a candidate whose run failed is out.
    ///
    /// # Errors
    /// `cancelled`, if that is why.
    fn refused(&self, error: &Error) -> Result<String> {
        self.check_cancelled()?;
        Ok(match error.code() {
            ErrorCode::DeadlineExceeded => "the time was up".into(),
            _ => error.to_string(),
        })
    }

    /// The samples of a round: as many as fit into a lap, others each time.
    fn samples_of(&self, round: usize) -> Vec<&'a Sample> {
        let samples = self.course.samples;
        let pace = self.pace.max(Duration::from_nanos(1)) * RUNS_PER_LAP;
        let fitting = SHORTEST_LAP.as_nanos() / pace.as_nanos();
        let count = usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, samples.len());
        let first = round.wrapping_mul(count) % samples.len();
        samples.iter().cycle().skip(first).take(count).collect()
    }

    fn record(&mut self, candidate: &C::Candidate, latencies: &[Vec<u64>]) -> Lap {
        let place = self.histograms.iter().position(|(other, _)| other == candidate);
        let place = place.unwrap_or_else(|| {
            self.histograms.push((candidate.clone(), Histogram::new()));
            self.histograms.len() - 1
        });
        latencies.iter().flatten().for_each(|&latency| self.histograms[place].1.record(latency));
        let run_count = latencies.iter().map(|sample| sample.len() as u64).sum();
        Lap::Done { quartiles_ns: quartiles(latencies), run_count }
    }
}

impl<C: Contest> Track for Sessions<'_, C> {
    type Candidate = C::Candidate;

    fn enter(&mut self, candidate: &C::Candidate) -> Result<Entry> {
        self.check_cancelled()?;
        self.tell(candidate, None);
        if is_default(candidate) { self.enter_default() } else { self.enter_other(candidate) }
    }

    fn leave(&mut self, candidate: &C::Candidate) {
        self.entered.retain(|(other, _)| other != candidate);
    }

    fn lap(&mut self, candidate: &C::Candidate, round: usize) -> Result<Lap> {
        self.check_cancelled()?;
        self.tell(candidate, Some(round));
        // Within a round, all run the same.
        if self.round != round {
            (self.round, self.pace) = (round, self.measured_pace);
        }
        let found = self.entered.iter().find(|(other, _)| other == candidate);
        let (_, session) = found.ok_or_else(|| Error::internal(format!("`{candidate}` has no session")))?;
        thread::sleep(QUIET);
        let is_long = self.pace >= LONG_RUN;
        let driven = Load {
            session,
            samples: self.samples_of(round),
            callers: self.course.concurrency,
            duration: (self.pace * RUNS_PER_LAP).clamp(SHORTEST_LAP, LONGEST_LAP),
            control: is_long.then(|| self.control(Some(self.left()))),
            cancel: self.course.cancel.clone(),
        }
        .drive();
        match driven {
            Ok(latencies) => {
                let lap = self.record(candidate, &latencies);
                if let (Lap::Done { quartiles_ns, .. }, true) = (&lap, is_default(candidate)) {
                    self.measured_pace = Duration::from_nanos(quartiles_ns[1] as u64);
                }
                Ok(lap)
            }
            Err(error) if error.code() == ErrorCode::DeadlineExceeded => Ok(Lap::TimeUp),
            Err(error) if is_default(candidate) => Err(error),
            Err(error) => self.refused(&error).map(Lap::Out),
        }
    }

    fn left(&self) -> Duration {
        self.course.time_limit.saturating_sub(self.course.start.elapsed())
    }

    fn remaining(&mut self, count: usize) {
        self.remaining_count = count;
    }
}

fn is_default<C: Default + PartialEq>(candidate: &C) -> bool {
    *candidate == C::default()
}

/// The caller's options without what has nothing to do with how fast runs are, and without a plan from before.
pub(in crate::engine) fn racing(options: &SessionOptions) -> SessionOptions {
    SessionOptions {
        cache: Cache::Off,
        use_plan: false,
        concurrency_limit: None,
        warm_up_runs: 0,
        ..options.clone()
    }
}

fn run(session: &Session, sample: &Sample, control: &RunOptions) -> Result<Outputs> {
    session.run_with(sample.iter().map(|(name, value)| (name, value)), control)
}

/// Lower quartile, median and upper quartile: of each sample, then their means, so that every sample counts as much,
/// however long its runs are.
fn quartiles(latencies: &[Vec<u64>]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for sample in latencies {
        let mut sorted: Vec<f64> = sample.iter().map(|&latency| latency as f64).collect();
        sorted.sort_by(f64::total_cmp);
        for (sum, share) in sums.iter_mut().zip([0.25, 0.5, 0.75]) {
            *sum += quantile(&sorted, share);
        }
    }
    sums.map(|sum| sum / latencies.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_counts_as_much() {
        let short = vec![10, 10, 10, 10, 10];
        let long = vec![100, 200, 300];
        assert_eq!(quartiles(&[short, long]), [80.0, 105.0, 130.0]);
    }
}
