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

    fn at(process: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self { anonymous_kib: field("Anonymous")?, proportional_kib: field("Pss")? })
    }
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
    }
}
