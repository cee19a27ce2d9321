//! What this process has used: processor time and memory. What a system does not tell is `None`.

use std::time::Duration;

use ortlet::{Error, Result};
use serde::Serialize;

/// Memory of the process in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// Memory that no other process can share: anonymous pages in RAM.
    pub private_bytes: Option<u64>,
    /// The most that was ever in RAM, files included.
    pub peak_bytes: Option<u64>,
}

/// Memory now, as Linux tells it.
pub fn memory() -> Memory {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    Memory { private_bytes: kilobytes(&status, "RssAnon:"), peak_bytes: kilobytes(&status, "VmHWM:") }
}

/// Refuses to fill more memory than is free, where the system tells: Linux would grant it and then kill the process.
///
/// # Errors
/// `limit_exceeded`
pub fn check_memory(needed_bytes: u128) -> Result<()> {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    match kilobytes(&info, "MemAvailable:") {
        Some(available) if needed_bytes > u128::from(available) => {
            let needed = u64::try_from(needed_bytes).unwrap_or(u64::MAX);
            Err(Error::limit_exceeded("bytes of memory", available, needed))
        }
        _ => Ok(()),
    }
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Processor time of all threads so far.
#[cfg(unix)]
pub fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

/// Processor time of all threads so far: not known on this system.
#[cfg(not(unix))]
pub fn cpu_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_their_unit() {
        let text = "Name:\tortlet\nVmHWM:\t    1234 kB\nRssAnon:\t 12 kB\nThreads:\t3\n";
        assert_eq!(kilobytes(text, "VmHWM:"), Some(1234 * 1024));
        assert_eq!(kilobytes(text, "RssAnon:"), Some(12 * 1024));
        assert_eq!(kilobytes(text, "Threads:"), None);
        assert_eq!(kilobytes(text, "VmSwap:"), None);
    }
}
