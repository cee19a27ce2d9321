//! The threads that asynchronous runs are made on: started when needed, ended when idle and with the process.

use std::collections::VecDeque;
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::runtime::{exit, fork};
use crate::engine::session::CancelToken;
use crate::{Error, Result};

/// How long a thread waits for more to do.
const LINGER: Duration = Duration::from_secs(2);

/// More threads than cores, because some wait for a place at their session.
const THREADS_PER_CORE: usize = 2;

/// Something to do, and what gives it up.
pub(super) struct Job {
    pub(super) work: Box<dyn FnOnce() + Send>,
    pub(super) cancel: CancelToken,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    waiting: VecDeque::new(),
    running: Vec::new(),
    threads: 0,
    idle: 0,
    process: 0,
    is_closed: false,
});
static ADDED: Condvar = Condvar::new();
static DONE: Condvar = Condvar::new();
static ENDS_WITH_PROCESS: Once = Once::new();

struct Queue {
    waiting: VecDeque<Job>,
    running: Vec<CancelToken>,
    threads: usize,
    idle: usize,
    /// The process that the threads are in: a forked one has none.
    process: u32,
    /// The process ends.
    is_closed: bool,
}

/// Has a job done on another thread, in the order of asking.
///
/// # Errors
/// `internal` if there is no thread and none can be started, `unsupported` in a forked process.
pub(super) fn submit(job: Job) -> Result<()> {
    fork::check()?;
    ENDS_WITH_PROCESS.call_once(|| exit::before_exit(stop));
    let mut queue = queue();
    queue.process = process::id();
    let most = thread::available_parallelism().map_or(1, usize::from) * THREADS_PER_CORE;
    if queue.idle <= queue.waiting.len() && queue.threads < most {
        match thread::Builder::new().name("ortlet-async".into()).spawn(work) {
            Ok(_) => queue.threads += 1,
            Err(error) if queue.threads == 0 => {
                return Err(Error::internal(format!("no thread for asynchronous runs: {error}")));
            }
            Err(_) => {}
        }
    }
    queue.waiting.push_back(job);
    ADDED.notify_one();
    Ok(())
}

fn work() {
    let mut queue = queue();
    loop {
        while let Some(job) = queue.waiting.pop_front().filter(|_| !queue.is_closed) {
            queue.running.push(job.cancel.clone());
            drop(queue);
            (job.work)();
            queue = self::queue();
            if let Some(at) = queue.running.iter().position(|running| *running == job.cancel) {
                queue.running.swap_remove(at);
            }
            DONE.notify_all();
        }
        queue.idle += 1;
        let (again, waited) = ADDED.wait_timeout(queue, LINGER).unwrap_or_else(PoisonError::into_inner);
        queue = again;
        queue.idle -= 1;
        if waited.timed_out() && queue.waiting.is_empty() {
            queue.threads -= 1;
            return;
        }
    }
}

/// Gives up what is running and waiting, and waits for it to end: the process ends.
fn stop() {
    let mut queue = queue();
    if queue.process != process::id() {
        return;
    }
    queue.is_closed = true;
    queue.running.iter().for_each(CancelToken::cancel);
    // Nothing can be done about one that does not end.
    let _ = DONE.wait_timeout_while(queue, exit::PATIENCE, |queue| !queue.running.is_empty());
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
