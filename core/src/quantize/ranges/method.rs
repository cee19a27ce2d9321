//! The choice of a range from what an observer saw.

use serde::{Deserialize, Serialize};

use super::{ActivationScheme, Range, RangeObserver, entropy, squared_error};
use crate::{Error, Result};

/// The percentages of values that may be asked to keep.
const PERCENTS: std::ops::RangeInclusive<f64> = 50.0..=100.0;

/// How a tensor's range is chosen. Whatever lies outside of it is cut off, so that the rest gets smaller steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RangeMethod {
    /// The smallest and the largest value: nothing is cut off.
    MinMax,
    /// Cuts off equally many of the smallest and of the largest values.
    Percentile {
        /// How many of all values to keep, in percent: 50 to 100.
        percent: f64,
    },
    /// The range whose codes are nearest to the values, by the mean of the squared differences.
    MeanSquaredError,
    /// The range whose codes lose the least information about how the values are distributed, by Kullback-Leibler
    /// divergence. Source: S. Migacz, "8-bit Inference with TensorRT", GTC 2017.
    Entropy,
}

impl RangeObserver {
    /// The range to quantize with, within the values that were seen.
    ///
    /// Ends are exact for [`RangeMethod::MinMax`] and off by no more than [`RangeObserver::resolution`] for
    /// [`RangeMethod::Percentile`], to the outside.
    ///
    /// # Errors
    /// `invalid_argument` if no finite value was seen or the percentage is out of bounds.
    pub fn range(&self, method: RangeMethod, scheme: ActivationScheme) -> Result<Range> {
        if let RangeMethod::Percentile { percent } = method
            && !PERCENTS.contains(&percent)
        {
            return Err(Error::invalid_argument(
                "percent",
                format!("must be within 50 and 100, is {percent}"),
            ));
        }
        let full = self.range.ok_or_else(|| self.nothing_seen())?;
        let Some(histogram) = &self.histogram else {
            return Ok(full);
        };
        Ok(match method {
            RangeMethod::MinMax => full,
            RangeMethod::Percentile { percent } => self.percentile(percent).within(full),
            RangeMethod::MeanSquaredError => squared_error::range(&self.bins(), full, scheme),
            RangeMethod::Entropy => entropy::range(histogram, full, scheme),
        })
    }

    fn percentile(&self, percent: f64) -> Range {
        let bins = self.bins();
        // 99.9 has no exact binary form: without the correction, too few could be cut.
        let cut_count = (self.count() as f64 * (100.0 - percent) / 200.0 * (1.0 + 1e-12)) as u64;
        let passes = |seen: &mut u64, count: u64| {
            *seen = seen.saturating_add(count);
            Some(*seen > cut_count)
        };
        let low = bins.iter().scan(0, |seen, bin| passes(seen, bin.count)).position(|passed| passed);
        let high = bins.iter().rev().scan(0, |seen, bin| passes(seen, bin.count)).position(|passed| passed);
        let (low, high) = (low.unwrap_or(0), bins.len() - 1 - high.unwrap_or(0));
        Range { min: bins[low].low as f32, max: bins[high].high as f32 }
    }

    fn nothing_seen(&self) -> Error {
        let (nan, infinite) = (self.nan_count(), self.infinite_count());
        let reason = format!("no finite value was seen, but {nan} NaN and {infinite} infinities");
        Error::invalid_argument("calibration", reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    const METHODS: [RangeMethod; 4] = [
        RangeMethod::MinMax,
        RangeMethod::Percentile { percent: 99.9 },
        RangeMethod::MeanSquaredError,
        RangeMethod::Entropy,
    ];
    const SCHEMES: [ActivationScheme; 2] = [ActivationScheme::AsymmetricU8, ActivationScheme::SymmetricS8];

    fn of(values: &[f32]) -> RangeObserver {
        let mut observer = RangeObserver::new();
        observer.observe(values);
        observer
    }

    #[test]
    fn every_method_copes_with_every_tensor() {
        let tensors: [&[f32]; 10] = [
            &[0.0],
            &[-0.0, 0.0],
            &[3.0],
            &[-3.0; 9],
            &[1e-45],
            &[f32::MAX, f32::MIN],
            &[1e-45, f32::MAX],
            &[0.0, f32::MAX, -1e-30],
            &[1.0, f32::NAN, f32::INFINITY],
            &[0.0, 0.0, 0.0, 6.0],
        ];
        for (values, method) in tensors.iter().flat_map(|values| METHODS.map(|method| (values, method))) {
            for scheme in SCHEMES {
                let observer = of(values);
                let range = observer.range(method, scheme).unwrap();
                assert!(range.min <= range.max, "{values:?} {method:?} {range:?}");
                assert!(range.min >= observer.min().unwrap() && range.max <= observer.max().unwrap());
                assert!(range.scale_and_zero_point(scheme).scale.is_normal());
            }
        }
    }

    #[test]
    fn one_value_is_kept_by_every_method() {
        for (value, method) in [3.0, -0.7, 1e-30, 1e30].iter().flat_map(|value| METHODS.map(|m| (*value, m)))
        {
            for scheme in SCHEMES {
                let range = of(&[value; 20]).range(method, scheme).unwrap();
                let scale = range.scale_and_zero_point(scheme).scale;
                let furthest = range.magnitude();
                assert!((furthest / value.abs() - 1.0).abs() < 0.01, "{value} {method:?} {furthest} {scale}");
            }
        }
    }

    #[test]
    fn without_a_finite_value_there_is_no_range() {
        for values in [&[][..], &[f32::NAN; 5], &[f32::INFINITY, f32::NAN]] {
            for method in METHODS {
                let error = of(values).range(method, ActivationScheme::AsymmetricU8).unwrap_err();
                assert_eq!(error.code(), ErrorCode::InvalidArgument);
            }
        }
        let error =
            of(&[f32::NAN; 5]).range(RangeMethod::MinMax, ActivationScheme::AsymmetricU8).unwrap_err();
        assert!(error.to_string().contains("5 NaN"), "{error}");
    }

    #[test]
    fn a_percentage_out_of_bounds_is_refused() {
        for percent in [f64::NAN, 49.9, 100.1, -1.0] {
            let method = RangeMethod::Percentile { percent };
            let error = of(&[1.0]).range(method, ActivationScheme::SymmetricS8).unwrap_err();
            assert!(error.to_string().contains("percent"), "{error}");
        }
    }

    #[test]
    fn percentiles_cut_both_ends() {
        let values: Vec<f32> = (1..=1000).map(|number| number as f32).collect();
        let observer = of(&values);
        for (percent, low, high) in
            [(100.0, 1.0, 1000.0), (99.8, 2.0, 999.0), (98.0, 11.0, 990.0), (50.0, 251.0, 750.0)]
        {
            let range =
                observer.range(RangeMethod::Percentile { percent }, ActivationScheme::AsymmetricU8).unwrap();
            assert!(range.min <= low && range.min > low - 0.26, "{percent} {range:?}");
            assert!(range.max >= high && range.max < high + 0.26, "{percent} {range:?}");
        }
    }
}
