//! From samples to the figures that are shown: medians, and ratios against the peer.

use std::cmp::Ordering;

use serde::Serialize;

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Small ones, as of times.
    Lower,
    /// Large ones, as of throughput.
    Higher,
}

impl Better {
    /// The better value is the smaller one in this order.
    pub fn order(self, a: f64, b: f64) -> Ordering {
        match self {
            Self::Lower => a.total_cmp(&b),
            Self::Higher => b.total_cmp(&a),
        }
    }
}

/// The middle value, the lower of two; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// The median of the ratios of each round, in which both were measured one after the other: what slows the machine
/// down for a while slows both.
pub fn ratio(values: &[f64], peer: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = values.iter().zip(peer).map(|(value, peer)| value / peer).collect();
    median(&ratios)
}

/// The ratio of the quartiles on the better side. Neighbours only ever slow a program down, so on a busy machine the
/// quick quarter says more about the program and less about them.
pub fn quiet_ratio(values: &[f64], peer: &[f64], better: Better) -> Option<f64> {
    Some(quick_quartile(values, better)? / quick_quartile(peer, better)?)
}

fn quick_quartile(values: &[f64], better: Better) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| better.order(*a, *b));
    sorted.get(sorted.len().saturating_sub(1) / 4).copied()
}

/// The value that so many in a hundred do not exceed; `None` of nothing.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean of ratios; `None` of nothing.
pub fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    (!ratios.is_empty()).then(|| (logarithms / ratios.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_they_are_called() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.0));
        assert_eq!(median(&[]), None);
        assert_eq!(ratio(&[1.0, 20.0, 3.0], &[2.0, 40.0, 3.0]), Some(0.5));
        assert_eq!(ratio(&[], &[]), None);
        let (values, peer) = ([9.0, 1.0, 7.0, 3.0, 8.0], [6.0, 9.0, 7.0, 8.0, 1.0]);
        assert_eq!(quiet_ratio(&values, &peer, Better::Lower), Some(0.5));
        assert_eq!(quiet_ratio(&values, &peer, Better::Higher), Some(1.0));
        assert_eq!(quiet_ratio(&[1.0], &[], Better::Lower), None);
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99.0), Some(99.0));
        assert_eq!(percentile(&hundred, 50.0), Some(50.0));
        assert_eq!(percentile(&[3.0, 1.0], 99.0), Some(3.0));
        assert_eq!(percentile(&[], 99.0), None);
        assert_eq!(mean(&[1.0, 5.0]), Some(3.0));
        assert_eq!(mean(&[]), None);
        assert!((geometric_mean(&[0.5, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
