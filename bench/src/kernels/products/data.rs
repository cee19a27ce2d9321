//! What is multiplied, and what has to come out.

/// How alike a row has to be to the exact one; 8-bit integers are the worst.
const LEAST_COSINE: f64 = 0.999;

/// Numbers from -1 to 1 that look random and are the same every time.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // Xorshift, of 64 bits.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A row times the weights [K, N] plus the bias, in double precision.
pub fn exact(row: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f64> {
    let mut sums: Vec<f64> = bias.iter().copied().map(f64::from).collect();
    for (value, weights) in row.iter().zip(weights.chunks(bias.len())) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += f64::from(*value) * f64::from(*weight);
        }
    }
    sums
}

/// Why a row is not the exact one; `None` if it is near enough.
pub fn problem_of(row: &[f32], exact: &[f64]) -> Option<String> {
    let product = |a: &dyn Fn(usize) -> f64, b: &dyn Fn(usize) -> f64| {
        (0..exact.len()).map(|at| a(at) * b(at)).sum::<f64>()
    };
    let (own, wanted) = (|at: usize| f64::from(row[at]), |at: usize| exact[at]);
    let lengths = product(&own, &own).sqrt() * product(&wanted, &wanted).sqrt();
    let cosine = product(&own, &wanted) / lengths;
    // Not a number is like nothing.
    (cosine.is_nan() || cosine < LEAST_COSINE).then(|| format!("computes something else: cosine {cosine:.5}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_and_repeatable() {
        let numbers_of = |seed| numbers(10_000, seed);
        let all = numbers_of(1);
        assert!(all == numbers_of(1) && all != numbers_of(2));
        assert!(all.iter().all(|number| (-1.0..=1.0).contains(number)));
        let mean = all.iter().sum::<f32>() / 1e4;
        assert!(mean.abs() < 0.05, "{mean}");
    }

    #[test]
    fn what_is_wrong_is_seen() {
        let (weights, bias) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, 0.0, -1.0]);
        let exact = exact(&[2.0, -1.0], &weights, &bias);
        assert_eq!(exact, [-1.5, -1.0, -1.0]);
        assert_eq!(problem_of(&[-1.5, -1.0, -1.001], &exact), None);
        assert!(problem_of(&[-1.5, -1.0, 1.0], &exact).is_some());
        assert!(problem_of(&[-1.5, f32::NAN, -1.0], &exact).is_some());
    }
}
