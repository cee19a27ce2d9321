//! The bound on simultaneous runs of a session: kept, first come first served, and shed with the right error.

// What threads do is read from Linux's /proc.
#![cfg(target_os = "linux")]

mod executor;
mod graphs;
mod process;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::mpsc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use executor::block_on;
use graphs::{CancelOnDrop, ENDLESS, Products};
use ortlet::tensor::Tensor;
use ortlet::{Error, ErrorCode, ErrorKind, RunOptions, Session, SessionOptions, Threads};
use process::{Task, thread_cpu, wait_until};

const SIZE: usize = 32;
const FOR_EVER_MS: u64 = 3_600_000;

fn session(limit: u32, wait_ms: u64) -> Session {
    let options = SessionOptions {
        concurrency_limit: NonZeroU32::new(limit),
        concurrency_wait_ms: wait_ms,
        threads: Threads::Count(1),
        ..SessionOptions::default()
    };
    graphs::session(&graphs::products(SIZE), &options)
}

fn run(session: &Session, products: &Products, options: &RunOptions) -> ortlet::Result<Tensor> {
    session.run_with(products.pairs(), options)?.remove("y").unwrap().into_tensor()
}

fn quick(session: &Session) -> ortlet::Result<Tensor> {
    run(session, &Products::new(SIZE, 2, 1), &RunOptions::default())
}

/// A caller in a thread of its own whose run never ends by itself.
struct Caller<'scope> {
    stop: CancelOnDrop,
    run: ScopedJoinHandle<'scope, ErrorCode>,
    task: Task,
}

/// What a caller has to compute before it counts as having a place; asking and waiting take less.
const SURELY_COMPUTES: Duration = Duration::from_millis(30);

impl<'scope> Caller<'scope> {
    fn start(scope: &'scope Scope<'scope, '_>, session: &'scope Session) -> Self {
        let (tell, told) = mpsc::channel();
        let stop = CancelOnDrop::default();
        let options = RunOptions { cancel: Some(stop.0.clone()), ..RunOptions::default() };
        let endless = Products::new(SIZE, ENDLESS, 1);
        let run = scope.spawn(move || {
            tell.send(Task::current()).unwrap();
            run(session, &endless, &options).unwrap_err().code()
        });
        Self { stop, run, task: told.recv().unwrap() }
    }

    /// Returns when it computes or waits in line.
    fn settle(self) -> Self {
        // A thread that computes does not sleep for long, even if others hold it up.
        let mut asleep = 0;
        while asleep < 25 && !self.computes() {
            asleep = if self.task.sleeps() { asleep + 1 } else { 0 };
            thread::sleep(Duration::from_millis(4));
        }
        self
    }

    fn computes(&self) -> bool {
        self.task.cpu() >= SURELY_COMPUTES
    }

    fn end(self) {
        self.stop.0.cancel();
        assert_eq!(self.run.join().unwrap(), ErrorCode::Cancelled);
    }
}

/// Takes every place of a session.
fn fill<'scope>(
    scope: &'scope Scope<'scope, '_>,
    session: &'scope Session,
    places: usize,
) -> Vec<Caller<'scope>> {
    let callers: Vec<_> = (0..places).map(|_| Caller::start(scope, session)).collect();
    wait_until("all places are taken", || callers.iter().all(Caller::computes));
    callers
}

fn assert_exhausted(error: &Error, limit: u64, wait_ms: u64) {
    let ErrorKind::PoolExhausted { limit_count, waited_ns } = *error.kind() else {
        panic!("not exhausted: {error}")
    };
    assert_eq!(limit_count, limit);
    assert!(waited_ns >= wait_ms * 1_000_000, "gave up after {waited_ns} ns of {wait_ms} ms");
}

#[test]
fn a_full_session_that_does_not_wait_sheds_every_run() {
    for limit in [1, 3] {
        let session = session(limit, 0);
        thread::scope(|scope| {
            let callers = fill(scope, &session, limit as usize);
            for _ in 0..20 {
                assert_exhausted(&quick(&session).unwrap_err(), limit.into(), 0);
                let mut binding = session.bind::<&str, [usize; 0]>([]).unwrap();
                assert_exhausted(&binding.run().unwrap_err(), limit.into(), 0);
            }
            let mut callers = callers.into_iter();
            callers.next().unwrap().end();
            // One place is free again.
            quick(&session).unwrap();
            callers.for_each(Caller::end);
        });
        quick(&session).unwrap();
    }
}

#[test]
fn a_run_waits_as_long_as_it_was_told_and_sleeps_meanwhile() {
    for wait_ms in [1, 40] {
        let session = session(2, wait_ms);
        thread::scope(|scope| {
            let callers = fill(scope, &session, 2);
            for _ in 0..3 {
                let before = thread_cpu();
                assert_exhausted(&quick(&session).unwrap_err(), 2, wait_ms);
                assert!(thread_cpu() - before < Duration::from_millis(20), "waiting is sleeping");
            }
            callers.into_iter().for_each(Caller::end);
        });
        quick(&session).unwrap();
    }
}

#[test]
fn places_go_to_those_who_came_first_and_nobody_else_computes() {
    for places in [1, 2] {
        let session = session(places, FOR_EVER_MS);
        thread::scope(|scope| {
            let mut waiting: VecDeque<_> = (0..7).map(|_| Caller::start(scope, &session).settle()).collect();
            let mut inside = VecDeque::new();
            while !waiting.is_empty() || !inside.is_empty() {
                while inside.len() < places as usize && !waiting.is_empty() {
                    let first = waiting.pop_front().unwrap();
                    wait_until("the first in line computes", || first.computes());
                    inside.push_back(first);
                }
                assert!(waiting.iter().all(|caller| !caller.computes()), "computes without a place");
                inside.pop_front().unwrap().end();
            }
        });
        quick(&session).unwrap();
    }
}

#[test]
fn all_callers_get_their_turn_and_the_right_result() {
    let session = session(2, FOR_EVER_MS);
    thread::scope(|scope| {
        for caller in 0..12 {
            let session = &session;
            scope.spawn(move || {
                let products = Products::new(SIZE, 20, caller);
                let expected = run(session, &products, &RunOptions::default()).unwrap();
                let mut binding = session.bind::<&str, [usize; 0]>([]).unwrap();
                binding.input_mut("count").unwrap().copy_from(&products.count.view()).unwrap();
                binding.input_mut("x").unwrap().copy_from(&products.x.view()).unwrap();
                for _ in 0..50 {
                    assert_eq!(run(session, &products, &RunOptions::default()).unwrap(), expected);
                    binding.run().unwrap();
                    assert_eq!(binding.output("y").unwrap().bytes(), expected.bytes());
                }
            });
        }
    });
}

#[test]
fn a_run_that_waits_can_be_cancelled_and_leaves_the_line() {
    let session = session(1, FOR_EVER_MS);
    thread::scope(|scope| {
        let inside = Caller::start(scope, &session);
        let (first, second, third) =
            (Caller::start(scope, &session), Caller::start(scope, &session), Caller::start(scope, &session));
        // The one in the middle and then the first leave the line; neither ever computed.
        for leaver in [second, first] {
            assert!(!leaver.computes());
            leaver.end();
        }
        assert!(inside.task.cpu() > Duration::ZERO && !third.computes());
        inside.end();
        wait_until("the last in line computes", || third.computes());
        third.end();
    });
    quick(&session).unwrap();
}

#[test]
fn a_deadline_ends_the_wait_and_the_place_is_not_lost() {
    let session = session(1, FOR_EVER_MS);
    thread::scope(|scope| {
        let inside = Caller::start(scope, &session).settle();
        for deadline_ms in [0, 1, 15] {
            let deadline = Some(Duration::from_millis(deadline_ms));
            let options = RunOptions { deadline, ..RunOptions::default() };
            let error = run(&session, &Products::new(SIZE, 1, 1), &options).unwrap_err();
            assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
        }
        inside.end();
    });
    quick(&session).unwrap();
}

/// Places are given back at the same moments at which waits end: nothing may be lost.
#[test]
fn places_survive_waits_that_end_just_when_a_place_is_free() {
    let session = session(1, FOR_EVER_MS);
    thread::scope(|scope| {
        for caller in 0..6_u64 {
            let session = &session;
            scope.spawn(move || {
                let products = Products::new(SIZE, 4, caller as usize);
                let expected = run(session, &products, &RunOptions::default()).unwrap();
                for round in 0..200 {
                    let deadline = Some(Duration::from_micros(1 + (caller * 37 + round * 11) % 300));
                    let options = RunOptions { deadline, ..RunOptions::default() };
                    match run(session, &products, &options) {
                        Ok(result) => assert_eq!(result, expected),
                        Err(error) => assert_eq!(error.code(), ErrorCode::DeadlineExceeded),
                    }
                }
            });
        }
    });
    quick(&session).unwrap();
}

#[test]
fn asynchronous_runs_keep_to_the_limit() {
    let full = session(1, 0);
    thread::scope(|scope| {
        let callers = fill(scope, &full, 1);
        let products = Products::new(SIZE, 1, 1);
        let error = block_on(full.run_async(products.owned(), RunOptions::default())).unwrap_err();
        assert_exhausted(&error, 1, 0);
        callers.into_iter().for_each(Caller::end);
    });
    let waits = session(1, FOR_EVER_MS);
    let products = Products::new(SIZE, 5, 1);
    let expected = run(&waits, &products, &RunOptions::default()).unwrap();
    let futures: Vec<_> = (0..40).map(|_| waits.run_async(products.owned(), RunOptions::default())).collect();
    for future in futures {
        assert_eq!(*block_on(future).unwrap()["y"].as_tensor().unwrap(), expected);
    }
}
