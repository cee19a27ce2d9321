//! The CPU: what it can do, and how much of it this process may use.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// The CPU as this process sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CpuReport {
    /// Name of the processor, empty if the system does not tell.
    pub model: String,
    /// Architecture that Ortlet was compiled for, for example `x86_64`.
    pub architecture: String,
    /// Instruction sets that matter for inference and that this CPU has.
    pub features: Vec<String>,
    /// Logical CPUs of the machine, if the system tells.
    pub logical_count: Option<usize>,
    /// Logical CPUs that the affinity mask and the control group leave to this process.
    pub usable_logical_count: usize,
    /// Physical cores among them: what `threads: auto` uses.
    pub usable_physical_count: usize,
    /// Cores that the control group's CPU quota allows, if it sets one.
    pub cgroup_quota_cores: Option<f64>,
}

impl CpuReport {
    /// Looks at the machine as it is now.
    pub fn read() -> Self {
        Self {
            model: model(),
            architecture: std::env::consts::ARCH.into(),
            features: features(),
            logical_count: online_count(),
            usable_logical_count: usable_logical_cores(),
            usable_physical_count: usable_physical_cores(),
            cgroup_quota_cores: cgroup_quota(),
        }
    }
}

fn usable_logical_cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Physical cores in the affinity mask, at most what the control group's quota allows, at least 1.
///
/// Two threads of one core share its arithmetic units, so more threads than cores only get in each other's way.
pub(super) fn usable_physical_cores() -> usize {
    let logical = usable_logical_cores();
    let siblings: HashSet<String> = affinity().into_iter().filter_map(siblings_of).collect();
    if siblings.is_empty() { logical } else { siblings.len().min(logical) }
}

/// The logical CPUs that share a core with this one, as the system writes them: one text per core.
fn siblings_of(cpu: usize) -> Option<String> {
    fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")).ok()
}

/// Numbers of the logical CPUs that this process may run on; empty where that is unknown.
#[cfg(target_os = "linux")]
fn affinity() -> Vec<usize> {
    // SAFETY: an all-zero set is valid, and the call writes at most the size given.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) != 0 {
            return Vec::new();
        }
        (0..libc::CPU_SETSIZE as usize).filter(|&cpu| libc::CPU_ISSET(cpu, &set)).collect()
    }
}

#[cfg(not(target_os = "linux"))]
fn affinity() -> Vec<usize> {
    Vec::new()
}

fn online_count() -> Option<usize> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(last.parse::<usize>().ok()? + 1 - first.parse::<usize>().ok()?)
    };
    text.trim().split(',').map(range).sum()
}

/// The quota of the control group, version 2 or 1.
fn cgroup_quota() -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|&number| number > 0.0);
    if let Some(folder) = cgroup_v2_folder() {
        // Every ancestor may set a quota; the tightest binds.
        let quotas = std::path::Path::new(&folder).ancestors().filter_map(|folder| {
            let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            Some(number(quota)? / number(period)?)
        });
        return quotas.reduce(f64::min);
    }
    let read = |name: &str| number(&fs::read_to_string(format!("/sys/fs/cgroup/cpu/{name}")).ok()?);
    Some(read("cpu.cfs_quota_us")? / read("cpu.cfs_period_us")?)
}

fn cgroup_v2_folder() -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(format!("/sys/fs/cgroup{path}"))
}

/// Name of the processor, empty if the system does not tell.
pub(in crate::engine) fn model() -> String {
    let Ok(file) = fs::File::open("/proc/cpuinfo") else { return String::new() };
    // Only as far as needed: the file has a paragraph for every CPU, and the system makes it while it is read.
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let value = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
    let mut board = None;
    for line in lines {
        if line.starts_with("model name") {
            return value(&line).unwrap_or_default();
        }
        if board.is_none() && line.starts_with("Model") {
            board = value(&line);
        }
    }
    board.unwrap_or_default()
}

/// Instruction sets that matter for inference and that this CPU has.
pub(in crate::engine) fn features() -> Vec<String> {
    detected().into_iter().filter(|(_, present)| *present).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(target_arch = "x86_64")]
fn detected() -> Vec<(&'static str, bool)> {
    macro_rules! detect {
        ($($name:tt),* $(,)?) => { vec![$(($name, std::arch::is_x86_feature_detected!($name))),*] };
    }
    detect!(
        "sse4.1",
        "sse4.2",
        "avx",
        "f16c",
        "fma",
        "avx2",
        "avxvnni",
        "avx512f",
        "avx512bw",
        "avx512dq",
        "avx512vl",
        "avx512vnni",
        "avx512bf16",
        "avx512fp16",
    )
}

#[cfg(target_arch = "aarch64")]
fn detected() -> Vec<(&'static str, bool)> {
    macro_rules! detect {
        ($($name:tt),* $(,)?) => { vec![$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
    }
    detect!("neon", "fp16", "dotprod", "i8mm", "bf16", "sve", "sve2")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_consistent() {
        let report = CpuReport::read();
        assert!(report.usable_physical_count >= 1);
        assert!(report.usable_physical_count <= report.usable_logical_count);
        assert!(report.logical_count.is_none_or(|count| report.usable_logical_count <= count));
    }
}
