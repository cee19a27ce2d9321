//! The worker threads of the pool: where they may run, and whether they get to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ort::environment::ThreadManager;

use super::parking::Gate;

/// The worker threads, which ONNX Runtime asks for when its environment is made.
#[derive(Clone)]
pub(in crate::engine::runtime) struct Workers(Arc<Shared>);

struct Shared {
    count: usize,
    threads: Mutex<Vec<Worker>>,
    /// The core that the workers were last kept off.
    avoided: AtomicUsize,
    /// Closed until the first run: ONNX Runtime's threads begin by spinning, in the way of whatever loads the model.
    first_run: Gate,
}

/// One worker thread, as far as the system lets others see it.
#[cfg(target_os = "linux")]
struct Worker {
    id: i32,
    /// The cores that it could run on when it was started.
    cores: Option<libc::cpu_set_t>,
    /// What the system says of the time that it waited for a core.
    schedule: Option<std::fs::File>,
}

#[cfg(not(target_os = "linux"))]
struct Worker;

impl Workers {
    pub(super) fn new(count: usize) -> Self {
        let (threads, avoided) = (Mutex::new(Vec::with_capacity(count)), AtomicUsize::new(usize::MAX));
        let first_run = Gate::open();
        first_run.close();
        Self(Arc::new(Shared { count, threads, avoided, first_run }))
    }

    /// Lets the workers begin.
    pub(super) fn begin(&self) {
        self.0.first_run.set_open();
    }

    pub(super) fn count(&self) -> usize {
        self.0.count
    }
}

impl ThreadManager for Workers {
    type Thread = JoinHandle<()>;

    fn create(&self, work: impl FnOnce() + Send + 'static) -> ort::Result<JoinHandle<()>> {
        let shared = Arc::clone(&self.0);
        let body = move || {
            shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Worker::current());
            shared.first_run.wait();
            work();
        };
        let named = thread::Builder::new().name("ortlet-worker".into());
        named.spawn(body).map_err(|error| ort::Error::new(format!("start a worker thread: {error}")))
    }

    fn join(thread: JoinHandle<()>) -> ort::Result<()> {
        thread.join().map_err(|_| ort::Error::new("a worker thread panicked"))
    }
}

#[cfg(target_os = "linux")]
impl Worker {
    fn current() -> Self {
        // SAFETY: takes nothing and cannot fail.
        let id = unsafe { libc::gettid() };
        // SAFETY: an all-zero set is valid, and the call writes at most the size given.
        let cores = unsafe {
            let mut cores: libc::cpu_set_t = std::mem::zeroed();
            (libc::sched_getaffinity(0, size_of_val(&cores), &mut cores) == 0).then_some(cores)
        };
        Self { id, cores, schedule: std::fs::File::open(format!("/proc/self/task/{id}/schedstat")).ok() }
    }

    /// Leaves it all its cores but one, if there are others.
    fn keep_off(&self, core: usize) {
        let Some(mut cores) = self.cores.filter(|_| core < libc::CPU_SETSIZE as usize) else { return };
        // SAFETY: the core is within the set, and the call reads a set of the size given.
        unsafe {
            libc::CPU_CLR(core, &mut cores);
            if libc::CPU_COUNT(&cores) > 0 {
                libc::sched_setaffinity(self.id, size_of_val(&cores), &cores);
            }
        }
    }

    /// Time in which the thread could have run but had no core.
    fn waited(&self) -> Option<Duration> {
        use std::os::unix::fs::FileExt;
        let mut text = [0; 96];
        let len = self.schedule.as_ref()?.read_at(&mut text, 0).ok()?;
        let waited_ns = std::str::from_utf8(&text[..len]).ok()?.split_whitespace().nth(1)?.parse().ok()?;
        Some(Duration::from_nanos(waited_ns))
    }
}

#[cfg(target_os = "linux")]
impl Workers {
    /// Keeps the workers off the core that this thread runs on. Left alone, some schedulers wake a worker on its
    /// waker's core, where it waits until that is done.
    pub(super) fn keep_off_this_core(&self) {
        // SAFETY: takes nothing; a failure is a negative number.
        let core = unsafe { libc::sched_getcpu() };
        let Ok(core) = usize::try_from(core) else { return };
        if self.0.avoided.swap(core, Ordering::Relaxed) == core {
            return;
        }
        for worker in self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            worker.keep_off(core);
        }
    }

    /// Time in which workers could have run but had no core, since they were started; zero where that is unknown.
    pub(super) fn waited(&self) -> Duration {
        let threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().filter_map(Worker::waited).sum()
    }
}

#[cfg(not(target_os = "linux"))]
impl Worker {
    fn current() -> Self {
        Self
    }
}

#[cfg(not(target_os = "linux"))]
impl Workers {
    pub(super) fn keep_off_this_core(&self) {}

    pub(super) fn waited(&self) -> Duration {
        Duration::ZERO
    }
}
