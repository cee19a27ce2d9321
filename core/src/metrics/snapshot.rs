//! A histogram at one moment: percentiles, mean, merging, JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One bucket: how many latencies lay within its borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The smallest latency that belongs here, in nanoseconds.
    pub low_ns: u64,
    /// The largest latency that belongs here, in nanoseconds.
    pub high_ns: u64,
    /// How many there were.
    pub count: u64,
}

/// A [`Histogram`](crate::metrics::Histogram) at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Stored", into = "Stored")]
pub struct HistogramSnapshot {
    /// Not empty, in ascending order.
    buckets: Vec<Bucket>,
    count: u64,
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
}

impl HistogramSnapshot {
    /// From buckets that are not empty and in ascending order. The other numbers are ignored if there are none.
    pub(super) fn new(buckets: Vec<Bucket>, sum_ns: u64, min_ns: u64, max_ns: u64) -> Self {
        if buckets.is_empty() {
            return Self::default();
        }
        let count = buckets.iter().map(|bucket| bucket.count).sum();
        Self { buckets, count, sum_ns, min_ns, max_ns }
    }

    /// How many latencies were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all latencies in nanoseconds, exact.
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The smallest latency in nanoseconds, exact; `None` if there is none.
    pub fn min_ns(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min_ns)
    }

    /// The largest latency in nanoseconds, exact; `None` if there is none.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_ns)
    }

    /// The arithmetic mean in nanoseconds; `None` if nothing was recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ns as f64 / self.count as f64)
    }

    /// The buckets that hold something, in ascending order.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The latency in nanoseconds that `percent` of the recordings do not exceed.
    ///
    /// By nearest rank: the `ceil(percent / 100 * count)`-th smallest latency, the smallest for 0. What is returned
    /// is an upper bound of it: never less, and at most 1/128 more. `None` if nothing was recorded or `percent` is
    /// not within 0 and 100.
    pub fn percentile(&self, percent: f64) -> Option<u64> {
        if self.count == 0 || !(0.0..=100.0).contains(&percent) {
            return None;
        }
        // 99.9 has no exact binary form: without the correction, 99.9 % of 1000 could become rank 1000.
        let rank = (percent * self.count as f64 / 100.0 * (1.0 - 1e-12)).ceil();
        let rank = (rank as u64).clamp(1, self.count);
        let mut seen = 0;
        let reaches_rank = |bucket: &&Bucket| {
            seen += bucket.count;
            seen >= rank
        };
        let bucket = self.buckets.iter().find(reaches_rank)?;
        Some(bucket.high_ns.clamp(self.min_ns, self.max_ns))
    }

    /// Adds the recordings of another histogram. Counts saturate.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let mut counts = BTreeMap::new();
        for bucket in self.buckets.iter().chain(&other.buckets) {
            let count: &mut u64 = counts.entry((bucket.high_ns, bucket.low_ns)).or_default();
            *count = count.saturating_add(bucket.count);
        }
        let bucket = |((high_ns, low_ns), count)| Bucket { low_ns, high_ns, count };
        self.buckets = counts.into_iter().map(bucket).collect();
        self.count = self.count.saturating_add(other.count);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }
}

/// The form in JSON, checked when it comes back.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Stored {
    /// How many latencies were recorded.
    count: u64,
    /// The sum of all latencies in nanoseconds, exact.
    sum_ns: u64,
    /// The smallest latency in nanoseconds, exact; `None` if there is none.
    min_ns: Option<u64>,
    /// The largest latency in nanoseconds, exact; `None` if there is none.
    max_ns: Option<u64>,
    /// The buckets that hold something, in ascending order.
    buckets: Vec<Bucket>,
}

impl From<HistogramSnapshot> for Stored {
    fn from(snapshot: HistogramSnapshot) -> Self {
        Self {
            count: snapshot.count,
            sum_ns: snapshot.sum_ns,
            min_ns: snapshot.min_ns(),
            max_ns: snapshot.max_ns(),
            buckets: snapshot.buckets,
        }
    }
}

impl TryFrom<Stored> for HistogramSnapshot {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let invalid = |reason| Error::invalid_argument("histogram", reason);
        let Stored { count, sum_ns, min_ns, max_ns, buckets } = stored;
        if buckets.iter().any(|bucket| bucket.count == 0 || bucket.low_ns > bucket.high_ns) {
            return Err(invalid("a bucket is empty or its borders are reversed"));
        }
        if buckets.windows(2).any(|pair| pair[0].high_ns >= pair[1].low_ns) {
            return Err(invalid("the buckets are not in ascending order"));
        }
        if buckets.iter().try_fold(0_u64, |sum, bucket| sum.checked_add(bucket.count)) != Some(count) {
            return Err(invalid("the count is not the sum of the buckets"));
        }
        match (min_ns, max_ns) {
            _ if count == 0 => Ok(Self::default()),
            (Some(min), Some(max)) if min <= max => Ok(Self::new(buckets, sum_ns, min, max)),
            _ => Err(invalid("minimum and maximum are missing or reversed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    fn of(values: impl IntoIterator<Item = u64>) -> HistogramSnapshot {
        let histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram.snapshot()
    }

    #[test]
    fn an_empty_one_has_no_numbers() {
        let empty = of([]);
        assert_eq!((empty.count(), empty.min_ns(), empty.max_ns(), empty.mean_ns()), (0, None, None, None));
        assert_eq!(empty.percentile(50.0), None);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let snapshot = of(1..=100);
        for (percent, expected) in
            [(0.0, 1), (0.5, 1), (1.0, 1), (1.1, 2), (50.0, 50), (99.0, 99), (100.0, 100)]
        {
            assert_eq!(snapshot.percentile(percent), Some(expected), "{percent}");
        }
        assert_eq!(of(1..=1000).percentile(99.9).unwrap(), of([999, 1000, 1]).percentile(50.0).unwrap());
        for wrong in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(snapshot.percentile(wrong), None);
        }
    }

    #[test]
    fn merging_equals_recording_into_one() {
        let mut merged = of((1..500).map(|n| n * n));
        merged.merge(&of((400..900).map(|n| n * 7)));
        assert_eq!(merged, of((1..500).map(|n| n * n).chain((400..900).map(|n| n * 7))));
        let before = merged.clone();
        merged.merge(&of([]));
        assert_eq!(merged, before);
        let mut empty = of([]);
        empty.merge(&before);
        assert_eq!(empty, before);
    }

    #[test]
    fn json_comes_back_and_damaged_json_is_refused() {
        for snapshot in [of([]), of([5, 5, 1_000_000])] {
            let json = serde_json::to_string(&snapshot).unwrap();
            assert_eq!(serde_json::from_str::<HistogramSnapshot>(&json).unwrap(), snapshot);
        }
        for damaged in [
            r#"{"count":2,"sum_ns":1,"min_ns":1,"max_ns":1,"buckets":[{"low_ns":1,"high_ns":1,"count":1}]}"#,
            r#"{"count":1,"sum_ns":1,"min_ns":1,"max_ns":1,"buckets":[{"low_ns":2,"high_ns":1,"count":1}]}"#,
            r#"{"count":1,"sum_ns":1,"min_ns":2,"max_ns":1,"buckets":[{"low_ns":1,"high_ns":1,"count":1}]}"#,
            r#"{"count":1,"sum_ns":1,"min_ns":null,"max_ns":1,"buckets":[{"low_ns":1,"high_ns":1,"count":1}]}"#,
        ] {
            assert!(serde_json::from_str::<HistogramSnapshot>(damaged).is_err(), "{damaged}");
        }
    }
}
