//! How often which magnitudes occurred, below zero and above, in a fixed number of bins that double in width as needed.
//!
//! The range ends at the smallest power of two above the largest magnitude, and a bin's width is that over the number
//! of bins. So two bins become one without a remainder, and the bins depend on the values alone, not on their order.

use super::tally::{self, Tally};

/// So many values are worth tables of their own.
const MANY: usize = 4096;

/// Bins on either side of zero.
pub(super) const BIN_COUNT: usize = 4096;

/// Counts of values other than zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// The range ends before two to this power.
    exponent: i32,
    /// Bin `i` counts the magnitudes from `i` widths up to, but without, `i + 1`.
    pub(super) negative: Vec<u64>,
    pub(super) positive: Vec<u64>,
}

/// Values that are not told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bin {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) count: u64,
}

impl Histogram {
    /// An empty one whose range ends before two to the `exponent`.
    pub(super) fn new(exponent: i32) -> Self {
        Self { exponent, negative: vec![0; BIN_COUNT], positive: vec![0; BIN_COUNT] }
    }

    /// The width of a bin in the unit of the values.
    pub(super) fn width(&self) -> f64 {
        power_of_two(self.exponent) / BIN_COUNT as f64
    }

    /// Widens the range, if it is smaller, to end before two to the `exponent`.
    pub(super) fn grow(&mut self, exponent: i32) {
        if exponent <= self.exponent {
            return;
        }
        // Bin 0 stays bin 0 however far the others move.
        let shift = (exponent - self.exponent).min(BIN_COUNT.ilog2() as i32);
        for side in [&mut self.negative, &mut self.positive] {
            for at in 1..BIN_COUNT {
                let count = std::mem::take(&mut side[at]);
                side[at >> shift] = side[at >> shift].saturating_add(count);
            }
        }
        self.exponent = exponent;
    }

    /// Counts the values that are finite and not zero, whose magnitudes have to be inside the range. Counts saturate.
    pub(super) fn record(&mut self, values: &[f32]) {
        let bins_per_unit = 1.0 / self.width();
        if values.len() >= MANY {
            for part in values.chunks(Tally::LIMIT) {
                Tally::of(part, bins_per_unit).add_to(&mut self.positive, &mut self.negative);
            }
            return;
        }
        let mut bins = [0; 64];
        let mut sides = [&mut self.positive, &mut self.negative];
        for part in values.chunks(bins.len()) {
            tally::find(part, bins_per_unit, &mut bins);
            for bin in bins[..part.len()].iter().map(|&bin| usize::from(bin)) {
                // Numbers that are in no bin are behind the last one.
                if let Some(side) = sides.get_mut(bin / BIN_COUNT) {
                    let count = &mut side[bin % BIN_COUNT];
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Adds the counts of another. They saturate.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        self.grow(other.exponent);
        other.grow(self.exponent);
        let own = self.negative.iter_mut().chain(&mut self.positive);
        for (count, more) in own.zip(other.negative.iter().chain(&other.positive)) {
            *count = count.saturating_add(*more);
        }
    }

    /// The bins below zero that are not empty, in ascending order of their values.
    pub(super) fn bins_below_zero(&self) -> impl Iterator<Item = Bin> {
        bins(&self.negative, self.width()).rev().map(|Bin { low, high, count }| Bin {
            low: -high,
            high: -low,
            count,
        })
    }

    /// The bins above zero that are not empty, in ascending order of their values.
    pub(super) fn bins_above_zero(&self) -> impl Iterator<Item = Bin> {
        bins(&self.positive, self.width())
    }
}

/// The smallest exponent whose power of two is greater than the magnitude of a finite number other than zero.
pub(super) fn exponent_above(value: f32) -> i32 {
    // No `f32` is denormal as `f64`.
    ((f64::from(value).to_bits() >> 52 & 0x7ff) as i32) - 1022
}

/// Exact for the exponents of `f32`.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

fn bins(counts: &[u64], width: f64) -> impl DoubleEndedIterator<Item = Bin> {
    counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(at, &count)| Bin {
        low: at as f64 * width,
        high: (at + 1) as f64 * width,
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_ends_at_the_next_power_of_two() {
        for (value, exponent) in [(1.0, 1), (0.99, 0), (-1.5, 1), (2.0, 2), (f32::MAX, 128), (1e-45, -148)] {
            assert_eq!(exponent_above(value), exponent, "{value}");
            assert!(f64::from(value.abs()) < power_of_two(exponent));
            assert!(f64::from(value.abs()) >= power_of_two(exponent - 1));
        }
    }

    #[test]
    fn growing_equals_starting_larger() {
        let values = [1e-45, -1e-45, 0.3, -0.3, 0.7499, 1.0 - f32::EPSILON, -0.000_123];
        for exponent in [1, 2, 5, 11, 12, 13, 100, 128] {
            let (mut grown, mut larger) = (Histogram::new(0), Histogram::new(exponent));
            grown.record(&values);
            grown.grow(exponent);
            larger.record(&values);
            assert_eq!(grown, larger, "{exponent}");
        }
    }
}
