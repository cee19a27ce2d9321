//! The counts and latencies of a session's runs, which many threads record at once.

use std::collections::BTreeMap;
use std::fmt;

use crate::ErrorCode;
use crate::metrics::atomic::{AtomicU64, Ordering};
use crate::metrics::{Histogram, SessionMetrics};

/// How a run ended. Durations are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOutcome {
    /// How long it waited before it could compute, or before it was given up; 0 if it did not wait.
    pub queue_ns: u64,
    /// How long it computed, whether it succeeded or was stopped; `None` if it never got so far.
    pub compute_ns: Option<u64>,
    /// The code of its error; `None` if it succeeded.
    pub error: Option<ErrorCode>,
}

/// Records the runs of a session. `Send` and `Sync`; takes no lock, and recording allocates nothing. Takes 64 KB.
///
/// A successful run that did not wait costs five atomic additions and four loads, [`started`](Self::started) and
/// [`ended`](Self::ended) together. Having waited costs one addition more, an error one, each new extreme of a
/// latency one.
///
/// # Examples
/// ```
/// use ortlet::ErrorCode;
/// use ortlet::metrics::{RunOutcome, RunRecorder};
///
/// let recorder = RunRecorder::new();
/// recorder.started();
/// recorder.ended(RunOutcome { queue_ns: 0, compute_ns: Some(1_200), error: None });
/// recorder.started();
/// let error = Some(ErrorCode::DeadlineExceeded);
/// recorder.ended(RunOutcome { queue_ns: 5_000, compute_ns: None, error });
/// recorder.started();
///
/// let metrics = recorder.snapshot();
/// assert_eq!((metrics.run_count, metrics.in_flight_count), (2, 1));
/// assert_eq!(metrics.error_counts[&ErrorCode::DeadlineExceeded], 1);
/// assert_eq!(metrics.compute.max_ns(), Some(1_200));
/// ```
pub struct RunRecorder {
    in_flight: AtomicU64,
    /// Has every run that ended, so it is also their count.
    queue: Histogram,
    compute: Histogram,
    /// At the code's number less 1.
    errors: [AtomicU64; ErrorCode::ALL.len()],
}

impl RunRecorder {
    /// A recorder without runs. The only place that allocates, besides the snapshot.
    pub fn new() -> Self {
        Self::with_histograms([Histogram::new(), Histogram::new()])
    }

    /// With the histograms for queue and compute.
    pub(super) fn with_histograms([queue, compute]: [Histogram; 2]) -> Self {
        let errors = std::array::from_fn(|_| AtomicU64::new(0));
        Self { in_flight: AtomicU64::new(0), queue, compute, errors }
    }

    /// A run starts: it is in flight until [`ended`](Self::ended) is called for it, once.
    pub fn started(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A run that was [`started`](Self::started) has ended.
    pub fn ended(&self, outcome: RunOutcome) {
        self.queue.record(outcome.queue_ns);
        // What follows is released, so whoever sees it also sees the run in the queue's histogram.
        if let Some(compute_ns) = outcome.compute_ns {
            self.compute.record(compute_ns);
        }
        if let Some(code) = outcome.error {
            self.errors[code as usize - 1].fetch_add(1, Ordering::Release);
        }
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    /// The state now. What does not come from runs is left empty: `load`, `mapped_bytes`, `private_bytes`.
    ///
    /// While others record, no run that was started before is missed: it is in flight, counted as ended, or, if it
    /// ends in this very moment, both. Every run in `error_counts` and `compute` is also in `run_count`.
    pub fn snapshot(&self) -> SessionMetrics {
        // Against the order in which a run is recorded: who finds one in a later place finds it in the earlier ones.
        let in_flight_count = self.in_flight.load(Ordering::Acquire);
        let error_counts = self.error_counts();
        let compute = self.compute.snapshot();
        let queue = self.queue.snapshot();
        let errors_with = |code| error_counts.get(&code).copied().unwrap_or_default();
        SessionMetrics {
            run_count: queue.count(),
            deadline_exceeded_count: errors_with(ErrorCode::DeadlineExceeded),
            cancelled_count: errors_with(ErrorCode::Cancelled),
            error_counts,
            in_flight_count,
            queue,
            compute,
            ..SessionMetrics::default()
        }
    }

    fn error_counts(&self) -> BTreeMap<ErrorCode, u64> {
        let counts = self.errors.iter().map(|count| count.load(Ordering::Acquire));
        let mut occurred = BTreeMap::new();
        // `collect` would sort, with much code for so few.
        occurred.extend(ErrorCode::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0));
        occurred
    }
}

impl Default for RunRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RunRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRecorder").field("snapshot", &self.snapshot()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn success(queue_ns: u64, compute_ns: u64) -> RunOutcome {
        RunOutcome { queue_ns, compute_ns: Some(compute_ns), error: None }
    }

    #[test]
    fn every_run_is_counted_once_and_where_it_belongs() {
        let recorder = RunRecorder::new();
        assert_eq!(recorder.snapshot(), SessionMetrics::default());
        for code in ErrorCode::ALL {
            // Each a different number of times, so that no two can be mixed up.
            for _ in 0..code as u64 {
                recorder.started();
                recorder.ended(RunOutcome { queue_ns: 7, compute_ns: None, error: Some(code) });
            }
        }
        recorder.started();
        recorder.started();
        recorder.ended(success(0, 90));
        let stopped = RunOutcome { queue_ns: 3, compute_ns: Some(50), error: Some(ErrorCode::Cancelled) };
        recorder.ended(stopped);
        recorder.started();

        let metrics = recorder.snapshot();
        let failed = (1..=16).sum::<u64>();
        assert_eq!((metrics.run_count, metrics.in_flight_count), (failed + 2, 1));
        for code in ErrorCode::ALL {
            let expected = code as u64 + u64::from(code == ErrorCode::Cancelled);
            assert_eq!(metrics.error_counts[&code], expected, "{code:?}");
        }
        assert_eq!((metrics.deadline_exceeded_count, metrics.cancelled_count), (10, 12));
        assert_eq!((metrics.queue.count(), metrics.queue.sum_ns()), (failed + 2, 7 * failed + 3));
        assert_eq!((metrics.compute.count(), metrics.compute.sum_ns()), (2, 140));

        let json = serde_json::to_value(&metrics).unwrap();
        assert_eq!(json["error_counts"]["deadline_exceeded"], 10);
        assert_eq!(serde_json::from_value::<SessionMetrics>(json).unwrap(), metrics);
    }

    #[test]
    fn threads_lose_nothing() {
        const THREADS: u64 = 4;
        const RUNS: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let recorder = RunRecorder::new();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for run in 0..RUNS {
                        recorder.started();
                        let error = (run % 5 == 0).then_some(ErrorCode::Cancelled);
                        recorder.ended(RunOutcome { error, ..success(run % 3, run) });
                    }
                });
            }
            for _ in 0..if cfg!(miri) { 2 } else { 50 } {
                let metrics = recorder.snapshot();
                assert!(metrics.in_flight_count <= THREADS);
                assert!(metrics.cancelled_count <= metrics.run_count);
                assert!(metrics.compute.count() <= metrics.run_count);
            }
        });
        let metrics = recorder.snapshot();
        assert_eq!((metrics.run_count, metrics.in_flight_count), (THREADS * RUNS, 0));
        assert_eq!(metrics.cancelled_count, THREADS * RUNS.div_ceil(5));
        assert_eq!(metrics.compute.sum_ns(), THREADS * RUNS * (RUNS - 1) / 2);
    }
}
