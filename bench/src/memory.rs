//! How much memory a process has, as Linux counts it.

use std::fs;

/// Memory of one process in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Pages that belong to no file or were changed after they were read: nobody else can share or drop them.
    pub anonymous_kib: u64,
    /// All pages, each divided by the number of processes that have it.
    pub proportional_kib: u64,
}

impl Memory {
    /// Of this process; `None` where the system does not tell.
    pub fn own() -> Option<Self> {
        Self::at("self")
    }

    /// Of another process.
    pub fn of(process: u32) -> Option<Self> {
        Self::at(&process.to_string())
    }

    /// Resident KiB of this process, pages of files included; `None` where the system does not tell.
    pub fn own_resident_kib() -> Option<u64> {
        status("VmRSS")
    }

    /// The most that this process ever had of it.
    pub fn own_peak_kib() -> Option<u64> {
        status("VmHWM")
    }

    fn at(process: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self { anonymous_kib: field(text, "Anonymous")?, proportional_kib: field(text, "Pss")? })
    }
}

fn status(name: &str) -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, name)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_fields_are_read() {
        let text = "5581-7ffe ---p 00000000 00:00 0    [rollup]\nRss:      3424 kB\nPss:       594 kB\n\
                    Pss_Anon:  96 kB\nAnonymous:     100 kB\nAnonHugePages:  0 kB\n";
        assert_eq!(Memory::parse(text), Some(Memory { anonymous_kib: 100, proportional_kib: 594 }));
        assert_eq!(Memory::parse("Rss: 1 kB\n"), None);
        assert_eq!(field("VmPeak:\t 9 kB\nVmHWM:\t  70 kB\nVmRSS:\t 60 kB\n", "VmHWM"), Some(70));
    }
}
