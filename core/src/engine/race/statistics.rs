//! The little statistics that a race needs.

/// The value below which a share of the sorted values lies, interpolated between neighbours; 0 if there are none.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The middle of the values; 0 if there are none.
pub(in crate::engine) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// The probability that a fair coin falls on one side at least `wins` times in `count`: the one-sided sign test.
///
/// It supposes nothing of how the differences are distributed, only that rounds are independent: Conover, "Practical
/// Nonparametric Statistics", 3rd edition, section 3.4.
pub(super) fn sign_test(wins: usize, count: usize) -> f64 {
    let mut probability = 0.0;
    let mut term = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    for k in 0..=count {
        if k >= wins {
            probability += term;
        }
        term *= (count - k) as f64 / (k + 1) as f64;
    }
    probability.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.625, 1.0].map(|share| quantile(&sorted, share)),
            [1.0, 2.0, 4.0, 6.0, 16.0]
        );
        assert_eq!(median([3.0, 1.0]), 2.0);
        assert_eq!((quantile(&[], 0.5), median([7.0])), (0.0, 7.0));
    }

    /// Sums of binomial coefficients, calculated in whole numbers elsewhere.
    #[test]
    fn the_sign_test_is_exact() {
        for (wins, count, expected) in [
            (8, 8, 0.003_906_25),
            (13, 15, 0.003_692_626_953),
            (10, 15, 0.150_878_906_25),
            (0, 5, 1.0),
            (19, 24, 0.003_305_375_576),
        ] {
            let found = sign_test(wins, count);
            assert!((found - expected).abs() < 1e-11, "{wins} of {count}: {found}");
        }
    }
}
