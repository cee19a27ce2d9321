//! Watches the values of a tensor over any number of runs, in bounded memory.

use serde::{Deserialize, Serialize};

use super::Range;
use super::histogram::{Bin, Histogram, exponent_above};
use super::stored::Stored;
use super::summary::Summary;

/// Values that are gone through at a time.
const PART: usize = 1 << 16;

/// What values a tensor took over all samples seen so far.
///
/// Takes 64 KiB, however many values it sees. What it holds depends on the values alone, not on their order or on how
/// they were split, so observers of parts can be merged. As JSON it comes back as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct RangeObserver {
    pub(super) zero_count: u64,
    pub(super) nan_count: u64,
    pub(super) infinite_count: u64,
    /// Of the finite values; `None` if there are none.
    pub(super) range: Option<Range>,
    /// `None` while no finite value other than zero was seen.
    pub(super) histogram: Option<Histogram>,
}

impl RangeObserver {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the values of one more run. NaN and infinities are counted and otherwise left out. Counts saturate.
    pub fn observe(&mut self, values: &[f32]) {
        // In parts that stay in the processor's near memory while they are gone through twice.
        values.chunks(PART).for_each(|part| self.observe_part(part));
    }

    fn observe_part(&mut self, values: &[f32]) {
        let summary = Summary::of(values);
        let add = |count: &mut u64, more: usize| *count = count.saturating_add(more as u64);
        add(&mut self.zero_count, summary.zero_count);
        add(&mut self.nan_count, summary.nan_count);
        add(&mut self.infinite_count, summary.infinite_count);
        let Some(seen) = summary.range else { return };
        self.range = Some(self.range.map_or(seen, |range| range.union(seen)));
        let furthest = seen.magnitude();
        if furthest > 0.0 {
            let exponent = exponent_above(furthest);
            let histogram = self.histogram.get_or_insert_with(|| Histogram::new(exponent));
            histogram.grow(exponent);
            histogram.record(values);
        }
    }

    /// Takes what another observer saw. Counts saturate.
    pub fn merge(&mut self, other: &Self) {
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.nan_count = self.nan_count.saturating_add(other.nan_count);
        self.infinite_count = self.infinite_count.saturating_add(other.infinite_count);
        self.range = match (self.range, other.range) {
            (Some(own), Some(theirs)) => Some(own.union(theirs)),
            (own, theirs) => own.or(theirs),
        };
        match (&mut self.histogram, &other.histogram) {
            (Some(own), Some(theirs)) => own.merge(theirs),
            (own @ None, theirs) => own.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// How many finite values were seen.
    pub fn count(&self) -> u64 {
        self.bins().iter().fold(0, |sum: u64, bin| sum.saturating_add(bin.count))
    }

    /// How many values were NaN.
    pub fn nan_count(&self) -> u64 {
        self.nan_count
    }

    /// How many values were infinite, of either sign.
    pub fn infinite_count(&self) -> u64 {
        self.infinite_count
    }

    /// The smallest finite value, exact; `None` if there is none.
    pub fn min(&self) -> Option<f32> {
        self.range.map(|range| range.min)
    }

    /// The largest finite value, exact; `None` if there is none.
    pub fn max(&self) -> Option<f32> {
        self.range.map(|range| range.max)
    }

    /// How far apart two values can be without being told apart, in the tensor's own unit: between 1/4096 and 1/2048 of
    /// the largest magnitude. 0 if nothing but zero was seen.
    pub fn resolution(&self) -> f64 {
        self.histogram.as_ref().map_or(0.0, Histogram::width)
    }

    /// What was seen, in ascending order; zero has a bin of its own.
    pub(super) fn bins(&self) -> Vec<Bin> {
        let zero = (self.zero_count > 0).then_some(Bin { low: 0.0, high: 0.0, count: self.zero_count });
        let Some(histogram) = &self.histogram else {
            return zero.into_iter().collect();
        };
        histogram.bins_below_zero().chain(zero).chain(histogram.bins_above_zero()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> RangeObserver {
        let mut observer = RangeObserver::new();
        observer.observe(values);
        observer
    }

    /// Magnitudes from 1e-20 to 1e20, of both signs, with zeros.
    fn wild(count: usize) -> Vec<f32> {
        let value = |at: usize| ((at * 37 % 41) as f32 - 20.0).exp2().powi(3) * (at as f32 * 0.7).sin();
        (0..count).map(|at| if at % 11 == 0 { 0.0 } else { value(at) }).collect()
    }

    #[test]
    fn counts_and_ends_are_exact() {
        let observer = of(&[1.5, f32::NAN, -2.5, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!((observer.count(), observer.nan_count(), observer.infinite_count()), (4, 1, 2));
        assert_eq!((observer.min(), observer.max()), (Some(-2.5), Some(1.5)));
        assert_eq!(observer.resolution(), 4.0 / 4096.0);
        let nothing = of(&[f32::NAN]);
        assert_eq!(
            (nothing.count(), nothing.min(), nothing.max(), nothing.resolution()),
            (0, None, None, 0.0)
        );
        assert!(of(&[-0.0]).min().unwrap().is_sign_positive());
    }

    #[test]
    fn order_and_parts_make_no_difference() {
        let values = wild(500);
        let whole = of(&values);
        let mut backwards = RangeObserver::new();
        values.iter().rev().for_each(|&value| backwards.observe(&[value]));
        assert_eq!(backwards, whole);
        for split in [0, 1, 100, 499, 500] {
            let (mut merged, rest) = (of(&values[..split]), of(&values[split..]));
            merged.merge(&rest);
            assert_eq!(merged, whole, "{split}");
        }
        assert_eq!(whole.count(), 500);
    }

    #[test]
    fn every_value_is_in_its_bin() {
        for value in wild(500).into_iter().chain([f32::MAX, f32::MIN, 1e-45, -1e-45]) {
            let [bin] =
                of(&[value]).bins().try_into().unwrap_or_else(|bins: Vec<Bin>| panic!("{value}: {bins:?}"));
            assert!(bin.low <= f64::from(value) && f64::from(value) <= bin.high, "{value}: {bin:?}");
        }
    }
}
