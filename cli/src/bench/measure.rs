//! Runs a session again and again and takes the times.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ortlet::metrics::{Histogram, HistogramSnapshot};
use ortlet::tensor::Tensor;
use ortlet::{Result, Session};

use crate::bench::timeline::Timeline;
use crate::output::duration;
use crate::process;

/// Latencies count as stable when the medians of two stretches of runs differ by less than this share.
const STABLE_SHARE: f64 = 0.05;
/// A stretch has at least so many runs, and takes at least so long.
const STRETCH_RUNS: usize = 5;
const STRETCH: Duration = Duration::from_millis(100);
/// Warming up ends after this, stable or not.
const MAX_WARMUP: Duration = Duration::from_secs(3);
/// The bar is not drawn more often: drawing takes time from the runs.
const REDRAW: Duration = Duration::from_millis(200);

/// When measuring ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Runs(u64),
    Elapsed(Duration),
}

/// What was measured.
pub struct Measurement {
    pub histogram: HistogramSnapshot,
    pub timeline: Timeline,
    pub elapsed: Duration,
    /// Processor time of all threads during the runs.
    pub cpu: Option<Duration>,
}

/// A session with its inputs, ready to be run any number of times.
pub struct Subject<'a> {
    pub session: &'a Session,
    pub inputs: &'a [(String, Tensor)],
}

impl Subject<'_> {
    /// The inputs as a run takes them.
    pub fn named_inputs(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.inputs.iter().map(|(name, tensor)| (name, tensor))
    }

    /// Runs once and gives the time that took, without the time to free the outputs.
    ///
    /// # Errors
    /// Of the run.
    pub fn run(&self) -> Result<Duration> {
        let inputs = self.named_inputs();
        let start = Instant::now();
        let outputs = self.session.run(inputs);
        let latency = start.elapsed();
        outputs.map(|_| latency)
    }

    /// Runs this often, or until latencies are stable; gives the number of runs.
    ///
    /// # Errors
    /// Of a run.
    pub fn warm_up(&self, runs: Option<u64>) -> Result<u64> {
        let Some(runs) = runs else { return self.warm_up_until_stable() };
        let bar = progress("warming up", runs);
        let mut drawn = Instant::now();
        for run in 0..runs {
            self.run()?;
            if drawn.elapsed() >= REDRAW {
                bar.set_position(run);
                drawn = Instant::now();
            }
        }
        bar.finish_and_clear();
        Ok(runs)
    }

    fn warm_up_until_stable(&self) -> Result<u64> {
        let bar = progress("warming up", MAX_WARMUP.as_millis() as u64);
        let (start, mut runs, mut before) = (Instant::now(), 0, None);
        while start.elapsed() < MAX_WARMUP {
            let (count, median) = self.stretch()?;
            runs += count;
            bar.set_position(start.elapsed().as_millis() as u64);
            if before.is_some_and(|before: f64| (median / before - 1.0).abs() < STABLE_SHARE) {
                break;
            }
            before = Some(median);
        }
        bar.finish_and_clear();
        Ok(runs)
    }

    /// Runs for a short while; gives the number of runs and the median of their latencies.
    fn stretch(&self) -> Result<(u64, f64)> {
        let (start, mut latencies) = (Instant::now(), Vec::new());
        while latencies.len() < STRETCH_RUNS && start.elapsed() < MAX_WARMUP || start.elapsed() < STRETCH {
            latencies.push(self.run()?);
        }
        latencies.sort_unstable();
        Ok((latencies.len() as u64, latencies[latencies.len() / 2].as_secs_f64()))
    }

    /// Measures.
    ///
    /// # Errors
    /// Of a run.
    pub fn measure(&self, until: Until) -> Result<Measurement> {
        let bar = progress(
            "measuring",
            match until {
                Until::Runs(runs) => runs,
                Until::Elapsed(time) => time.as_millis() as u64,
            },
        );
        let (histogram, mut timeline) = (Histogram::new(), Timeline::default());
        let cpu_before = process::cpu_time();
        let (start, mut drawn) = (Instant::now(), Duration::ZERO);
        for run in 1_u64.. {
            let began = start.elapsed();
            let latency = self.run()?.as_nanos() as u64;
            histogram.record(latency);
            timeline.add(began.as_nanos() as u64, latency);
            if began - drawn >= REDRAW && !bar.is_hidden() {
                bar.set_position(if let Until::Runs(_) = until { run } else { began.as_millis() as u64 });
                let median = histogram.snapshot().percentile(50.0).unwrap_or_default();
                bar.set_message(format!("measuring, p50 {}", duration(median as f64)));
                drawn = began;
            }
            let done = match until {
                Until::Runs(runs) => run >= runs,
                Until::Elapsed(time) => start.elapsed() >= time,
            };
            if done {
                break;
            }
        }
        let elapsed = start.elapsed();
        let cpu = process::cpu_time().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        bar.finish_and_clear();
        Ok(Measurement { histogram: histogram.snapshot(), timeline, elapsed, cpu })
    }
}

/// A bar on standard error, or nothing if that is no terminal.
fn progress(what: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{msg:30} {wide_bar} {percent:>3} % {eta:>4}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_string());
    bar.set_position(0);
    bar
}
