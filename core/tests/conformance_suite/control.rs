//! What may end a run, runs beside others, and a panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ortlet::tensor::{DType, SharedBytes, Tensor};
use ortlet::{CancelToken, ErrorCode, RunOptions, Session};

use super::case::{Case, Control};
use super::places::Places;
use super::sessions::{borrowed, run_inputs, session};
use super::{Attempt, Outcome, values};
use crate::executor::block_on;

/// How long a run that was begun may take to get its place at the session.
const SURELY_UNDER_WAY: Duration = Duration::from_millis(100);

/// Options of a run as a case says them.
pub fn run_options(control: &Control) -> RunOptions {
    let wants_token = control.cancelled || control.cancel_after_ns.is_some();
    let token = wants_token.then(CancelToken::new);
    if let Some(token) = token.as_ref().filter(|_| control.cancelled) {
        token.cancel();
    }
    if let (Some(token), Some(time)) = (token.clone(), control.cancel_after_ns) {
        thread::spawn(move || {
            thread::sleep(Duration::from_nanos(time));
            token.cancel();
        });
    }
    let deadline = control.deadline_ns.map(Duration::from_nanos);
    RunOptions { outputs: control.outputs.clone(), deadline, cancel: token }
}

/// Runs while another run is under way, which is cancelled in the end.
pub fn run_while_busy(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let busy = values::read_all(case.busy.as_ref().ok_or_else(|| "`busy` is missing".to_owned())?)?;
    let stop = CancelToken::new();
    let options = RunOptions { cancel: Some(stop.clone()), ..RunOptions::default() };
    thread::scope(|scope| {
        let other =
            scope.spawn(|| session.run_with(borrowed(&busy), &options).err().map(|error| error.code()));
        let started = wait_for_run(&session);
        let outputs = run_inputs(&session, case);
        stop.cancel();
        let ended = other.join().map_err(|_| "the busy run panicked".to_owned())?;
        started?;
        if ended != Some(ErrorCode::Cancelled) {
            return Err(format!("the busy run ended with {ended:?}").into());
        }
        Ok(Outcome { outputs: outputs?, ..Outcome::default() })
    })
}

fn wait_for_run(session: &Session) -> Result<(), String> {
    let start = Instant::now();
    while session.metrics().in_flight_count == 0 {
        if start.elapsed() > Duration::from_secs(60) {
            return Err("the busy run does not begin".to_owned());
        }
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(SURELY_UNDER_WAY);
    Ok(())
}

/// Memory whose owner panics when it is asked for its bytes.
struct Trap {
    bytes: Vec<u8>,
    is_set: AtomicBool,
}

impl SharedBytes for Trap {
    fn bytes(&self) -> &[u8] {
        assert!(!self.is_set.load(Ordering::SeqCst), "this panic is what the case is about");
        &self.bytes
    }
}

/// Panics inside of an asynchronous run, where a panic has to become an error.
pub fn panic(case: &Case, places: &Places) -> Attempt {
    let session = session(case, places)?;
    let trap = Arc::new(Trap { bytes: vec![0; 4], is_set: AtomicBool::new(false) });
    let tensor = Tensor::from_shared(DType::F32, [1], trap.clone())?;
    trap.is_set.store(true, Ordering::SeqCst);
    block_on(session.run_async([("x", tensor)], RunOptions::default()))?;
    Ok(Outcome::default())
}
