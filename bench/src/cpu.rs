//! How much of the processor a process uses: CPU time and threads.

use std::fs;
use std::time::Duration;

/// CPU time of all threads of this process so far; `None` where the system does not tell.
#[cfg(unix)]
pub fn time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

/// CPU time of all threads of this process so far: not known on this system.
#[cfg(not(unix))]
pub fn time() -> Option<Duration> {
    None
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
