//! Whether a candidate that won the heats is really faster than the default: the decision that must not err.

use super::statistics::{median, sign_test};

/// What a candidate has to show in the final.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar<'a> {
    /// It has to be faster by this share.
    pub(super) margin: f64,
    /// How probable chance may be as an explanation.
    pub(super) significance: f64,
    /// What the default is called.
    pub(super) default_name: &'a str,
}

/// One round of the final: lower quartile, median and upper quartile of the candidate and of the default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) candidate: [f64; 3],
    pub(super) default: [f64; 3],
}

impl Pair {
    fn ratio(&self, quartile: usize) -> f64 {
        self.candidate[quartile] / self.default[quartile]
    }
}

/// What the final showed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    /// The candidate's median as a share of the default's; the middle over all rounds.
    pub(super) ratio: f64,
    /// Rounds in which it was faster by the margin.
    pub(super) win_count: usize,
    pub(super) round_count: usize,
    /// Why it does not win, if it does not.
    pub(super) objection: Option<String>,
}

const LOWER: usize = 0;
const MEDIAN: usize = 1;
const UPPER: usize = 2;

/// Judges the blocks of a final. Each block had sessions of its own, because how a session happens to lie in memory can
/// make it faster or slower for as long as it lives: a candidate has to win in every block.
pub(super) fn judge(blocks: &[Vec<Pair>], bar: Bar<'_>) -> Judgement {
    let rounds: Vec<Pair> = blocks.iter().flatten().copied().collect();
    let middle = |pairs: &[Pair], quartile| median(pairs.iter().map(|pair| pair.ratio(quartile)));
    let bound = 1.0 - bar.margin;
    let win_count = rounds.iter().filter(|pair| pair.ratio(MEDIAN) < bound).count();
    let percent = bar.margin * 100.0;
    let objection = if sign_test(win_count, rounds.len()) > bar.significance {
        let count = rounds.len();
        Some(format!(
            "faster by {percent} % in {win_count} of {count} rounds of the final, which may be chance"
        ))
    } else if blocks.iter().any(|block| middle(block, MEDIAN) >= bound) {
        Some(format!("not faster by {percent} % with each of {} pairs of sessions", blocks.len()))
    } else if middle(&rounds, LOWER) >= bound {
        Some(format!("its lower quartile is not faster by {percent} %"))
    } else if middle(&rounds, UPPER) >= 1.0 {
        Some(format!("its upper quartile is slower than {}'s", bar.default_name))
    } else {
        None
    };
    Judgement { ratio: middle(&rounds, MEDIAN), win_count, round_count: rounds.len(), objection }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: Bar<'_> = Bar { margin: 0.03, significance: 0.005, default_name: "the default" };

    fn blocks(ratios: [[f64; 3]; 3], rounds: usize) -> Vec<Vec<Pair>> {
        let default = [90.0, 100.0, 120.0];
        let pair = |ratios: [f64; 3]| Pair {
            candidate: [0, 1, 2].map(|quartile| default[quartile] * ratios[quartile]),
            default,
        };
        ratios.map(|ratios| vec![pair(ratios); rounds]).to_vec()
    }

    fn objection(ratios: [[f64; 3]; 3], rounds: usize) -> String {
        judge(&blocks(ratios, rounds), BAR).objection.unwrap_or_default()
    }

    #[test]
    fn every_bar_has_to_be_taken() {
        let good = [0.9, 0.9, 0.95];
        let won = judge(&blocks([good; 3], 5), BAR);
        assert_eq!((won.win_count, won.round_count, won.objection), (15, 15, None));
        assert!((won.ratio - 0.9).abs() < 1e-12);
        assert!(objection([good; 3], 2).contains("6 of 6 rounds"));
        assert!(objection([[0.98; 3]; 3], 8).contains("0 of 24 rounds"));
        assert!(objection([good, good, [0.9, 0.971, 0.95]], 5).contains("10 of 15 rounds"));
        let mut late = blocks([good; 3], 20);
        late[2].truncate(5);
        late[2].iter_mut().for_each(|pair| pair.candidate = [81.0, 99.0, 110.0]);
        assert!(judge(&late, BAR).objection.unwrap().contains("3 pairs of sessions"));
        assert!(objection([[0.98, 0.9, 0.95]; 3], 5).contains("lower quartile"));
        assert!(objection([[0.9, 0.9, 1.2]; 3], 5).contains("upper quartile"));
    }
}
