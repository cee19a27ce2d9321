//! What must hold however threads interleave and memory is reordered; loom looks for an order that breaks it.
//!
//! Each test runs the real code; only the number of buckets is small. Run by `cargo xtask loom`.

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use crate::ErrorCode;
use crate::metrics::{Histogram, HistogramSnapshot, RunOutcome, RunRecorder, SessionMetrics};

const BUCKET_COUNT: usize = 4;

/// Switches away from a thread that could go on, at most so many in one order. With three the tests take minutes.
const PREEMPTIONS: usize = 2;

/// Checks in every order within that bound.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(check);
}

fn counted_is_in_sum_and_extremes(snapshot: &HistogramSnapshot) {
    let buckets = snapshot.buckets();
    // Small values have a bucket each, so that what was counted is known exactly.
    let sum: u64 = buckets.iter().map(|bucket| bucket.low_ns * bucket.count).sum();
    assert!(sum <= snapshot.sum_ns(), "{snapshot:?}");
    if let (Some(first), Some(last)) = (buckets.first(), buckets.last()) {
        assert!(snapshot.min_ns().unwrap() <= first.low_ns, "{snapshot:?}");
        assert!(snapshot.max_ns().unwrap() >= last.high_ns, "{snapshot:?}");
    }
}

#[test]
fn what_a_histogram_counts_is_in_its_sum_and_extremes() {
    for values in [[1, 3], [3, 1], [2, 2], [0, 2]] {
        model(move || {
            let histogram = Arc::new(Histogram::with_bucket_count(BUCKET_COUNT));
            let recorders = values.map(|value| {
                let histogram = histogram.clone();
                thread::spawn(move || histogram.record(value))
            });
            counted_is_in_sum_and_extremes(&histogram.snapshot());
            recorders.into_iter().for_each(|recorder| recorder.join().unwrap());

            let snapshot = histogram.snapshot();
            assert_eq!((snapshot.count(), snapshot.sum_ns()), (2, values.iter().sum::<u64>()));
            assert_eq!(snapshot.min_ns(), values.iter().copied().min());
            assert_eq!(snapshot.max_ns(), values.iter().copied().max());
        });
    }
}

const SUCCESS: RunOutcome = RunOutcome { queue_ns: 0, compute_ns: Some(2), error: None };
const CANCELLED: RunOutcome =
    RunOutcome { queue_ns: 1, compute_ns: Some(1), error: Some(ErrorCode::Cancelled) };
const SHED: RunOutcome = RunOutcome { queue_ns: 3, compute_ns: None, error: Some(ErrorCode::PoolExhausted) };

fn recorder() -> Arc<RunRecorder> {
    let histograms = [0; 2].map(|_| Histogram::with_bucket_count(BUCKET_COUNT));
    Arc::new(RunRecorder::with_histograms(histograms))
}

fn check_all_ended(metrics: &SessionMetrics, outcomes: &[RunOutcome]) {
    assert_eq!((metrics.run_count, metrics.in_flight_count), (outcomes.len() as u64, 0));
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count() as u64;
    assert_eq!(metrics.error_counts.values().sum::<u64>(), failed);
    assert_eq!(metrics.queue.sum_ns(), outcomes.iter().map(|outcome| outcome.queue_ns).sum::<u64>());
    let computed = outcomes.iter().filter_map(|outcome| outcome.compute_ns).sum::<u64>();
    assert_eq!(metrics.compute.sum_ns(), computed);
}

#[test]
fn no_run_is_missed_and_every_part_is_of_counted_runs() {
    for outcomes in [[SUCCESS, CANCELLED], [CANCELLED, SHED]] {
        model(move || {
            let recorder = recorder();
            // One run has started before, the other starts while the snapshot is taken.
            recorder.started();
            let runs = thread::spawn({
                let recorder = recorder.clone();
                move || {
                    recorder.ended(outcomes[0]);
                    recorder.started();
                    recorder.ended(outcomes[1]);
                }
            });
            let metrics = recorder.snapshot();
            assert!(metrics.in_flight_count + metrics.run_count >= 1, "{metrics:?}");
            assert!(metrics.in_flight_count <= 1, "{metrics:?}");
            assert!(metrics.error_counts.values().sum::<u64>() <= metrics.run_count, "{metrics:?}");
            assert!(metrics.compute.count() <= metrics.run_count, "{metrics:?}");
            counted_is_in_sum_and_extremes(&metrics.queue);
            counted_is_in_sum_and_extremes(&metrics.compute);
            runs.join().unwrap();
            check_all_ended(&recorder.snapshot(), &outcomes);
        });
    }
}

#[test]
fn runs_that_end_at_once_are_all_counted() {
    for outcomes in [[SUCCESS, SUCCESS], [SUCCESS, CANCELLED], [CANCELLED, CANCELLED], [CANCELLED, SHED]] {
        model(move || {
            let recorder = recorder();
            let runs = outcomes.map(|outcome| {
                let recorder = recorder.clone();
                thread::spawn(move || {
                    recorder.started();
                    recorder.ended(outcome);
                })
            });
            runs.into_iter().for_each(|run| run.join().unwrap());
            check_all_ended(&recorder.snapshot(), &outcomes);
        });
    }
}
