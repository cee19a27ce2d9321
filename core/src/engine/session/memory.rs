//! Memory of the process.

use std::fs;

/// Private memory of the process in bytes: pages that are backed by no file. `None` where the system does not tell.
pub(super) fn private_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
