//! The latency histogram that many threads record into at once.

use std::fmt;

use crate::metrics::atomic::{AtomicU64, Ordering};
use crate::metrics::buckets::{BUCKET_COUNT, MAX_VALUE, high_of, index_of, low_of};
use crate::metrics::{Bucket, HistogramSnapshot};

/// A histogram of latencies in nanoseconds: every percentile within 1/128, from 1 ns to over an hour, in 32 KB.
///
/// Recording takes no lock and allocates nothing: two atomic additions and two loads. Only a new minimum or maximum
/// costs more, and can be retried, once for each other thread that sets one in the same instant.
///
/// # Examples
/// ```
/// use ortlet::metrics::Histogram;
///
/// let histogram = Histogram::new();
/// for latency_ns in 1..=1000 {
///     histogram.record(latency_ns * 1000);
/// }
/// let snapshot = histogram.snapshot();
/// let p99 = snapshot.percentile(99.0).unwrap();
/// assert!((990_000..=990_000 + 990_000 / 128).contains(&p99));
/// assert_eq!(snapshot.max_ns(), Some(1_000_000));
/// ```
pub struct Histogram {
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

impl Histogram {
    /// The longest latency that is told apart, 73 minutes. Longer ones count as this.
    pub const MAX_NS: u64 = MAX_VALUE;

    /// An empty histogram. The only place that allocates.
    pub fn new() -> Self {
        Self::with_bucket_count(BUCKET_COUNT)
    }

    /// With the first few buckets only, for checkers that take long over each: only values in those may be recorded.
    pub(super) fn with_bucket_count(bucket_count: usize) -> Self {
        Self {
            counts: (0..bucket_count).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
        }
    }

    /// Counts one latency.
    pub fn record(&self, latency_ns: u64) {
        let value = latency_ns.min(MAX_VALUE);
        // Adding takes the cache line from other threads, even adding nothing, which is what most runs have waited.
        if value > 0 {
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
        // Extremes rarely change.
        if value < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
        // Last, and released: whoever sees the count also sees the sum and the extremes.
        self.counts[index_of(value)].fetch_add(1, Ordering::Release);
    }

    /// The state now, as plain data.
    ///
    /// While others record, every recording that is counted is also in the minimum, maximum and sum; one that is still
    /// under way may be in those without being counted. Percentiles are always of exactly the recordings counted.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut buckets = Vec::new();
        for (index, count) in self.counts.iter().enumerate() {
            let count = count.load(Ordering::Acquire);
            if count > 0 {
                buckets.push(Bucket { low_ns: low_of(index), high_ns: high_of(index), count });
            }
        }
        let [sum, min, max] = [&self.sum, &self.min, &self.max].map(|value| value.load(Ordering::Relaxed));
        HistogramSnapshot::new(buckets, sum, min, max)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("snapshot", &self.snapshot()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of nearest rank, in integers: per mille of the sorted values.
    fn nearest_rank(sorted: &[u64], per_mille: usize) -> u64 {
        sorted[(per_mille * sorted.len()).div_ceil(1000).max(1) - 1]
    }

    fn check(mut values: Vec<u64>) {
        let histogram = Histogram::new();
        values.iter().for_each(|&value| histogram.record(value));
        values.sort_unstable();
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count(), values.len() as u64);
        assert_eq!(snapshot.min_ns(), values.first().copied());
        assert_eq!(snapshot.max_ns(), values.last().copied());
        assert_eq!(snapshot.sum_ns(), values.iter().sum::<u64>());
        // Miri takes minutes for what takes milliseconds otherwise.
        for per_mille in (0..=1000).step_by(if cfg!(miri) { 250 } else { 1 }) {
            let exact = nearest_rank(&values, per_mille);
            let found = snapshot.percentile(per_mille as f64 / 10.0).unwrap();
            assert!((exact..=exact + exact / 128).contains(&found), "{per_mille}: {exact} became {found}");
        }
    }

    #[test]
    fn percentiles_agree_with_a_sorted_array() {
        let mut state = 7_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 16
        };
        let counts = [1, 2, 3, 10, 99, 100, 101, 1000, 5000];
        for &count in &counts[..if cfg!(miri) { 4 } else { counts.len() }] {
            check((0..count).map(|_| random() % 1_000_000).collect());
            // Evenly over the octaves, so that the tail is far from the middle.
            check((0..count).map(|_| (random() & MAX_VALUE) >> (random() % 42)).collect());
        }
    }

    #[test]
    fn adversarial_values_keep_the_bound() {
        check(vec![0]);
        check(vec![MAX_VALUE; 3]);
        check((0..600).collect());
        check((0..42).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]).collect());
        check((1..42).flat_map(|bit| [3 << (bit - 1), (3 << (bit - 1)) - 1]).collect());
        check([vec![1000; 999], vec![3_600_000_000_000]].concat());
    }

    #[test]
    fn longer_latencies_count_as_the_longest() {
        let histogram = Histogram::new();
        histogram.record(u64::MAX);
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.percentile(50.0), Some(Histogram::MAX_NS));
        assert_eq!(snapshot.sum_ns(), Histogram::MAX_NS);
    }

    #[test]
    fn threads_lose_nothing_and_snapshots_stay_consistent() {
        const THREADS: u64 = 4;
        const RUNS: u64 = if cfg!(miri) { 50 } else { 50_000 };
        let histogram = Histogram::new();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let histogram = &histogram;
                scope.spawn(move || (0..RUNS).for_each(|run| histogram.record(run * THREADS + thread + 1)));
            }
            for _ in 0..if cfg!(miri) { 2 } else { 50 } {
                let snapshot = histogram.snapshot();
                assert_eq!(
                    snapshot.buckets().iter().map(|bucket| bucket.count).sum::<u64>(),
                    snapshot.count()
                );
                let (Some(p0), Some(p100)) = (snapshot.percentile(0.0), snapshot.percentile(100.0)) else {
                    continue;
                };
                assert!(snapshot.min_ns().unwrap() <= p0 && p100 <= snapshot.max_ns().unwrap());
            }
        });
        let (snapshot, total) = (histogram.snapshot(), THREADS * RUNS);
        assert_eq!((snapshot.count(), snapshot.sum_ns()), (total, total * (total + 1) / 2));
        assert_eq!((snapshot.min_ns(), snapshot.max_ns()), (Some(1), Some(total)));
    }
}
