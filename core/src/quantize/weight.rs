//! Symmetric signed 8-bit weights with a scale for each channel.

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
    /// Quantizes a row-major matrix of finite numbers, a channel being a column. Numbers go up to `limit`.
    pub fn by_column(weights: &[f32], columns: usize, limit: f32) -> Self {
        let mut largest = vec![0.0_f32; columns];
        for row in weights.chunks_exact(columns) {
            largest.iter_mut().zip(row).for_each(|(largest, weight)| *largest = largest.max(weight.abs()));
        }
        let scales: Vec<f32> = largest.iter().map(|&largest| scale(largest, limit)).collect();
        let mut values = Vec::with_capacity(weights.len());
        for row in weights.chunks_exact(columns) {
            values.extend(row.iter().zip(&scales).map(|(&weight, &scale)| round(weight, scale, limit)));
        }
        let mut errors = Errors::default();
        for (row, values) in weights.chunks_exact(columns).zip(values.chunks_exact(columns)) {
            for ((&weight, &value), &scale) in row.iter().zip(values).zip(&scales) {
                errors.add(weight, f64::from(value) * f64::from(scale));
            }
        }
        Self::new(values, scales, &errors)
    }

    /// The same, a channel being a row of `columns` weights.
    pub fn by_row(weights: &[f32], columns: usize, limit: f32) -> Self {
        let (mut values, mut scales) = (Vec::with_capacity(weights.len()), Vec::new());
        let mut errors = Errors::default();
        for row in weights.chunks_exact(columns) {
            let scale = scale(row.iter().fold(0.0, |largest, weight| largest.max(weight.abs())), limit);
            scales.push(scale);
            for &weight in row {
                let value = round(weight, scale, limit);
                values.push(value);
                errors.add(weight, f64::from(value) * f64::from(scale));
            }
        }
        Self::new(values, scales, &errors)
    }

    fn new(values: Vec<i8>, scales: Vec<f32>, errors: &Errors) -> Self {
        Self { values, scales, mean_error: errors.mean(), max_error: errors.max() }
    }
}

/// The scale of a channel with this largest magnitude.
fn scale(largest: f32, limit: f32) -> f32 {
    let scale = largest / limit;
    // Zero, or so small that dividing by it would overflow: such a channel becomes all zeros.
    if scale.is_normal() { scale } else { 1.0 }
}

/// Adding and taking away this number rounds to a whole one, ties to even: there, neighbouring `f32` are 1 apart.
const ROUNDING: f32 = 12_582_912.0;

fn round(weight: f32, scale: f32, limit: f32) -> i8 {
    (((weight / scale).clamp(-limit, limit) + ROUNDING) - ROUNDING) as i8
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
        let matrix = Int8Matrix::by_column(&weights, 3, 127.0);
        assert_eq!(matrix.scales, [1.0, 1.0, 1.0]);
        assert_eq!(matrix.values, [127, 0, 0, -64, 0, 0]);
        assert!((matrix.max_error - 0.4 / 127.0).abs() < 1e-6 && matrix.mean_error > 0.0);
        let rows = Int8Matrix::by_row(&[127.0, -64.4, 0.0, 0.0, 1e-44, 0.0], 2, 127.0);
        assert_eq!((rows.values, rows.scales), (vec![127, -64, 0, 0, 0, 0], vec![1.0; 3]));
    }

    #[test]
    fn seven_bits_stay_within_sixty_four() {
        let matrix = Int8Matrix::by_row(&[f32::MAX, -f32::MAX, 1.0], 3, 64.0);
        assert_eq!(matrix.values, [64, -64, 0]);
    }
}
