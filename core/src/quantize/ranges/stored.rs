//! The form of a [`RangeObserver`] in JSON, checked when it comes back.

use serde::{Deserialize, Serialize};

use super::histogram::{BIN_COUNT, Histogram, exponent_above};
use super::{Range, RangeObserver};
use crate::{Error, Result};

/// Bins that are not empty: their numbers, ascending, and their counts.
type Bins = Vec<(usize, u64)>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    zero_count: u64,
    nan_count: u64,
    infinite_count: u64,
    range: Option<Range>,
    negative: Bins,
    positive: Bins,
}

impl From<RangeObserver> for Stored {
    fn from(observer: RangeObserver) -> Self {
        let RangeObserver { zero_count, nan_count, infinite_count, range, histogram } = observer;
        let (negative, positive) = histogram
            .map(|histogram| (sparse(&histogram.negative), sparse(&histogram.positive)))
            .unwrap_or_default();
        Self { zero_count, nan_count, infinite_count, range, negative, positive }
    }
}

impl TryFrom<Stored> for RangeObserver {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let Stored { zero_count, nan_count, infinite_count, range, negative, positive } = stored;
        let (has_negative, has_positive) = (!negative.is_empty(), !positive.is_empty());
        // Zero is an end of the range unless all values lie on one side of it.
        let agrees = match range {
            None => zero_count == 0 && !has_negative && !has_positive,
            Some(Range { min, max }) => {
                let ends_are_numbers = min.is_finite() && max.is_finite() && min <= max;
                let zero_is_inside = zero_count == 0 || min <= 0.0 && max >= 0.0;
                let is_not_empty = zero_count > 0 || has_negative || has_positive;
                let sides_agree = (min < 0.0) == has_negative && (max > 0.0) == has_positive;
                ends_are_numbers && zero_is_inside && is_not_empty && sides_agree
            }
        };
        if !agrees {
            return Err(invalid("the range does not agree with the counts"));
        }
        let furthest = range.map_or(0.0, Range::magnitude);
        let mut histogram = (furthest > 0.0).then(|| Histogram::new(exponent_above(furthest)));
        if let Some(histogram) = &mut histogram {
            fill(&mut histogram.negative, &negative)?;
            fill(&mut histogram.positive, &positive)?;
        }
        Ok(Self { zero_count, nan_count, infinite_count, range, histogram })
    }
}

fn sparse(bins: &[u64]) -> Bins {
    bins.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
}

fn fill(bins: &mut [u64], stored: &Bins) -> Result<()> {
    if stored.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(invalid("the bins are not in ascending order"));
    }
    for &(at, count) in stored {
        if at >= BIN_COUNT || count == 0 {
            return Err(invalid("a bin is empty or does not exist"));
        }
        bins[at] = count;
    }
    Ok(())
}

fn invalid(reason: &str) -> Error {
    Error::invalid_argument("range observer", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> RangeObserver {
        let mut observer = RangeObserver::new();
        observer.observe(values);
        observer
    }

    #[test]
    fn json_comes_back() {
        let many: Vec<f32> = (0..1000).map(|at| (at as f32).sin() * 3.3e7).collect();
        let all: [&[f32]; 8] =
            [&[], &[0.0], &[f32::NAN], &[5.0], &[-5.0], &[1e-45, 0.0], &[f32::MAX, -1.0], &many];
        for observer in all.map(of) {
            let json = serde_json::to_string(&observer).unwrap();
            assert_eq!(serde_json::from_str::<RangeObserver>(&json).unwrap(), observer, "{json}");
        }
    }

    #[test]
    fn damaged_json_is_refused() {
        let json = |zeros: u64, range: &str, negative: &str, positive: &str| {
            format!(
                r#"{{"zero_count":{zeros},"nan_count":0,"infinite_count":0,"range":{range},
                "negative":{negative},"positive":{positive}}}"#
            )
        };
        let read = |json: &str| serde_json::from_str::<RangeObserver>(json);
        let sound = r#"{"min":-1.0,"max":1.0}"#;
        assert!(read(&json(0, sound, "[[4000,1]]", "[[1,1],[2048,1]]")).is_ok());
        for damaged in [
            json(0, sound, "[]", "[[2048,1]]"),
            json(0, sound, "[[2048,1]]", "[[2048,1],[1,1]]"),
            json(0, sound, "[[2048,1]]", "[[4096,1]]"),
            json(0, sound, "[[2048,0]]", "[[2048,1]]"),
            json(0, "null", "[]", "[[2048,1]]"),
            json(1, "null", "[]", "[]"),
            json(0, r#"{"min":0.0,"max":0.0}"#, "[]", "[]"),
            json(1, r#"{"min":1.0,"max":1.0}"#, "[]", "[[2048,1]]"),
            json(0, r#"{"min":1.0,"max":-1.0}"#, "[]", "[]"),
        ] {
            assert!(read(&damaged).is_err(), "{damaged}");
        }
    }
}
