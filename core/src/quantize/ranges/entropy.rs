//! The range that loses the least information, after S. Migacz, "8-bit Inference with TensorRT", GTC 2017.
//!
//! The magnitudes are counted in 2048 bins. Every number of bins that might be kept is judged: the reference is the
//! kept bins, with what is cut off added to the last; the candidate merges the kept bins into as many levels as there
//! are codes, and spreads each level evenly over those of its bins that are not empty. The candidate nearest to its
//! reference by Kullback-Leibler divergence wins. Zero is left out: every range has a code for it.

use super::histogram::{BIN_COUNT, Histogram};
use super::{ActivationScheme, Range};

/// As in the source.
const MAGNITUDE_BINS: usize = 2048;

/// The best range within the full one, for the values of the histogram.
pub(super) fn range(histogram: &Histogram, full: Range, scheme: ActivationScheme) -> Range {
    let bins = magnitudes(histogram);
    let used = bins.iter().rposition(|count| *count > 0.0).map_or(0, |last| last + 1);
    let total: f64 = bins.iter().sum();
    let levels = levels(full, scheme);
    let mut best = (f64::INFINITY, used);
    for kept in levels..=used {
        let divergence = divergence(&bins[..kept], total, levels);
        if divergence < best.0 {
            best = (divergence, kept);
        }
    }
    let end = best.1 as f64 * histogram.width() * (BIN_COUNT / MAGNITUDE_BINS) as f64;
    Range::around_zero(end as f32).within(full)
}

/// How many codes there are for the magnitudes: half of all, unless the other half is free for them too.
fn levels(full: Range, scheme: ActivationScheme) -> usize {
    let is_one_sided = full.min >= 0.0 || full.max <= 0.0;
    if scheme == ActivationScheme::AsymmetricU8 && is_one_sided { 256 } else { 128 }
}

fn magnitudes(histogram: &Histogram) -> Vec<f64> {
    let both = histogram.negative.iter().zip(&histogram.positive);
    let counts: Vec<f64> = both.map(|(negative, positive)| *negative as f64 + *positive as f64).collect();
    counts.chunks(BIN_COUNT / MAGNITUDE_BINS).map(|pair| pair.iter().sum()).collect()
}

/// The divergence, in nats, of the merged bins from the reference. Infinite if the last bin is empty but has to stand
/// for what is cut off.
fn divergence(kept: &[f64], total: f64, levels: usize) -> f64 {
    let inside: f64 = kept.iter().sum();
    let cut_off = total - inside;
    let last = kept.len() - 1;
    let mut sum = 0.0;
    for level in 0..levels {
        let (start, end) = (level * kept.len() / levels, (level + 1) * kept.len() / levels);
        let bins = &kept[start..end];
        let filled = bins.iter().filter(|count| **count > 0.0).count();
        let candidate = bins.iter().sum::<f64>() / filled as f64 / inside;
        for (at, &count) in (start..).zip(bins) {
            let reference = (count + if at == last { cut_off } else { 0.0 }) / total;
            if reference > 0.0 {
                sum += if count > 0.0 { reference * (reference / candidate).ln() } else { f64::INFINITY };
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_every_bin_has_a_level() {
        assert_eq!(divergence(&[1.0, 2.0, 3.0, 4.0], 10.0, 4), 0.0);
    }

    #[test]
    fn a_known_divergence() {
        // Reference 1/4, 3/4 - the last with one cut off - and a level for both: 1/2, 1/2.
        let expected = 0.25 * (0.5_f64).ln() + 0.75 * (1.5_f64).ln();
        assert!((divergence(&[1.0, 2.0], 4.0, 1) - expected).abs() < 1e-15);
        assert_eq!(divergence(&[1.0, 0.0], 4.0, 1), f64::INFINITY);
    }
}
