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

/// The largest number, less than `count`, of first layers of a ranking that passes; 0 if none does. Taken to pass if
/// fewer do and more do not, so that few have to be tried.
///
/// # Errors
/// Those of `passes`.
pub(super) fn largest_passing(count: usize, mut passes: impl FnMut(usize) -> Result<bool>) -> Result<usize> {
    let (mut good, mut bad) = (0, count);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(middle)? { good = middle } else { bad = middle }
    }
    Ok(good)
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

    #[test]
    fn the_largest_number_is_found_with_few_tries() {
        for last in 0..40 {
            let mut tries = 0;
            let found = largest_passing(40, |count| {
                tries += 1;
                assert!(count > 0 && count < 40);
                Ok(count <= last)
            });
            assert_eq!(found.unwrap(), last);
            assert!(tries <= 6);
        }
        assert_eq!(largest_passing(1, |_| unreachable!()).unwrap(), 0);
        assert_eq!(largest_passing(0, |_| unreachable!()).unwrap_or(9), 0);
    }
}
