//! What Linux tells of this process and its threads.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// This test program once more, to run one of its ignored tests in a process of its own.
pub fn child(test: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture", "--quiet"]);
    child
}

/// Number of threads whose name begins like this. The system keeps 15 bytes of a name.
pub fn threads_named(start: &str) -> usize {
    let start = &start[..start.len().min(15)];
    thread_names().iter().filter(|name| name.starts_with(start)).count()
}

pub fn thread_count() -> usize {
    thread_names().len()
}

fn thread_names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    // A thread may end while the list is read.
    tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect()
}

/// CPU time that all threads of this process have taken.
pub fn process_cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.filter_map(|task| cpu_of(&task.path())).sum()
}

/// CPU time that this thread has taken.
pub fn thread_cpu() -> Duration {
    cpu_of(Path::new("/proc/thread-self")).unwrap()
}

fn cpu_of(task: &Path) -> Option<Duration> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// A thread of this process, to be looked at by others.
pub struct Task(PathBuf);

impl Task {
    /// The thread that calls this.
    pub fn current() -> Self {
        let id = fs::read_link("/proc/thread-self").unwrap();
        Self(Path::new("/proc").join(id))
    }

    /// CPU time that the thread has taken.
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.0).unwrap_or_default()
    }

    /// Whether the thread waits for something.
    pub fn sleeps(&self) -> bool {
        let text = fs::read_to_string(self.0.join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses and may hold anything.
        text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    }
}

/// Waits until something is so; gives up only after so long that it will never be.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "still not so after a minute: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
