//! Symmetric signed 8-bit weights with a scale for each channel.

use std::iter;

/// A matrix of whole numbers; a weight is its number times the scale of its channel.
pub(super) struct Int8Matrix {
    /// As many as the weights, in their order.
    pub values: Vec<i8>,
    /// One for each channel, all above zero.
    pub scales: Vec<f32>,
    /// Mean of the errors, as a share of the mean magnitude; 0 if all weights are 0.
    pub mean_error: f64,
    /// Largest error, as a share of the largest magnitude; 0 if all weights are 0.
    pub max_error: f64,
}

impl Int8Matrix {
    /// Quantizes a row-major matrix of finite numbers, a channel being a column. With `reduced`, no two neighbours in a
    /// column add up to more than [`LIMIT`] and a rounding.
    pub fn by_column(weights: &[f32], columns: usize, reduced: bool) -> Self {
        let largest = if reduced { largest_pairs(weights, columns) } else { largest(weights, columns) };
        let scales: Vec<f32> = largest.iter().map(|&largest| scale(largest)).collect();
        let (mut values, mut errors) = (Vec::with_capacity(weights.len()), Errors::default());
        for row in weights.chunks_exact(columns) {
            push_row(&mut values, &mut errors, row, scales.iter().copied());
        }
        Self::new(values, scales, &errors)
    }

    /// The same, a channel being a row of `columns` weights.
    pub fn by_row(weights: &[f32], columns: usize) -> Self {
        let (mut values, mut scales) = (Vec::with_capacity(weights.len()), Vec::new());
        let mut errors = Errors::default();
        for row in weights.chunks_exact(columns) {
            let scale = scale(row.iter().fold(0.0, |largest, weight| largest.max(weight.abs())));
            scales.push(scale);
            push_row(&mut values, &mut errors, row, iter::repeat(scale));
        }
        Self::new(values, scales, &errors)
    }

    fn new(values: Vec<i8>, scales: Vec<f32>, errors: &Errors) -> Self {
        Self { values, scales, mean_error: errors.mean(), max_error: errors.max() }
    }
}

/// Quantizes a row, a scale for each weight.
fn push_row(
    values: &mut Vec<i8>,
    errors: &mut Errors,
    row: &[f32],
    scales: impl Iterator<Item = f32> + Clone,
) {
    let start = values.len();
    values.extend(row.iter().zip(scales.clone()).map(|(&weight, scale)| round(weight, scale)));
    // By itself, because rounding alone is done many at a time.
    for ((&weight, &value), scale) in row.iter().zip(&values[start..]).zip(scales) {
        errors.add(weight, f64::from(value) * f64::from(scale));
    }
}

/// The largest magnitude of each column.
fn largest(weights: &[f32], columns: usize) -> Vec<f32> {
    let mut largest = vec![0.0_f32; columns];
    for row in weights.chunks_exact(columns) {
        largest.iter_mut().zip(row).for_each(|(largest, weight)| *largest = largest.max(weight.abs()));
    }
    largest
}

/// The largest sum, in each column, of the magnitudes of two neighbours of one sign. Products of neighbours are what
/// processors without VNNI add up in 16 bits; which pairs, depends on where a kernel begins, so all are looked at.
fn largest_pairs(weights: &[f32], columns: usize) -> Vec<f32> {
    let (mut sums, first) = (vec![0.0_f32; columns], vec![0.0_f32; columns]);
    let mut upper = first.as_slice();
    for row in weights.chunks_exact(columns) {
        for ((sum, &upper), &weight) in sums.iter_mut().zip(upper).zip(row) {
            let joined =
                if upper.is_sign_positive() == weight.is_sign_positive() { upper.abs() } else { 0.0 };
            *sum = sum.max(weight.abs() + joined);
        }
        upper = row;
    }
    sums
}

/// The largest magnitude of a quantized weight.
const LIMIT: f32 = 127.0;

/// The scale of a channel with this largest magnitude.
fn scale(largest: f32) -> f32 {
    // Two of the largest numbers there are have no sum.
    let scale = largest.min(f32::MAX) / LIMIT;
    // Zero, or so small that dividing by it would overflow: such a channel becomes all zeros.
    if scale.is_normal() { scale } else { 1.0 }
}

/// Adding and taking away this number rounds to a whole one, ties to even: there, neighbouring `f32` are 1 apart.
const ROUNDING: f32 = 12_582_912.0;

fn round(weight: f32, scale: f32) -> i8 {
    (((weight / scale).clamp(-LIMIT, LIMIT) + ROUNDING) - ROUNDING) as i8
}

/// How far a weight is off.
#[derive(Default)]
pub(super) struct Errors {
    sum: f64,
    max: f64,
    weight_sum: f64,
    weight_max: f64,
}

impl Errors {
    /// Takes an element and what it became.
    pub(super) fn add(&mut self, weight: f32, restored: f64) {
        let weight = f64::from(weight);
        let (error, weight) = ((weight - restored).abs(), weight.abs());
        self.sum += error;
        self.max = self.max.max(error);
        self.weight_sum += weight;
        self.weight_max = self.weight_max.max(weight);
    }

    /// Mean of the errors, as a share of the mean magnitude; 0 if all weights are 0.
    pub(super) fn mean(&self) -> f64 {
        share(self.sum, self.weight_sum)
    }

    /// Largest error, as a share of the largest magnitude; 0 if all weights are 0.
    pub(super) fn max(&self) -> f64 {
        share(self.max, self.weight_max)
    }
}

fn share(error: f64, of: f64) -> f64 {
    if of > 0.0 { error / of } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_the_scale_of_its_largest_weight() {
        // Columns: 127 and -64, all zero, too small to divide by.
        let weights = [127.0, 0.0, 1e-44, -64.4, 0.0, 0.0];
        let matrix = Int8Matrix::by_column(&weights, 3, false);
        assert_eq!(matrix.scales, [1.0, 1.0, 1.0]);
        assert_eq!(matrix.values, [127, 0, 0, -64, 0, 0]);
        assert!((matrix.max_error - 0.4 / 127.0).abs() < 1e-6 && matrix.mean_error > 0.0);
        let rows = Int8Matrix::by_row(&[127.0, -64.4, 0.0, 0.0, 1e-44, 0.0], 2);
        assert_eq!((rows.values, rows.scales), (vec![127, -64, 0, 0, 0, 0], vec![1.0; 3]));
    }

    #[test]
    fn neighbours_share_the_reduced_range() {
        // Columns: neighbours of one sign, of two signs, one by itself.
        let weights = [100.0, 127.0, 0.0, 27.0, -127.0, 0.0, -64.0, 0.0, 127.0];
        let matrix = Int8Matrix::by_column(&weights, 3, true);
        assert_eq!(
            (matrix.values, matrix.scales),
            (weights.map(|weight| weight as i8).to_vec(), vec![1.0; 3])
        );
        let halves = Int8Matrix::by_column(&[254.0, 254.0], 1, true);
        assert_eq!((halves.values, halves.scales), (vec![64, 64], vec![4.0]));
        let huge = Int8Matrix::by_column(&[f32::MAX, f32::MAX, 1.0], 1, true);
        assert_eq!(huge.values, [127, 127, 0]);
    }
}
