//! How much of the processor a process uses: CPU time and threads.

use std::fs;
use std::time::Duration;

/// CPU time of all threads of this process so far; `None` where the system does not tell.
pub fn time() -> Option<Duration> {
    clock::now(Whose::Process)
}

/// CPU time of the calling thread so far; `None` where the system does not tell. What others do in the meantime is not in
/// it, unlike in the time on the wall.
pub fn time_of_thread() -> Option<Duration> {
    clock::now(Whose::Thread)
}

/// Whose time.
#[derive(Clone, Copy)]
enum Whose {
    Process,
    Thread,
}

#[cfg(unix)]
mod clock {
    use super::{Duration, Whose};

    pub fn now(whose: Whose) -> Option<Duration> {
        let clock = match whose {
            Whose::Process => rustix::time::ClockId::ProcessCPUTime,
            Whose::Thread => rustix::time::ClockId::ThreadCPUTime,
        };
        let time = rustix::time::clock_gettime(clock);
        Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
    }
}

#[cfg(not(unix))]
mod clock {
    use super::{Duration, Whose};

    pub fn now(_: Whose) -> Option<Duration> {
        None
    }
}

/// How many threads another process has; `None` where the system does not tell.
pub fn threads_of(process: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{process}/task")).ok()?.count())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn time_is_what_the_kernel_counts_for_the_process() {
        // Some work first, so that there is something to count.
        while counted() < Duration::from_millis(100) {}
        let (before, counted) = (time().unwrap(), counted());
        assert!(counted <= time().unwrap());
        // Two counts, each rounded down to 10 ms, and what other threads ran since their last tick.
        assert!(before <= counted + Duration::from_millis(50));
    }

    #[test]
    fn a_thread_has_its_own_time_only() {
        // Other threads of the process work meanwhile, this one only waits for them.
        let before = time_of_thread().unwrap();
        let of_worker = thread::spawn(|| {
            while time_of_thread().unwrap() < Duration::from_millis(50) {}
            time_of_thread().unwrap()
        });
        let of_worker = of_worker.join().unwrap();
        assert!(of_worker >= Duration::from_millis(50));
        assert!(time_of_thread().unwrap() - before < of_worker);
        assert!(time_of_thread().unwrap() <= time().unwrap());
    }

    /// User and system time as `/proc` tells them, in ticks of 10 ms.
    fn counted() -> Duration {
        let text = fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(10 * ticks)
    }

    #[test]
    fn threads_are_counted() {
        let (end, ended) = mpsc::channel::<()>();
        let waiting = thread::spawn(move || ended.recv());
        // Other tests may have threads too.
        assert!(threads_of(std::process::id()).unwrap() >= 2);
        drop(end);
        waiting.join().unwrap().unwrap_err();
        assert_eq!(threads_of(u32::MAX), None);
    }
}
