//! Asynchronous runs: a future that any executor can wait for.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::engine::session::inner::{Control, Inner};
use crate::engine::session::{CancelToken, Outputs, RunOptions, executor};
use crate::tensor::Value;
use crate::{Error, ErrorKind, Result};

/// The outputs of a run on another thread; made by [`Session::run_async`](crate::Session::run_async).
///
/// Dropping it cancels the run. It may be polled on any thread and by any executor.
#[must_use = "dropping a run cancels it"]
pub struct RunFuture {
    state: Arc<Mutex<State>>,
    dropped: CancelToken,
}

#[derive(Default)]
struct State {
    result: Option<Result<Outputs>>,
    waker: Option<Waker>,
}

impl RunFuture {
    pub(super) fn start(inner: Arc<Inner>, inputs: Vec<(String, Value)>, options: RunOptions) -> Self {
        let (start, dropped) = (Instant::now(), CancelToken::new());
        let state = Arc::new(Mutex::new(State::default()));
        let (own, token) = (state.clone(), dropped.clone());
        let job = move || {
            let run = || run(&inner, &inputs, &options, start, &token);
            let panicked = |_| Err(Error::internal("a panic in an asynchronous run"));
            let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(panicked);
            // Before the waker is called: whoever is woken may expect the session to be free.
            drop((inner, inputs));
            finish(&own, result);
        };
        let job = executor::Job { work: Box::new(job), cancel: dropped.clone() };
        if let Err(error) = executor::submit(job) {
            finish(&state, Err(error));
        }
        Self { state, dropped }
    }
}

fn run(
    inner: &Inner,
    inputs: &[(String, Value)],
    options: &RunOptions,
    start: Instant,
    dropped: &CancelToken,
) -> Result<Outputs> {
    if dropped.is_cancelled() {
        return Err(ErrorKind::Cancelled.into());
    }
    let mut control: Control<'_> = options.control(start);
    control.tokens[1] = Some(dropped);
    let views = inputs.iter().map(|(name, value)| (name, value.into()));
    inner.run_values(views, &inner.wanted(options)?, &control)
}

fn finish(state: &Mutex<State>, result: Result<Outputs>) {
    let mut state = lock(state);
    state.result = Some(result);
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Future for RunFuture {
    type Output = Result<Outputs>;

    /// # Panics
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.state);
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for RunFuture {
    fn drop(&mut self) {
        self.dropped.cancel();
    }
}
