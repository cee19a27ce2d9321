//! The ends of a row of numbers, and how many of them are special, found in one pass.

use super::Range;

/// Numbers that are looked at side by side, so that the compiler can use vector instructions.
const LANES: usize = 8;

/// What a row of numbers holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Summary {
    /// Of the finite numbers, without -0; `None` if there are none.
    pub range: Option<Range>,
    pub zero_count: usize,
    pub nan_count: usize,
    pub infinite_count: usize,
}

impl Summary {
    pub fn of(values: &[f32]) -> Self {
        let mut lanes = Lanes {
            min: [f32::INFINITY; LANES],
            max: [f32::NEG_INFINITY; LANES],
            zero: [0; LANES],
            nan: [0; LANES],
            infinite: [0; LANES],
        };
        // Each count of a lane stays below 2³².
        let mut sum = Self::default();
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for part in values.chunks(1 << 20) {
            let (rows, rest) = part.as_chunks::<LANES>();
            rows.iter().for_each(|row| lanes.take(row));
            let mut last = [f32::NAN; LANES];
            last[..rest.len()].copy_from_slice(rest);
            lanes.take(&last);
            let count = |lanes: [u32; LANES]| lanes.iter().map(|&count| count as usize).sum::<usize>();
            sum.zero_count += count(std::mem::take(&mut lanes.zero));
            sum.nan_count += count(std::mem::take(&mut lanes.nan)) - (LANES - rest.len());
            sum.infinite_count += count(std::mem::take(&mut lanes.infinite));
        }
        for lane in 0..LANES {
            (min, max) = (min.min(lanes.min[lane]), max.max(lanes.max[lane]));
        }
        // Adding zero makes 0 of -0.
        sum.range = (min <= max).then_some(Range { min: min + 0.0, max: max + 0.0 });
        sum
    }
}

struct Lanes {
    min: [f32; LANES],
    max: [f32; LANES],
    zero: [u32; LANES],
    nan: [u32; LANES],
    infinite: [u32; LANES],
}

impl Lanes {
    fn take(&mut self, row: &[f32; LANES]) {
        for (lane, &value) in row.iter().enumerate() {
            let is_finite = value.abs() < f32::INFINITY;
            // Comparisons instead of `f32::min`, whose rules for NaN cost instructions. NaN never compares.
            let low = if is_finite { value } else { f32::INFINITY };
            let high = if is_finite { value } else { f32::NEG_INFINITY };
            self.min[lane] = if low < self.min[lane] { low } else { self.min[lane] };
            self.max[lane] = if high > self.max[lane] { high } else { self.max[lane] };
            self.zero[lane] += u32::from(value == 0.0);
            self.nan[lane] += u32::from(value.is_nan());
            self.infinite[lane] += u32::from(value.abs() == f32::INFINITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_place_is_seen() {
        for len in 0..40 {
            for special in 0..len {
                let mut values: Vec<f32> = (0..len).map(|at| at as f32 + 1.0).collect();
                values[special] = -7.0;
                let range = |values: &[f32]| Summary::of(values).range.map(|range| (range.min, range.max));
                let last = if special + 1 == len { len - 1 } else { len };
                assert_eq!(range(&values), Some((-7.0, if len == 1 { -7.0 } else { last as f32 })));
                let counts = |value: f32, values: &mut [f32]| {
                    values[special] = value;
                    let summary = Summary::of(values);
                    (summary.zero_count, summary.nan_count, summary.infinite_count)
                };
                assert_eq!(counts(-0.0, &mut values), (1, 0, 0));
                assert_eq!(counts(f32::NAN, &mut values), (0, 1, 0));
                assert_eq!(counts(f32::NEG_INFINITY, &mut values), (0, 0, 1));
            }
        }
        assert_eq!(Summary::of(&[]), Summary::default());
        assert!(Summary::of(&[-0.0]).range.unwrap().min.is_sign_positive());
        assert_eq!(Summary::of(&[f32::NAN, f32::INFINITY]).range, None);
    }
}
