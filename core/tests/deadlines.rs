//! Runs with a deadline: they give the right result or end in time, and leave the session as if nothing had been.

// What threads do is read from Linux's /proc.
#![cfg(target_os = "linux")]

mod graphs;
mod process;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use graphs::{CancelOnDrop, ENDLESS, Products};
use ortlet::tensor::Tensor;
use ortlet::{Error, ErrorCode, ErrorKind, RunOptions, Session, SessionOptions, Threads};
use process::{child, thread_cpu, threads_named, wait_until};

/// Of the matrices: a product takes some tens of microseconds.
const SIZE: usize = 96;

/// One thread computes, the caller's, so that CPU time of the caller is all there is.
fn session() -> Session {
    let options = SessionOptions { threads: Threads::Count(1), ..SessionOptions::default() };
    graphs::session(&graphs::products(SIZE), &options)
}

fn run(session: &Session, products: &Products, options: &RunOptions) -> ortlet::Result<Tensor> {
    session.run_with(products.pairs(), options)?.remove("y").unwrap().into_tensor()
}

fn within(deadline: Duration) -> RunOptions {
    RunOptions { deadline: Some(deadline), ..RunOptions::default() }
}

/// That the error is an exceeded deadline with true figures.
fn assert_exceeded(error: &Error, deadline: Duration, start: Instant) {
    let ErrorKind::DeadlineExceeded { elapsed_ns, budget_ns } = *error.kind() else {
        panic!("not a deadline: {error}")
    };
    assert_eq!(u128::from(budget_ns), deadline.as_nanos());
    assert!(elapsed_ns >= budget_ns, "ended {elapsed_ns} ns after the start, too early: {budget_ns}");
    assert!(u128::from(elapsed_ns) <= start.elapsed().as_nanos());
}

/// A number of products whose run takes some 60 ms of CPU time here, and that time.
fn slow(session: &Session) -> (Products, Duration) {
    let mut count = 256;
    loop {
        let products = Products::new(SIZE, count, 1);
        let before = thread_cpu();
        run(session, &products, &RunOptions::default()).unwrap();
        let taken = thread_cpu() - before;
        if taken >= Duration::from_millis(60) {
            return (products, taken);
        }
        count *= 2;
    }
}

#[test]
fn every_deadline_gives_the_right_result_or_ends_the_run() {
    let session = session();
    let (products, whole) = slow(&session);
    let expected = run(&session, &products, &RunOptions::default()).unwrap();
    let quick = Products::new(SIZE, 3, 2);
    let quick_expected = run(&session, &quick, &RunOptions::default()).unwrap();
    assert_ne!(expected, quick_expected);

    // From a thousandth of the run to eight times as long.
    let ladder = (0..14).map(|step| whole / 1000 * 2_u32.pow(step));
    let (mut ended, mut done) = (0, 0);
    for deadline in [Duration::ZERO, Duration::from_nanos(1)].into_iter().chain(ladder) {
        let start = Instant::now();
        match run(&session, &products, &within(deadline)) {
            Ok(result) => {
                assert_eq!(result, expected, "within {deadline:?}");
                done += 1;
            }
            Err(error) => {
                assert_exceeded(&error, deadline, start);
                ended += 1;
            }
        }
        // The session is usable at once, without and with a deadline that is far.
        assert_eq!(run(&session, &quick, &RunOptions::default()).unwrap(), quick_expected);
        assert_eq!(run(&session, &quick, &within(Duration::from_secs(600))).unwrap(), quick_expected);
    }
    println!("{whole:?} whole, {ended} ended, {done} done");
    // Those up to half of the CPU time that a run takes cannot be done in time, whatever else the machine does.
    assert!(ended >= 11, "{ended} of 16 ended");
}

#[test]
fn a_deadline_that_is_over_computes_nothing() {
    let session = session();
    let endless = Products::new(SIZE, ENDLESS, 1);
    for _ in 0..100 {
        let start = Instant::now();
        let error = run(&session, &endless, &within(Duration::ZERO)).unwrap_err();
        assert_exceeded(&error, Duration::ZERO, start);
    }
    // Nothing was handed to ONNX Runtime, which would have timed it.
    assert_eq!(session.report().phases.first_run_ns, None);
}

#[test]
fn a_run_that_would_never_end_is_ended_between_two_kernels() {
    let session = session();
    let endless = Products::new(SIZE, ENDLESS, 1);
    // CPU time, not the clock: on a busy machine the watchdog may wait, but so does the run.
    let (_, whole) = slow(&session);
    let deadline = whole / 4;
    let taken: Vec<Duration> = (0..8)
        .map(|_| {
            let (start, before) = (Instant::now(), thread_cpu());
            assert_exceeded(&run(&session, &endless, &within(deadline)).unwrap_err(), deadline, start);
            thread_cpu() - before
        })
        .collect();
    println!("budget {deadline:?}, CPU time {taken:?}");
    let least = taken.iter().min().unwrap();
    assert!(*least <= deadline * 2, "every run went on for long after its deadline: {taken:?}");
}

#[test]
fn bound_runs_end_too_and_go_on_from_the_inputs_they_had() {
    let session = session();
    let products = Products::new(SIZE, 5, 3);
    let expected = run(&session, &products, &RunOptions::default()).unwrap();
    let mut binding = session.binder().bind().unwrap();
    binding.input_mut("x").unwrap().copy_from(&products.x.view()).unwrap();
    for deadline_ms in [0, 1, 5, 20] {
        let (deadline, start) = (Duration::from_millis(deadline_ms), Instant::now());
        binding.input_mut("count").unwrap().as_slice_mut::<i64>().unwrap()[0] = ENDLESS;
        assert_exceeded(&binding.run_with(&within(deadline)).unwrap_err(), deadline, start);
        assert_eq!(binding.output("y").unwrap_err().code(), ErrorCode::InvalidArgument, "no output");
        binding.input_mut("count").unwrap().as_slice_mut::<i64>().unwrap()[0] = 5;
        binding.run().unwrap();
        assert_eq!(binding.output("y").unwrap().bytes(), expected.bytes());
    }
}

#[test]
fn many_deadlines_at_once_end_each_its_own_run() {
    const CALLERS: usize = 8;
    let session = session();
    let all = Barrier::new(CALLERS);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (session, all) = (&session, &all);
            scope.spawn(move || {
                let quick = Products::new(SIZE, 4, caller);
                let expected = run(session, &quick, &RunOptions::default()).unwrap();
                let endless = Products::new(SIZE, ENDLESS, caller);
                all.wait();
                for round in 0..10 {
                    // Neighbours have deadlines in another order each round, and some have none to speak of.
                    let deadline = Duration::from_millis(((caller * 7 + round * 3) % 11) as u64);
                    let start = Instant::now();
                    let error = run(session, &endless, &within(deadline)).unwrap_err();
                    assert_exceeded(&error, deadline, start);
                    let result = run(session, &quick, &within(Duration::from_secs(600))).unwrap();
                    assert_eq!(result, expected);
                    assert!(threads_named("ortlet-deadlines") <= 1);
                }
            });
        }
    });
}

#[test]
fn a_deadline_beyond_what_the_clock_can_tell_is_none() {
    let session = session();
    let products = Products::new(SIZE, 10, 1);
    let expected = run(&session, &products, &RunOptions::default()).unwrap();
    for deadline in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(u64::MAX / 4)] {
        assert_eq!(run(&session, &products, &within(deadline)).unwrap(), expected);
    }
}

#[test]
fn a_deadline_counts_while_waiting_for_a_place() {
    let options = SessionOptions {
        concurrency_limit: std::num::NonZeroU32::new(1),
        concurrency_wait_ms: 600_000,
        threads: Threads::Count(1),
        ..SessionOptions::default()
    };
    let session = graphs::session(&graphs::products(SIZE), &options);
    let endless = Products::new(SIZE, ENDLESS, 1);
    thread::scope(|scope| {
        let stop = CancelOnDrop::default();
        let holder = RunOptions { cancel: Some(stop.0.clone()), ..RunOptions::default() };
        let (session, endless) = (&session, &endless);
        let held = scope.spawn(move || run(session, endless, &holder).unwrap_err());
        wait_until("the place is taken", || {
            let start = Instant::now();
            let deadline = Duration::from_millis(200);
            let error = run(session, &Products::new(SIZE, 1, 1), &within(deadline));
            error.map_err(|error| assert_exceeded(&error, deadline, start)).is_err()
        });
        for deadline_ms in [0, 1, 10, 50] {
            let (deadline, start) = (Duration::from_millis(deadline_ms), Instant::now());
            let (quick, before) = (Products::new(SIZE, 1, 1), thread_cpu());
            let error = run(session, &quick, &within(deadline)).unwrap_err();
            assert_exceeded(&error, deadline, start);
            // Waiting is sleeping.
            assert!(thread_cpu() - before < Duration::from_millis(20));
        }
        stop.0.cancel();
        assert_eq!(held.join().unwrap().code(), ErrorCode::Cancelled);
    });
    run(&session, &Products::new(SIZE, 1, 1), &within(Duration::from_secs(600))).unwrap();
}

/// In a process of its own, where nothing else sets deadlines.
#[test]
fn the_thread_for_deadlines_lives_only_while_there_are_some() {
    assert!(child("only_while_there_are_deadlines").status().unwrap().success());
}

#[test]
#[ignore = "started by the test above"]
fn only_while_there_are_deadlines() {
    let none = || threads_named("ortlet-deadlines") == 0;
    let session = session();
    let (quick, endless) = (Products::new(SIZE, 2, 1), Products::new(SIZE, ENDLESS, 1));
    for _ in 0..3 {
        run(&session, &quick, &RunOptions::default()).unwrap();
        assert!(none(), "a run without a deadline needs no watchdog");
        // What can be told at once needs none either.
        run(&session, &endless, &within(Duration::ZERO)).unwrap_err();
        run(&session, &quick, &within(Duration::MAX)).unwrap();
        assert!(none());

        thread::scope(|scope| {
            let stop = CancelOnDrop::default();
            let options = RunOptions { cancel: Some(stop.0.clone()), ..within(Duration::from_secs(600)) };
            let (session, endless) = (&session, &endless);
            let running = scope.spawn(move || run(session, endless, &options).unwrap_err());
            wait_until("the watchdog is there", || threads_named("ortlet-deadlines") == 1);
            for _ in 0..20 {
                run(session, &quick, &within(Duration::from_secs(60))).unwrap();
                assert_eq!(threads_named("ortlet-deadlines"), 1);
            }
            stop.0.cancel();
            assert_eq!(running.join().unwrap().code(), ErrorCode::Cancelled);
        });
        wait_until("the watchdog is gone", none);
    }
}
