//! What a session tells of its runs, and the warm-up at load.

mod common;

use std::num::NonZeroU32;
use std::time::Duration;

use common::model;
use ortlet::tensor::{DType, Tensor};
use ortlet::{CancelToken, ErrorCode, RunOptions, Session, SessionOptions};

fn magika(options: &SessionOptions) -> Session {
    Session::load(model("magika/model.onnx"), options).unwrap()
}

fn bytes() -> Tensor {
    Tensor::from_vec([1, 2048], (0..2048).map(|at| at % 256).collect::<Vec<i32>>()).unwrap()
}

#[test]
fn runs_of_every_kind_are_counted_with_what_became_of_them() {
    let session = magika(&SessionOptions::default());
    let input = bytes();
    assert_eq!(session.metrics().run_count, 0);
    assert_eq!(session.metrics().load.first_run_ns, None);

    (0..3).for_each(|_| drop(session.run([("bytes", &input)]).unwrap()));
    let mut binding = session.bind([("bytes", [1, 2048])]).unwrap();
    (0..2).for_each(|_| binding.run().unwrap());
    let late = RunOptions { deadline: Some(Duration::ZERO), ..RunOptions::default() };
    assert_eq!(binding.run_with(&late).unwrap_err().code(), ErrorCode::DeadlineExceeded);
    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = RunOptions { cancel: Some(cancel), ..RunOptions::default() };
    for _ in 0..4 {
        assert_eq!(
            session.run_with([("bytes", &input)], &cancelled).unwrap_err().code(),
            ErrorCode::Cancelled
        );
    }
    // Refused before it became a run.
    assert!(session.run([("nobody", &input)]).is_err());

    let metrics = session.metrics();
    assert_eq!((metrics.run_count, metrics.in_flight_count), (10, 0));
    assert_eq!((metrics.deadline_exceeded_count, metrics.cancelled_count), (1, 4));
    assert_eq!(metrics.error_counts.values().sum::<u64>(), 5);
    assert_eq!((metrics.queue.count(), metrics.compute.count()), (10, 5));
    assert_eq!(metrics.queue.max_ns(), Some(0));
    let first_run_ns = metrics.load.first_run_ns.unwrap();
    assert!(
        first_run_ns >= metrics.compute.min_ns().unwrap()
            && first_run_ns <= metrics.compute.max_ns().unwrap()
    );
    assert!(metrics.load.create_ns > 0 && metrics.load.total_ns >= metrics.load.create_ns);
    assert!(metrics.private_bytes.is_none_or(|bytes| bytes > 0));
    assert_eq!(metrics.load.warm_up_ns, 0);
}

#[test]
fn waiting_in_line_is_told() {
    let limit = NonZeroU32::new(1);
    let session = magika(&SessionOptions { concurrency_limit: limit, ..SessionOptions::default() });
    let input = bytes();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| drop(session.run([("bytes", &input)]).unwrap())));
        }
    });
    let metrics = session.metrics();
    assert_eq!((metrics.run_count, metrics.queue.count(), metrics.compute.count()), (80, 80, 80));
    // Three of four wait at any time, each for at least one run of another.
    assert!(metrics.queue.max_ns().unwrap() >= metrics.compute.min_ns().unwrap());
}

#[test]
fn warm_up_is_told_apart_from_runs() {
    let session = magika(&SessionOptions { warm_up_runs: 2, ..SessionOptions::default() });
    let metrics = session.metrics();
    assert!(metrics.load.warm_up_ns > 0 && metrics.load.total_ns >= metrics.load.warm_up_ns);
    assert_eq!((metrics.run_count, metrics.load.first_run_ns), (0, None));
    assert_eq!(session.report().warnings, [""; 0]);
}

#[test]
fn a_model_that_cannot_run_on_zeros_loads_all_the_same() {
    // A sampling rate of 0 is refused by the model itself.
    let options = SessionOptions { warm_up_runs: 1, ..SessionOptions::default() };
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &options).unwrap();
    let warnings = session.report().warnings;
    let state = Tensor::zeros(DType::F32, [2, 1, 128]).unwrap();
    let input = Tensor::zeros(DType::F32, [1, 576]).unwrap();
    let rate = Tensor::from_vec([], vec![16_000_i64]).unwrap();
    session.run([("input", &input), ("state", &state), ("sr", &rate)]).unwrap();
    assert!(warnings.iter().all(|warning| warning.starts_with("not warmed up: ")), "{warnings:?}");
}
