//! Asynchronous runs: any executor can wait for them, dropping cancels, and their threads come and go.

// What threads do is read from Linux's /proc.
#![cfg(target_os = "linux")]

mod executor;
mod graphs;
mod process;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use executor::{Counter, block_on};
use graphs::{ENDLESS, Products};
use ortlet::tensor::Tensor;
use ortlet::{CancelToken, ErrorCode, Outputs, RunFuture, RunOptions, Session, SessionOptions, Threads};
use process::{child, thread_cpu, threads_named, wait_until};

const SIZE: usize = 64;
/// Threads for asynchronous runs that there may be: two for each core.
const THREADS_PER_CORE: usize = 2;

fn session() -> Session {
    let options = SessionOptions { threads: Threads::Count(1), ..SessionOptions::default() };
    graphs::session(&graphs::products(SIZE), &options)
}

fn run(session: &Session, products: &Products) -> Tensor {
    tensor(session.run(products.pairs()).unwrap())
}

fn tensor(mut outputs: Outputs) -> Tensor {
    outputs.remove("y").unwrap().into_tensor().unwrap()
}

fn start(session: &Session, products: &Products) -> RunFuture {
    session.run_async(products.owned(), RunOptions::default())
}

fn poll(future: &mut RunFuture, waker: &Waker) -> Poll<ortlet::Result<Outputs>> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_future_gives_what_run_gives() {
    fn send<T: Send + 'static>() {}
    send::<RunFuture>();
    let session = session();
    for seed in 0..5 {
        let products = Products::new(SIZE, 10, seed);
        assert_eq!(tensor(block_on(start(&session, &products)).unwrap()), run(&session, &products));
    }
}

#[test]
fn many_futures_at_once_all_give_their_own_result() {
    let session = session();
    let cases: Vec<(Products, Tensor)> = (0..16)
        .map(|seed| {
            let products = Products::new(SIZE, 5, seed);
            let expected = run(&session, &products);
            (products, expected)
        })
        .collect();
    let futures: Vec<_> = (0..400).map(|at| start(&session, &cases[at % cases.len()].0)).collect();
    let cores = thread::available_parallelism().unwrap().get();
    assert!(threads_named("ortlet-async") <= cores * THREADS_PER_CORE);
    // Waited for from the last to the first, so that most are done before anyone asks.
    for (at, future) in futures.into_iter().enumerate().rev() {
        assert_eq!(tensor(block_on(future).unwrap()), cases[at % cases.len()].1, "future {at}");
        assert!(threads_named("ortlet-async") <= cores * THREADS_PER_CORE);
    }
}

#[test]
fn waiting_takes_no_time_of_the_executor() {
    let session = session();
    let endless = Products::new(SIZE, ENDLESS, 1);
    let options = RunOptions { deadline: Some(Duration::from_millis(200)), ..RunOptions::default() };
    let before = thread_cpu();
    let error = block_on(session.run_async(endless.owned(), options)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
    assert!(thread_cpu() - before < Duration::from_millis(50), "{:?}", thread_cpu() - before);
}

#[test]
fn dropping_a_future_ends_its_run() {
    let session = session();
    let endless = Products::new(SIZE, ENDLESS, 1);
    let products = Products::new(SIZE, 3, 1);
    let expected = run(&session, &products);
    let most = thread::available_parallelism().unwrap().get() * THREADS_PER_CORE;
    for _ in 0..20 {
        // As many as there can be threads, and as many again that never begin: if one went on, nothing would ever
        // follow it.
        let futures: Vec<_> = (0..2 * most).map(|_| start(&session, &endless)).collect();
        drop(futures);
        assert_eq!(tensor(block_on(start(&session, &products)).unwrap()), expected);
    }
}

#[test]
fn a_future_keeps_its_session_until_the_run_is_over() {
    let products = Products::new(SIZE, 200, 1);
    let session = session();
    let expected = run(&session, &products);
    let future = start(&session, &products);
    drop(session);
    assert_eq!(tensor(block_on(future).unwrap()), expected);
}

#[test]
fn errors_arrive_through_the_future() {
    let session = session();
    let products = Products::new(SIZE, 3, 1);
    let code = |inputs: Vec<(&str, Tensor)>, options| {
        block_on(session.run_async(inputs, options)).unwrap_err().code()
    };
    let plain = RunOptions::default();
    assert_eq!(code(vec![("z", products.x.clone())], plain.clone()), ErrorCode::NotFound);
    assert_eq!(code(vec![("x", products.x.clone())], plain.clone()), ErrorCode::TensorMismatch);
    let twice = vec![("x", products.x.clone()), ("x", products.x.clone())];
    assert_eq!(code(twice, plain), ErrorCode::InvalidArgument);
    let unknown = RunOptions { outputs: Some(vec!["z".into()]), ..RunOptions::default() };
    assert_eq!(code(products.owned().into(), unknown), ErrorCode::NotFound);

    let cancelled = CancelToken::new();
    cancelled.cancel();
    let options = RunOptions { cancel: Some(cancelled), ..RunOptions::default() };
    assert_eq!(code(products.owned().into(), options), ErrorCode::Cancelled);
    let late = RunOptions { deadline: Some(Duration::ZERO), ..RunOptions::default() };
    assert_eq!(code(products.owned().into(), late), ErrorCode::DeadlineExceeded);
    assert!(block_on(start(&session, &products)).is_ok(), "usable after every error");
}

#[test]
fn a_token_and_a_deadline_end_a_run_under_way() {
    let session = session();
    let endless = Products::new(SIZE, ENDLESS, 1);
    let token = CancelToken::new();
    let options = RunOptions { cancel: Some(token.clone()), ..RunOptions::default() };
    let future = session.run_async(endless.owned(), options);
    let canceller = thread::spawn(move || token.cancel());
    assert_eq!(block_on(future).unwrap_err().code(), ErrorCode::Cancelled);
    canceller.join().unwrap();
    let options = RunOptions { deadline: Some(Duration::from_millis(5)), ..RunOptions::default() };
    let error = block_on(session.run_async(endless.owned(), options)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
}

#[test]
fn only_the_latest_waker_is_woken_and_only_once() {
    let session = session();
    let stop = CancelToken::new();
    let options = RunOptions { cancel: Some(stop.clone()), ..RunOptions::default() };
    let mut future = session.run_async(Products::new(SIZE, ENDLESS, 1).owned(), options);
    let counters: Vec<Arc<Counter>> = (0..5).map(|_| Arc::default()).collect();
    for counter in &counters {
        assert!(poll(&mut future, &Waker::from(counter.clone())).is_pending());
    }
    stop.cancel();
    wait_until("the last waker is woken", || counters[4].count() > 0);
    let Poll::Ready(result) = poll(&mut future, Waker::noop()) else { panic!("woken before it was ready") };
    assert_eq!(result.unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(counters.iter().map(|counter| counter.count()).collect::<Vec<_>>(), [0, 0, 0, 0, 1]);
}

#[test]
fn a_future_that_is_only_polled_gets_ready_too() {
    let session = session();
    let products = Products::new(SIZE, 1, 1);
    let mut future = start(&session, &products);
    let mut polls = 0;
    let outputs = loop {
        polls += 1;
        // With a waker that does nothing.
        match poll(&mut future, Waker::noop()) {
            Poll::Ready(outputs) => break outputs,
            Poll::Pending => thread::sleep(Duration::from_millis(1)),
        }
        assert!(polls < 60_000);
    };
    assert_eq!(tensor(outputs.unwrap()), run(&session, &products));
}

#[test]
fn a_future_is_polled_on_other_threads_than_it_was_made_on() {
    let session = session();
    let products = Products::new(SIZE, 50, 1);
    let expected = run(&session, &products);
    for _ in 0..20 {
        let mut future = start(&session, &products);
        // Polled here, and then handed on together with the job of being woken.
        match poll(&mut future, Waker::noop()) {
            Poll::Ready(outputs) => assert_eq!(tensor(outputs.unwrap()), expected),
            Poll::Pending => {
                let outputs = thread::spawn(move || block_on(future)).join().unwrap();
                assert_eq!(tensor(outputs.unwrap()), expected);
            }
        }
    }
}

/// In a process of its own, where nothing else runs.
#[test]
fn threads_for_asynchronous_runs_go_when_there_is_nothing_to_do() {
    assert!(child("threads_go").status().unwrap().success());
}

#[test]
#[ignore = "started by the test above"]
fn threads_go() {
    let session = session();
    let products = Products::new(SIZE, 20, 1);
    let expected = run(&session, &products);
    assert_eq!(threads_named("ortlet-async"), 0, "a plain run needs none");
    for _ in 0..2 {
        let futures: Vec<_> = (0..50).map(|_| start(&session, &products)).collect();
        for future in futures {
            assert_eq!(tensor(block_on(future).unwrap()), expected);
        }
        assert!(threads_named("ortlet-async") >= 1);
        wait_until("the threads are gone", || threads_named("ortlet-async") == 0);
    }
}
