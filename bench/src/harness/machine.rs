//! What the figures depend on. How busy the machine is belongs to it.

use std::fmt;
use std::fs;
use std::thread;

use serde::Serialize;

/// The machine at one moment.
#[derive(Serialize)]
pub struct Machine {
    cpu: Option<String>,
    threads: Option<usize>,
    kernel: Option<String>,
    /// Over the last minute, five and fifteen, at the end of the measurement, which causes some of it.
    load_average: Option<String>,
}

impl Machine {
    /// This one, now.
    pub fn now() -> Self {
        let line = |path: &str, start: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(start))?;
            Some(line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned())
        };
        let average = line("/proc/loadavg", "");
        let numbers = |text: String| text.split(' ').take(3).collect::<Vec<_>>().join(" ");
        Self {
            cpu: line("/proc/cpuinfo", "model name"),
            threads: thread::available_parallelism().ok().map(usize::from),
            kernel: line("/proc/sys/kernel/osrelease", ""),
            load_average: average.map(numbers),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = "unknown";
        let (cpu, load) = (self.cpu.as_deref(), self.load_average.as_deref());
        let threads = self.threads.unwrap_or(1);
        write!(
            f,
            "CPU: {} with {threads} threads; load average {}",
            cpu.unwrap_or(unknown),
            load.unwrap_or(unknown)
        )
    }
}
