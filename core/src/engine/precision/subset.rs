//! Which layers of a family stay quantized so that a model keeps its budget: those that save the most for the damage.

use crate::Result;

/// What quantizing one layer saves, and what it costs in accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) gain: f64,
    pub(super) damage: f64,
}

/// In which order layers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The most gain for the damage first: the greedy solution of the knapsack problem (Dantzig, "Discrete-Variable
    /// Extremum Problems", Operations Research 5(2), 1957).
    GainForDamage,
    /// The least damage first, whatever they gain: leaves fewer holes in a region whose layers gain by their neighbours.
    Damage,
}

/// The indices of the layers, the ones to take first first.
pub(super) fn ranked(layers: &[Layer], order: Order) -> Vec<usize> {
    let mut ranking: Vec<usize> = (0..layers.len()).collect();
    let key = |at: usize| match order {
        // The smallest damage that can be told from none, so that harmless layers are ranked by what they gain.
        Order::GainForDamage => layers[at].damage.max(1e-9) / layers[at].gain.max(f64::MIN_POSITIVE),
        Order::Damage => layers[at].damage,
    };
    ranking.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    ranking
}

/// Layers of a ranking that pass together, as many as few tries find; none if none does. All of them are known not to.
///
/// First the longest beginning of the ranking, by halving, as if fewer passed where more do. Then, because damages do not
/// quite add up, what comes after the layer that was too much, in halves as long as tries are left.
///
/// # Errors
/// Those of `passes`.
pub(super) fn most_passing(
    ranking: &[usize],
    mut tries: usize,
    mut passes: impl FnMut(&[usize]) -> Result<bool>,
) -> Result<Vec<usize>> {
    let (mut good, mut bad) = (0, ranking.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(&ranking[..middle])? { good = middle } else { bad = middle }
    }
    let mut kept = ranking[..good].to_vec();
    let mut parts = vec![ranking.get(good + 1..).unwrap_or_default()];
    while let Some(part) = parts.pop().filter(|_| tries > 0) {
        if part.is_empty() {
            continue;
        }
        tries -= 1;
        let more: Vec<usize> = kept.iter().chain(part).copied().collect();
        if passes(&more)? {
            kept = more;
        } else if part.len() > 1 {
            let (first, second) = part.split_at(part.len().div_ceil(2));
            parts.extend([second, first]);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [Layer; 4] = [
        Layer { gain: 10.0, damage: 5e-4 },
        Layer { gain: 1.0, damage: 1e-4 },
        Layer { gain: 100.0, damage: 1e-3 },
        Layer { gain: 5.0, damage: 0.0 },
    ];

    #[test]
    fn layers_are_ranked_by_what_they_give_for_what_they_cost() {
        assert_eq!(ranked(&LAYERS, Order::GainForDamage), [3, 2, 0, 1]);
        assert_eq!(ranked(&LAYERS, Order::Damage), [3, 1, 0, 2]);
    }

    /// Layers pass together if their damages, in thousandths, stay within a budget.
    fn most(damages: &[u32], budget: u32, tries: usize) -> (Vec<usize>, usize) {
        let ranking: Vec<usize> = (0..damages.len()).collect();
        let mut count = 0;
        let found = most_passing(&ranking, tries, |layers| {
            count += 1;
            assert!(!layers.is_empty() && layers.len() < damages.len());
            Ok(layers.iter().map(|&at| damages[at]).sum::<u32>() <= budget)
        });
        (found.unwrap(), count)
    }

    #[test]
    fn the_longest_beginning_is_found_with_few_tries() {
        for last in 0..40 {
            let (found, tries) = most(&[10; 40], 10 * last, 0);
            assert_eq!((found.len(), tries <= 6), (last as usize, true));
        }
        assert_eq!(most(&[10], 0, 9), (vec![], 0));
        assert_eq!(most(&[], 0, 9), (vec![], 0));
    }

    #[test]
    fn one_harmful_layer_does_not_keep_the_others_out() {
        let mut damages = [1; 20];
        (damages[4], damages[11]) = (1000, 1000);
        let (found, tries) = most(&damages, 100, 20);
        assert_eq!(found, (0..20).filter(|at| *at != 4 && *at != 11).collect::<Vec<_>>());
        assert!(tries < 16, "{tries}");
        assert!(most(&damages, 100, 1).0.len() >= 4);
    }
}
