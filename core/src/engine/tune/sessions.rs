//! The candidates' sessions: made, compared with the default, run by turns.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::compare::difference;
use super::load::{Load, Sample};
use super::options::{TuneOptions, TuneProgress};
use super::race::{Entry, Lap, Track};
use super::statistics::quantile;
use crate::engine::compile::PlanChanges;
use crate::engine::runtime::{Cache, SessionOptions};
use crate::engine::session::{Outputs, RunOptions, Session};
use crate::metrics::Histogram;
use crate::tensor::Value;
use crate::{Error, ErrorCode, ErrorKind, Result};

/// Long enough for the threads of the candidate before to stop spinning: all that race spin for a millisecond at most.
const QUIET: Duration = Duration::from_millis(3);

/// A lap holds about so many runs of each sample, but takes no shorter and no longer than this, single runs excepted.
const RUNS_PER_LAP: u32 = 5;
const SHORTEST_LAP: Duration = Duration::from_millis(25);
const LONGEST_LAP: Duration = Duration::from_millis(250);

/// From here on, what deadlines and cancelling cost does not show in a run's time.
const LONG_RUN: Duration = Duration::from_millis(1);

/// The sessions of a race.
pub(super) struct Sessions<'a> {
    path: &'a Path,
    samples: &'a [Vec<(String, Value)>],
    options: &'a TuneOptions,
    base: SessionOptions,
    start: Instant,
    /// What the default gave for each sample.
    expected: Vec<Outputs>,
    /// What a run of the default took before the round that is under way, the mean over the samples.
    pace: Duration,
    /// What it took the last time.
    measured_pace: Duration,
    round: usize,
    entered: Vec<(PlanChanges, Session)>,
    histograms: Vec<(PlanChanges, Histogram)>,
    progress: TuneProgress,
}

impl<'a> Sessions<'a> {
    pub(super) fn new(
        path: &'a Path,
        samples: &'a [Vec<(String, Value)>],
        options: &'a TuneOptions,
        start: Instant,
    ) -> Self {
        let limit = Duration::from_millis(options.time_limit_ms);
        Self {
            path,
            samples,
            options,
            base: racing(&options.session),
            start,
            expected: Vec::new(),
            pace: Duration::ZERO,
            measured_pace: Duration::ZERO,
            round: 0,
            entered: Vec::new(),
            histograms: Vec::new(),
            progress: TuneProgress { time_limit_ns: nanoseconds(limit), ..TuneProgress::default() },
        }
    }

    /// The latency that one run in a hundred of a candidate exceeded; 0 without runs.
    pub(super) fn p99_ns(&self, changes: &PlanChanges) -> u64 {
        let found = self.histograms.iter().find(|(other, _)| other == changes);
        found.and_then(|(_, histogram)| histogram.snapshot().percentile(99.0)).unwrap_or_default()
    }

    fn tell(&mut self, changes: &PlanChanges, round: Option<usize>) {
        if let Some(observer) = &self.options.progress {
            self.progress.candidate = changes.to_string();
            self.progress.round = round;
            self.progress.elapsed_ns = nanoseconds(self.start.elapsed());
            observer.tell(&self.progress);
        }
    }

    /// What may end a run: the caller, and the end of the race.
    fn control(&self, deadline: Option<Duration>) -> RunOptions {
        RunOptions { outputs: None, deadline, cancel: self.options.cancel.clone() }
    }

    fn check_cancelled(&self) -> Result<()> {
        match &self.options.cancel {
            Some(token) if token.is_cancelled() => Err(ErrorKind::Cancelled.into()),
            _ => Ok(()),
        }
    }

    /// Makes the default's session; its outputs are what the others are compared with.
    fn enter_default(&mut self) -> Result<Entry> {
        let session = Session::load(self.path, &self.base)?;
        let control = self.control(None);
        let start = Instant::now();
        let outputs = self.samples.iter().map(|sample| session.run_with(named(sample), &control));
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        if self.expected.is_empty() {
            // First runs are slow; good enough to choose how long laps are, and corrected by every lap.
            self.measured_pace = start.elapsed() / outputs.len() as u32;
            self.pace = self.measured_pace;
            self.expected = outputs;
        }
        let max_difference = 0.0;
        self.entered.push((PlanChanges::default(), session));
        Ok(Entry::Ready { max_difference })
    }

    fn enter_other(&mut self, changes: &PlanChanges) -> Result<Entry> {
        let out = |reason, max_difference| Ok(Entry::Out { reason, max_difference });
        let session = match Session::load(self.path, &changes.apply(&self.base)) {
            Ok(session) => session,
            Err(error) => return out(error.to_string(), None),
        };
        let mut largest = 0.0_f64;
        for (sample, expected) in self.samples.iter().zip(&self.expected) {
            let outputs = match session.run_with(named(sample), &self.control(Some(self.left()))) {
                Ok(outputs) => outputs,
                Err(error) => {
                    return self.refused(&error).map(|reason| Entry::Out { reason, max_difference: None });
                }
            };
            match difference_of_outputs(expected, &outputs) {
                Ok(found) => largest = largest.max(found),
                Err(reason) => return out(reason, None),
            }
        }
        if largest > self.options.tolerance {
            let reason = format!(
                "an output differs from the default's by {largest:.1e} of its magnitude; {:.1e} is allowed",
                self.options.tolerance
            );
            return out(reason, Some(largest));
        }
        self.entered.push((changes.clone(), session));
        Ok(Entry::Ready { max_difference: largest })
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
        let pace = self.pace.max(Duration::from_nanos(1)) * RUNS_PER_LAP;
        let fitting = SHORTEST_LAP.as_nanos() / pace.as_nanos();
        let count = usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, self.samples.len());
        let first = round.wrapping_mul(count) % self.samples.len();
        self.samples.iter().cycle().skip(first).take(count).map(Vec::as_slice).collect()
    }

    fn record(&mut self, changes: &PlanChanges, latencies: &[Vec<u64>]) -> Lap {
        let place = self.histograms.iter().position(|(other, _)| other == changes);
        let place = place.unwrap_or_else(|| {
            self.histograms.push((changes.clone(), Histogram::new()));
            self.histograms.len() - 1
        });
        latencies.iter().flatten().for_each(|&latency| self.histograms[place].1.record(latency));
        let run_count = latencies.iter().map(|sample| sample.len() as u64).sum();
        Lap::Done { quartiles_ns: quartiles(latencies), run_count }
    }
}

impl Track for Sessions<'_> {
    fn enter(&mut self, changes: &PlanChanges) -> Result<Entry> {
        self.check_cancelled()?;
        self.tell(changes, None);
        if changes.is_empty() { self.enter_default() } else { self.enter_other(changes) }
    }

    fn leave(&mut self, changes: &PlanChanges) {
        self.entered.retain(|(other, _)| other != changes);
    }

    fn lap(&mut self, changes: &PlanChanges, round: usize) -> Result<Lap> {
        self.check_cancelled()?;
        self.tell(changes, Some(round));
        // Within a round, all run the same.
        if self.round != round {
            (self.round, self.pace) = (round, self.measured_pace);
        }
        let found = self.entered.iter().find(|(other, _)| other == changes);
        let (_, session) = found.ok_or_else(|| Error::internal(format!("`{changes}` has no session")))?;
        thread::sleep(QUIET);
        let is_long = self.pace >= LONG_RUN;
        let driven = Load {
            session,
            samples: self.samples_of(round),
            callers: self.options.concurrency as usize,
            duration: (self.pace * RUNS_PER_LAP).clamp(SHORTEST_LAP, LONGEST_LAP),
            control: is_long.then(|| self.control(Some(self.left()))),
            cancel: self.options.cancel.clone(),
        }
        .drive();
        match driven {
            Ok(latencies) => {
                let lap = self.record(changes, &latencies);
                if let (Lap::Done { quartiles_ns, .. }, true) = (&lap, changes.is_empty()) {
                    self.measured_pace = Duration::from_nanos(quartiles_ns[1] as u64);
                }
                Ok(lap)
            }
            Err(error) if error.code() == ErrorCode::DeadlineExceeded => Ok(Lap::TimeUp),
            Err(error) if changes.is_empty() => Err(error),
            Err(error) => self.refused(&error).map(Lap::Out),
        }
    }

    fn left(&self) -> Duration {
        Duration::from_millis(self.options.time_limit_ms).saturating_sub(self.start.elapsed())
    }

    fn remaining(&mut self, count: usize) {
        self.progress.remaining_count = count;
    }
}

/// The caller's options without what has nothing to do with how fast runs are, and without a plan from before.
pub(super) fn racing(options: &SessionOptions) -> SessionOptions {
    SessionOptions {
        cache: Cache::Off,
        use_plan: false,
        concurrency_limit: None,
        warm_up_runs: 0,
        ..options.clone()
    }
}

fn named(sample: &Sample) -> impl Iterator<Item = (&String, &Value)> {
    sample.iter().map(|(name, value)| (name, value))
}

fn difference_of_outputs(expected: &Outputs, found: &Outputs) -> Result<f64, String> {
    let mut largest = 0.0_f64;
    for (name, value) in expected.iter() {
        let other = found.get(name).ok_or_else(|| format!("output `{name}` is missing"))?;
        largest =
            largest.max(difference(value, other).map_err(|reason| format!("output `{name}` {reason}"))?);
    }
    Ok(largest)
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

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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
