//! The threads that asynchronous runs are made on: started when needed, ended when idle.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Error, Result};

/// How long a thread waits for more to do.
const LINGER: Duration = Duration::from_secs(2);

/// More threads than cores, because some wait for a place at their session.
const THREADS_PER_CORE: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

static QUEUE: Mutex<Queue> = Mutex::new(Queue { jobs: VecDeque::new(), threads: 0, idle: 0 });
static ADDED: Condvar = Condvar::new();

struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

/// Has a job done on another thread, in the order of asking.
///
/// # Errors
/// `internal` if there is no thread and none can be started.
pub(super) fn submit(job: Job) -> Result<()> {
    let mut queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
    let most = thread::available_parallelism().map_or(1, usize::from) * THREADS_PER_CORE;
    if queue.idle <= queue.jobs.len() && queue.threads < most {
        match thread::Builder::new().name("ortlet-async".into()).spawn(work) {
            Ok(_) => queue.threads += 1,
            Err(error) if queue.threads == 0 => {
                return Err(Error::internal(format!("no thread for asynchronous runs: {error}")));
            }
            Err(_) => {}
        }
    }
    queue.jobs.push_back(job);
    ADDED.notify_one();
    Ok(())
}

fn work() {
    let mut queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while let Some(job) = queue.jobs.pop_front() {
            drop(queue);
            job();
            queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
        }
        queue.idle += 1;
        let (again, waited) = ADDED.wait_timeout(queue, LINGER).unwrap_or_else(PoisonError::into_inner);
        queue = again;
        queue.idle -= 1;
        if waited.timed_out() && queue.jobs.is_empty() {
            queue.threads -= 1;
            return;
        }
    }
}
