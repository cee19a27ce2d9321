//! Which samples are for calibration, which for choosing, and which only for the verdict.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::{Error, Result};

/// The fewest samples that can be divided.
const FEWEST_SAMPLES: usize = 4;
/// More samples than these teach nothing new that would be worth the time.
const MOST_CALIBRATION: usize = 128;
const MOST_SELECTION: usize = 48;
const MOST_VERIFICATION: usize = 256;

/// Which samples are for what, by their indices in ascending order; none is in two of the lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// To learn the ranges of activations from.
    pub calibration: Vec<usize>,
    /// To choose between candidates by.
    pub selection: Vec<usize>,
    /// Only to judge what was chosen.
    pub verification: Vec<usize>,
}

impl Division {
    /// Divides so many samples by chance: two fifths to learn ranges, three tenths each to choose and to verify.
    ///
    /// # Errors
    /// `invalid_argument` if there are too few.
    pub fn of(count: usize, seed: u64) -> Result<Self> {
        if count < FEWEST_SAMPLES {
            let reason = format!(
                "{count} are too few: at least {FEWEST_SAMPLES} are needed, 32 or more are better, because those that \
                 ranges are learned from, that candidates are chosen by and that the choice is verified with are kept \
                 apart"
            );
            return Err(Error::invalid_argument("samples", reason));
        }
        let mut order: Vec<usize> = (0..count).collect();
        Random::new(seed).shuffle(&mut order);
        let judged = (count * 3 / 10).max(1);
        let mut rest = order.into_iter();
        let mut take = |wanted: usize, most: usize| {
            let mut taken: Vec<usize> = rest.by_ref().take(wanted).take(most).collect();
            // In the order of the samples, which is that of files.
            taken.sort_unstable();
            taken
        };
        let verification = take(judged, MOST_VERIFICATION);
        let selection = take(judged, MOST_SELECTION);
        let calibration = take(count, MOST_CALIBRATION);
        Ok(Self { calibration, selection, verification })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_sample_is_used_twice_and_each_part_has_some() {
        for count in [4, 5, 9, 10, 33, 100, 5000] {
            let division = Division::of(count, 7).unwrap();
            let parts = [&division.calibration, &division.selection, &division.verification];
            let all: BTreeSet<usize> = parts.into_iter().flatten().copied().collect();
            assert_eq!(all.len(), parts.iter().map(|part| part.len()).sum::<usize>());
            assert!(parts.iter().all(|part| !part.is_empty()) && all.iter().all(|at| *at < count), "{count}");
            assert!(all.len() == count || count > 300, "{count}");
        }
        let error = Division::of(3, 0).unwrap_err().to_string();
        assert!(error.contains("samples") && error.contains("at least 4"), "{error}");
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(Division::of(40, 1).unwrap(), Division::of(40, 1).unwrap());
        assert_ne!(Division::of(40, 1).unwrap(), Division::of(40, 2).unwrap());
    }
}
