//! From samples to the figures that are shown: medians, and ratios against the peer.

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
        assert!((geometric_mean(&[0.5, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
