//! Rounding of weights by what it does to the product, not to each weight alone.
//!
//! Frantar, Ashkboos, Hoefler and Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
//! Transformers", ICLR 2023: weights are rounded one row after the other, and what one row is off is made up for by those
//! that are not rounded yet. With `H = R Rᵀ`, `R` upper triangular, that is Babai's nearest plane: row `c` becomes
//! `round(w_c - Σ_{b<c} R[b,c] e_b / R[c,c])`, where `e_b` is how far row `b` was moved. So no inverse is needed.

use super::Gram;

/// What is added to the diagonal at least, as a share of its mean, so that channels that are always alike do no harm.
/// GPTQ's own, which has a hundred rows and more for each channel.
const LEAST_DAMPING: f64 = 0.01;
/// The same for as many rows as channels. With few rows channels seem to go together that do not, so the share is in
/// proportion to channels for each row, as is how far Ledoit and Wolf ("A well-conditioned estimator for
/// large-dimensional covariance matrices", 2004) shrink such a matrix towards its diagonal.
const DAMPING: f64 = 0.25;
/// The largest code.
const LARGEST: f32 = 127.0;

/// The codes of weights of `channels x columns`, row-major, with a scale for each column.
///
/// Channels of `left_out` get the code 0 and have no part in it. Gives nothing if the Gram matrix has seen no rows, is of
/// another number of channels, or cannot be decomposed; then weights are rounded one by one.
pub fn gptq_codes(weights: &[f32], scales: &[f32], gram: &Gram, left_out: &[usize]) -> Option<Vec<i8>> {
    let columns = scales.len();
    let is_usable = gram.row_count() > 0 && columns > 0 && weights.len() == gram.channel_count() * columns;
    if !is_usable || scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0)) {
        return None;
    }
    let order = order(gram, left_out);
    let factor = factor(gram, &order)?;
    let mut codes = vec![0_i8; weights.len()];
    // How far each row was moved, in the order of rounding.
    let mut moved = vec![0.0_f32; order.len() * columns];
    let mut wanted = vec![0.0_f32; columns];
    for (step, &channel) in order.iter().enumerate() {
        let row = channel * columns..(channel + 1) * columns;
        wanted.copy_from_slice(&weights[row.clone()]);
        let (done, rest) = moved.split_at_mut(step * columns);
        for (earlier, moved) in done.chunks_exact(columns).enumerate() {
            let share = (factor.at(earlier, step) / factor.at(step, step)) as f32;
            wanted.iter_mut().zip(moved).for_each(|(wanted, moved)| *wanted -= share * moved);
        }
        let own = rest[..columns].iter_mut().zip(&weights[row.clone()]);
        for (((code, wanted), scale), (moved, weight)) in
            codes[row].iter_mut().zip(&wanted).zip(scales).zip(own)
        {
            let rounded = (wanted / scale).round_ties_even().clamp(-LARGEST, LARGEST);
            *code = rounded as i8;
            *moved = rounded * scale - weight;
        }
    }
    Some(codes)
}

/// Channels with the largest activations first: what they are off, the others can make up for.
fn order(gram: &Gram, left_out: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..gram.channel_count()).filter(|channel| !left_out.contains(channel)).collect();
    order.sort_by(|&a, &b| gram.sum(b, b).total_cmp(&gram.sum(a, a)));
    order
}

/// An upper triangular matrix, row-major.
struct Factor {
    size: usize,
    numbers: Vec<f64>,
}

impl Factor {
    fn at(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.size + column]
    }
}

/// `R` of `H = R Rᵀ`: Cholesky's decomposition from the last row to the first, so that sums run along rows.
fn factor(gram: &Gram, order: &[usize]) -> Option<Factor> {
    let size = order.len();
    let diagonal: f64 = order.iter().map(|&channel| f64::from(gram.sum(channel, channel))).sum();
    let share = (DAMPING * size as f64 / gram.row_count() as f64).clamp(LEAST_DAMPING, 1.0);
    let damping = share * diagonal / size.max(1) as f64;
    if damping.is_nan() || damping <= 0.0 {
        return None;
    }
    let mut factor = Factor { size, numbers: vec![0.0; size * size] };
    for column in (0..size).rev() {
        let (above, own) = factor.numbers.split_at_mut(column * size);
        let own = &mut own[..size];
        let behind = column + 1;
        let square =
            f64::from(gram.sum(order[column], order[column])) + damping - dot(&own[behind..], &own[behind..]);
        if !(square.is_finite() && square > 0.0) {
            return None;
        }
        let root = square.sqrt();
        own[column] = root;
        for (row, above) in above.chunks_exact_mut(size).enumerate() {
            let sum = f64::from(gram.sum(order[row], order[column]));
            above[column] = (sum - dot(&above[behind..], &own[behind..])) / root;
        }
    }
    Some(factor)
}

/// In several sums at once, which can be added up side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn numbers(seed: u64, count: usize) -> Vec<f32> {
        let mut random = Random::new(seed);
        (0..count).map(|_| (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    /// Rows whose channels go together: each is a mixture of the same few numbers.
    fn activations(rows: usize, channels: usize) -> Vec<f32> {
        let (hidden, mix) = (numbers(1, rows * 6), numbers(2, 6 * channels));
        let noise = numbers(3, rows * channels);
        let element = |at: usize| {
            let (row, channel) = (at / channels, at % channels);
            let mixed: f32 = (0..6).map(|h| hidden[row * 6 + h] * mix[h * channels + channel]).sum();
            mixed + 0.1 * noise[at]
        };
        (0..rows * channels).map(element).collect()
    }

    fn squared_error(x: &[f32], weights: &[f32], codes: &[i8], scales: &[f32], channels: usize) -> f64 {
        let columns = scales.len();
        let mut error = 0.0;
        for row in x.chunks_exact(channels) {
            for (column, scale) in scales.iter().enumerate() {
                let off = |k: usize| {
                    let at = k * columns + column;
                    f64::from(row[k]) * f64::from(f32::from(codes[at]) * scale - weights[at])
                };
                error += (0..channels).map(off).sum::<f64>().powi(2);
            }
        }
        error
    }

    #[test]
    fn products_are_nearer_than_with_weights_rounded_one_by_one() {
        let (rows, channels, columns) = (200, 40, 9);
        let (x, weights) = (activations(rows, channels), numbers(4, channels * columns));
        let scales = vec![0.2; columns];
        let mut gram = Gram::new(channels);
        gram.observe(&x);
        let codes = gptq_codes(&weights, &scales, &gram, &[]).unwrap();
        let nearest: Vec<i8> = weights.iter().map(|weight| (weight / 0.2).round_ties_even() as i8).collect();
        let error = |codes: &[i8]| squared_error(&x, &weights, codes, &scales, channels);
        assert!(error(&codes) < 0.5 * error(&nearest), "{} {}", error(&codes), error(&nearest));
        assert!(codes.iter().zip(&nearest).all(|(code, nearest)| (code - nearest).abs() <= 3));
    }

    /// Of as many rows as channels, channels that are independent seem to go together. With the damping of many rows, errors
    /// of products with other rows would be 2.7 times those of weights that are rounded one by one.
    #[test]
    fn few_rows_do_not_mislead_much() {
        let (channels, columns) = (40, 9);
        let (x, weights) = (numbers(5, 440 * channels), numbers(4, channels * columns));
        let (learned, others) = x.split_at(40 * channels);
        let scales = vec![0.2; columns];
        let mut gram = Gram::new(channels);
        gram.observe(learned);
        let codes = gptq_codes(&weights, &scales, &gram, &[]).unwrap();
        let nearest: Vec<i8> = weights.iter().map(|weight| (weight / 0.2).round_ties_even() as i8).collect();
        let error = |codes: &[i8]| squared_error(others, &weights, codes, &scales, channels);
        assert!(error(&codes) < 1.6 * error(&nearest), "{} {}", error(&codes), error(&nearest));
    }

    #[test]
    fn channels_that_do_not_go_together_are_rounded_to_the_nearest() {
        let mut gram = Gram::new(3);
        gram.observe(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0]);
        let weights = [0.26, -0.9, 0.74, 3.0, 100.0, -100.0];
        let codes = gptq_codes(&weights, &[0.5, 0.5], &gram, &[]).unwrap();
        assert_eq!(codes, [1, -2, 1, 6, 127, -127]);
        assert_eq!(gptq_codes(&weights, &[0.5, 0.5], &gram, &[1]).unwrap(), [1, -2, 0, 0, 127, -127]);
    }

    #[test]
    fn what_cannot_be_used_gives_nothing() {
        let mut gram = Gram::new(2);
        assert_eq!(gptq_codes(&[1.0, 1.0], &[1.0], &gram, &[]), None);
        gram.observe(&[0.0, 0.0]);
        assert_eq!(gptq_codes(&[1.0, 1.0], &[1.0], &gram, &[]), None);
        gram.observe(&[1.0, 1.0]);
        assert!(gptq_codes(&[1.0, 1.0], &[1.0], &gram, &[]).is_some());
        assert_eq!(gptq_codes(&[1.0, 1.0], &[0.0], &gram, &[]), None);
        assert_eq!(gptq_codes(&[1.0], &[1.0], &gram, &[]), None);
        assert_eq!(gptq_codes(&[1.0, 1.0], &[1.0], &gram, &[0, 1]), None);
    }
}
