//! Counts which bins many numbers fall into, without a branch or a wait for any of them.

use super::histogram::BIN_COUNT;

/// Numbers whose bins are found before they are counted, so that the compiler can use vector instructions.
const PART: usize = 1024;
/// From the bins of negative numbers on, and where numbers go that are in no bin.
const NEGATIVE: usize = BIN_COUNT;
const LEFT_OUT: usize = 2 * BIN_COUNT;

/// The numbers of a slice in bins.
pub(super) struct Tally {
    /// Two tables, used in turn: neighbours often fall into one bin, and a processor waits where it counts up what it
    /// has just counted up.
    tables: Vec<[u32; LEFT_OUT + 1]>,
}

impl Tally {
    /// The most numbers that may be counted at once.
    pub(super) const LIMIT: usize = u32::MAX as usize;

    /// Counts the numbers that are finite and not zero. Their magnitudes are inside of the bins; `bins_per_unit` is a
    /// power of two.
    pub(super) fn of(values: &[f32], bins_per_unit: f64) -> Self {
        let mut tables = vec![[0; LEFT_OUT + 1]; 2];
        if let [even, odd] = &mut tables[..] {
            let mut bins = [0; PART];
            for part in values.chunks(PART) {
                find(part, bins_per_unit, &mut bins);
                let (pairs, rest) = bins[..part.len()].as_chunks::<2>();
                for pair in pairs {
                    even[usize::from(pair[0]).min(LEFT_OUT)] += 1;
                    odd[usize::from(pair[1]).min(LEFT_OUT)] += 1;
                }
                rest.iter().for_each(|&bin| even[usize::from(bin).min(LEFT_OUT)] += 1);
            }
        }
        Self { tables }
    }

    /// Adds what was counted. Counts saturate.
    pub(super) fn add_to(&self, positive: &mut [u64], negative: &mut [u64]) {
        for table in &self.tables {
            let both = positive.iter_mut().chain(negative.iter_mut());
            both.zip(table).for_each(|(count, &more)| *count = count.saturating_add(u64::from(more)));
        }
    }
}

/// Finds the bins of as many numbers as there are.
pub(super) fn find(values: &[f32], bins_per_unit: f64, bins: &mut [u16]) {
    const SIGN: u32 = 1 << 31;
    const INFINITY: u32 = f32::INFINITY.to_bits();
    // In the numbers from this one up to its double, the highest bits of the fraction are the whole part of what was
    // added to it.
    const OFFSET: f64 = BIN_COUNT as f64;
    const FRACTION_BITS: u32 = 52 - BIN_COUNT.ilog2();
    for (bin, value) in bins.iter_mut().zip(values) {
        let bits = value.to_bits();
        let magnitude = bits & !SIGN;
        // All ones if the number is zero, infinite or not a number.
        let left_out = 0_u32.wrapping_sub(u32::from(magnitude.wrapping_sub(1) >= INFINITY - 1));
        let place = f64::from(f32::from_bits(magnitude)) * bins_per_unit + OFFSET;
        let whole = (place.to_bits() >> FRACTION_BITS) as u32 & (BIN_COUNT as u32 - 1);
        let side = (bits >> 31) * NEGATIVE as u32;
        *bin = ((whole | side) & !left_out | left_out & LEFT_OUT as u32) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_where_division_says() {
        let magnitudes = [1e-45_f32, 1e-38, 0.124_999_99, 0.125, 0.3, 1.0, 17.3, 255.999_98, 511.999_97];
        for scale in [8.0, 1.0, 2.0_f64.powi(-119), 2.0_f64.powi(160)] {
            let inside = magnitudes.iter().filter(|&&value| f64::from(value) * scale < BIN_COUNT as f64);
            for &value in inside {
                let expected = (f64::from(value) * scale).floor() as u16;
                let mut bins = [0; 2];
                find(&[value, -value], scale, &mut bins);
                assert_eq!(bins, [expected, expected + NEGATIVE as u16], "{value} {scale}");
            }
            let mut bins = [0; 5];
            find(&[0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY], scale, &mut bins);
            assert_eq!(bins, [LEFT_OUT as u16; 5]);
        }
    }

    #[test]
    fn all_are_counted() {
        for len in [0, 1, PART, 3 * PART + 7] {
            let values: Vec<f32> = (0..len).map(|at| (at as f32 - 900.0) * 0.25).collect();
            let (mut positive, mut negative) = (vec![0; BIN_COUNT], vec![0; BIN_COUNT]);
            Tally::of(&values, 1.0).add_to(&mut positive, &mut negative);
            for (sign, counts) in [(1.0, positive), (-1.0, negative)] {
                for (bin, count) in counts.into_iter().enumerate() {
                    let is_in =
                        |value: &&f32| **value * sign > 0.0 && (**value * sign).floor() as usize == bin;
                    assert_eq!(count, values.iter().filter(is_in).count() as u64, "{len} {bin}");
                }
            }
        }
    }
}
