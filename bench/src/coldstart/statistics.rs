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

/// The ratio of the lower quartiles. Neighbours only ever slow a program down, so on a busy machine the quick quarter
/// says more about the program and less about them.
pub fn quiet_ratio(values: &[f64], peer: &[f64]) -> Option<f64> {
    Some(lower_quartile(values)? / lower_quartile(peer)?)
}

fn lower_quartile(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 4).copied()
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
        assert_eq!(quiet_ratio(&[9.0, 1.0, 7.0, 3.0, 8.0], &[6.0, 9.0, 7.0, 8.0, 1.0]), Some(0.5));
        assert_eq!(quiet_ratio(&[1.0], &[]), None);
        assert!((geometric_mean(&[0.5, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
