//! The few numbers by which a histogram is told.

use serde::{Deserialize, Serialize};

use crate::metrics::HistogramSnapshot;

/// Extremes, mean and percentiles of latencies, in nanoseconds. Extremes and mean are exact, percentiles as in
/// [`HistogramSnapshot::percentile`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LatencySummary {
    /// The shortest.
    pub min_ns: u64,
    /// The arithmetic mean.
    pub mean_ns: f64,
    /// The median.
    pub p50_ns: u64,
    /// What 90 % do not exceed.
    pub p90_ns: u64,
    /// What 99 % do not exceed.
    pub p99_ns: u64,
    /// What 99.9 % do not exceed.
    #[serde(rename = "p99.9_ns")]
    pub p99_9_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl HistogramSnapshot {
    /// The numbers by which it is told; `None` if nothing was recorded.
    pub fn summary(&self) -> Option<LatencySummary> {
        Some(LatencySummary {
            min_ns: self.min_ns()?,
            mean_ns: self.mean_ns()?,
            p50_ns: self.percentile(50.0)?,
            p90_ns: self.percentile(90.0)?,
            p99_ns: self.percentile(99.0)?,
            p99_9_ns: self.percentile(99.9)?,
            max_ns: self.max_ns()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn a_summary_has_the_numbers_of_the_sorted_latencies() {
        let histogram = Histogram::new();
        assert_eq!(histogram.snapshot().summary(), None);
        // Values below 256 have a bucket each, so that every number is exact.
        (1..=200).for_each(|latency_ns| histogram.record(latency_ns));
        let summary = histogram.snapshot().summary().unwrap();
        let expected = r#"{"min_ns":1,"mean_ns":100.5,"p50_ns":100,"p90_ns":180,"p99_ns":198,"p99.9_ns":200,"max_ns":200}"#;
        assert_eq!(serde_json::to_string(&summary).unwrap(), expected);
        assert_eq!(serde_json::from_str::<LatencySummary>(expected).unwrap(), summary);
    }
}
