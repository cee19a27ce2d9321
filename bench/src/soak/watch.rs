//! What must not grow: memory of no file, threads and open files of this process.

use std::fs;

use ortlet_bench::harness::statistics::median;
use ortlet_bench::memory::Memory;
use serde::Serialize;

/// One look at the process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub anonymous_kib: u64,
    pub threads: usize,
    pub files: usize,
}

impl Sample {
    /// `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        let count = |folder: &str| Some(fs::read_dir(folder).ok()?.count());
        Some(Self {
            anonymous_kib: Memory::own()?.anonymous_kib,
            threads: count("/proc/self/task")?,
            files: count("/proc/self/fd")?,
        })
    }
}

/// Something that must not grow.
struct Quantity {
    name: &'static str,
    of: fn(&Sample) -> f64,
    /// What the median of the last third may be above that of the second: a share of it and an amount.
    share: f64,
    amount: f64,
}

/// How many sessions are alive at the moment of a look, and how many runs of one session there ever were at once, are
/// matters of chance: that is what is allowed for. Memory goes on growing by it for a minute or two, ever more slowly.
const QUANTITIES: [Quantity; 3] = [
    Quantity {
        name: "anonymous memory in KiB",
        of: |sample| sample.anonymous_kib as f64,
        share: 0.05,
        amount: 24.0 * 1024.0,
    },
    Quantity { name: "threads", of: |sample| sample.threads as f64, share: 0.0, amount: 2.0 },
    Quantity { name: "open files", of: |sample| sample.files as f64, share: 0.0, amount: 2.0 },
];

/// Whether a quantity grew.
#[derive(Debug, Serialize)]
pub struct Growth {
    pub name: &'static str,
    /// Medians of the thirds.
    pub thirds: [f64; 3],
    /// The most that the last may be.
    pub allowed: f64,
    pub is_flat: bool,
}

/// All looks, in order.
#[derive(Default)]
pub struct Watch {
    pub samples: Vec<Sample>,
}

impl Watch {
    /// `None` if there are too few samples.
    pub fn growths(&self) -> Option<Vec<Growth>> {
        let third = self.samples.len() / 3;
        let parts = [0..third, third..2 * third, 2 * third..self.samples.len()];
        let growth = |quantity: &Quantity| {
            let part = |at: usize| {
                let values: Vec<f64> = self.samples[parts[at].clone()].iter().map(quantity.of).collect();
                median(&values)
            };
            let thirds = [part(0)?, part(1)?, part(2)?];
            let allowed = thirds[1] * (1.0 + quantity.share) + quantity.amount;
            Some(Growth { name: quantity.name, thirds, allowed, is_flat: thirds[2] <= allowed })
        };
        QUANTITIES.iter().map(growth).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(memory: impl Fn(u64) -> u64) -> Watch {
        let sample = |at| Sample { anonymous_kib: memory(at), threads: 5, files: 9 };
        Watch { samples: (0..90).map(sample).collect() }
    }

    fn is_flat(watch: &Watch) -> Vec<bool> {
        watch.growths().unwrap().iter().map(|growth| growth.is_flat).collect()
    }

    #[test]
    fn growth_after_the_first_third_is_seen_and_noise_is_not() {
        assert_eq!(is_flat(&watch(|at| 100_000 + at % 7 * 500)), [true; 3]);
        assert_eq!(is_flat(&watch(|at| 100_000 + at.min(30) * 50_000)), [true; 3], "warming up");
        // Between one third and the next 40 MB leak, of 100 MB.
        assert_eq!(is_flat(&watch(|at| 100_000 + at * 1_400)), [false, true, true]);
        let mut threads = watch(|_| 100_000);
        threads.samples.iter_mut().enumerate().for_each(|(at, sample)| sample.threads += at / 10);
        assert_eq!(is_flat(&threads), [true, false, true]);
        assert!(Watch::default().growths().is_none());
    }
}
