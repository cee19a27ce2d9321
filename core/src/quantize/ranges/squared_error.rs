//! The range with the least mean squared error, by trying ends.

use super::histogram::Bin;
use super::{ActivationScheme, Range, ScaleAndZeroPoint};

/// Each step of the first search cuts the range to 2^(-1/8), down to 2^-10 of all: beyond, bins are too wide to tell.
const COARSE_STEPS: i32 = 80;
const COARSE_PER_OCTAVE: f32 = 8.0;
/// The second search looks around the best of the first, in steps of 2^(-1/64).
const FINE_STEPS: i32 = 8;
const FINE_PER_OCTAVE: f32 = 64.0;
/// How often the two ends of a lopsided range are tried by turns.
const MAX_ROUNDS: usize = 3;

/// The best range within the full one, for values in these bins.
pub(super) fn range(bins: &[Bin], full: Range, scheme: ActivationScheme) -> Range {
    let cut = |low: f32, high: f32| Range { min: full.min * low, max: full.max * high };
    let seen = Seen::of(bins);
    let error = |range: Range| seen.squared_error(range.scale_and_zero_point(scheme), scheme);
    if scheme == ActivationScheme::SymmetricS8 {
        let symmetric = |factor| Range::around_zero(full.magnitude() * factor).within(full);
        return symmetric(best_factor(|factor| error(symmetric(factor))));
    }
    // Both ends at once first: with outliers on both sides, cutting one of them gains little.
    let both = best_factor(|factor| error(cut(factor, factor)));
    let (mut low, mut high) = (both, both);
    if full.min < 0.0 && full.max > 0.0 {
        for _ in 0..MAX_ROUNDS {
            let before = (low, high);
            high = best_factor(|factor| error(cut(low, factor)));
            low = best_factor(|factor| error(cut(factor, high)));
            if (low, high) == before {
                break;
            }
        }
    }
    cut(low, high).within(full)
}

/// The factor, at most 1, with the least error; the largest if several have it.
fn best_factor(error: impl Fn(f32) -> f64) -> f32 {
    let best = |factors: &mut dyn Iterator<Item = f32>| {
        let judged = factors.filter(|factor| *factor <= 1.0).map(|factor| (error(factor), factor));
        judged
            .reduce(|best, next| if next.0 < best.0 { next } else { best })
            .map_or(1.0, |(_, factor)| factor)
    };
    let coarse = best(&mut (0..=COARSE_STEPS).map(|step| (-step as f32 / COARSE_PER_OCTAVE).exp2()));
    best(&mut (-FINE_STEPS..=FINE_STEPS).map(|step| coarse * (-step as f32 / FINE_PER_OCTAVE).exp2()))
}

/// Sums that are added up side by side, so that the processor need not wait for one to add to the next.
const LANES: usize = 8;

/// Adding and taking away this number rounds to a whole one: there, neighbouring `f64` are 1 apart.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// What was seen, as values and how often each occurred; filled up with nothing to a whole number of lanes.
struct Seen {
    values: Vec<[f64; LANES]>,
    counts: Vec<[f64; LANES]>,
}

impl Seen {
    /// Values are taken to be in the middle of their bins.
    fn of(bins: &[Bin]) -> Self {
        let lanes = |of: fn(&Bin) -> f64| -> Vec<[f64; LANES]> {
            let fill = |bins: &[Bin]| std::array::from_fn(|lane| bins.get(lane).map_or(0.0, of));
            bins.chunks(LANES).map(fill).collect()
        };
        Self { values: lanes(|bin| (bin.low + bin.high) / 2.0), counts: lanes(|bin| bin.count as f64) }
    }

    /// The sum of the squared differences between values and their codes.
    ///
    /// That values spread within a bin adds the same to every range, so it is left out.
    fn squared_error(&self, parameters: ScaleAndZeroPoint, scheme: ActivationScheme) -> f64 {
        let (first, last) = scheme.codes();
        let (scale, steps) = (f64::from(parameters.scale), f64::from(last - first));
        let low = f64::from(first - parameters.zero_point) * scale;
        let per_step = 1.0 / scale;
        let mut sums = [0.0; LANES];
        for (values, counts) in self.values.iter().zip(&self.counts) {
            for lane in 0..LANES {
                let place = ((values[lane] - low) * per_step).max(0.0).min(steps);
                let code = (place + ROUNDING) - ROUNDING;
                let difference = values[lane] - (low + code * scale);
                sums[lane] += difference * difference * counts[lane];
            }
        }
        sums.iter().sum()
    }
}
