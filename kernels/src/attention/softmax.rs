//! Scores of the rows of a tile become weights that are not divided by their sum yet.

use super::inputs::MaskRow;
use super::numbers::{COLUMNS, Numbers};
use crate::isa::Micro;
use crate::math::fma;

/// Numbers of a row that are side by side: tiles are this wide.
pub(super) const WIDTH: usize = 48;
const PANELS: usize = WIDTH / COLUMNS;

/// Below this, `2^x` is no normal number; it is 0 here.
const LOWEST: f32 = -126.0;
/// Adding it rounds to a whole number, which then is the low bits, with the exponent's bias.
const ROUND: f32 = 12_582_912.0 + 127.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;

/// All 16 lanes as one, by halves. Written out: with a loop over the halves the lanes would be kept in memory.
macro_rules! fold {
    ($lanes:expr, $with:expr) => {{
        let (lanes, with) = ($lanes, $with);
        let (mut eight, mut four) = ([0.0_f32; 8], [0.0_f32; 4]);
        for at in 0..8 {
            eight[at] = with(lanes[at], lanes[at + 8]);
        }
        for at in 0..4 {
            four[at] = with(eight[at], eight[at + 4]);
        }
        with(with(four[0], four[2]), with(four[1], four[3]))
    }};
}

// No closures in loops here: they are functions of their own, compiled without the instructions of the caller. And loops
// read from and write to copies of 16 numbers, so that the compiler need not know that slices are apart.

/// The scores of a row, panel by panel: tiles leave 48 numbers at every `pitch`.
pub(super) struct Row<'a> {
    pub scores: &'a mut [f32],
    pub pitch: usize,
}

impl Row<'_> {
    #[inline(always)]
    fn panel(&mut self, panel: usize) -> &mut [f32; COLUMNS] {
        let at = panel / PANELS * self.pitch + panel % PANELS * COLUMNS;
        self.scores[at..].first_chunk_mut().expect("16 scores of each panel")
    }

    /// Three panels side by side.
    #[inline(always)]
    fn chunk(&mut self, chunk: usize) -> &mut [[f32; COLUMNS]; PANELS] {
        let chunk = &mut self.scores[chunk * self.pitch..][..WIDTH];
        chunk.as_chunks_mut().0.first_chunk_mut().expect("48 scores")
    }
}

/// Adds the mask to the scores of a row, and hides those behind the keys that are seen, up to the end of the last panel:
/// they become `-inf`. Gives the largest score; NaN does not count.
#[inline(always)]
pub(super) fn prepare(row: &mut Row<'_>, panels: usize, visible: usize, mask: MaskRow<'_>) -> f32 {
    let mut largest = [f32::NEG_INFINITY; COLUMNS];
    let whole = visible / COLUMNS;
    match mask {
        MaskRow::None => {
            let mut others = [[f32::NEG_INFINITY; COLUMNS]; PANELS];
            for chunk in 0..whole / PANELS {
                let scores = *row.chunk(chunk);
                for panel in 0..PANELS {
                    for column in 0..COLUMNS {
                        others[panel][column] = larger(others[panel][column], scores[panel][column]);
                    }
                }
            }
            for at in whole / PANELS * PANELS..whole {
                let scores = *row.panel(at);
                for column in 0..COLUMNS {
                    largest[column] = larger(largest[column], scores[column]);
                }
            }
            for others in others {
                for column in 0..COLUMNS {
                    largest[column] = larger(largest[column], others[column]);
                }
            }
        }
        MaskRow::All(value) => {
            for at in 0..whole {
                let place = row.panel(at);
                let mut scores = *place;
                for column in 0..COLUMNS {
                    scores[column] += value;
                    largest[column] = larger(largest[column], scores[column]);
                }
                *place = scores;
            }
        }
        MaskRow::Each(values) => {
            for (at, values) in values.as_chunks::<COLUMNS>().0.iter().enumerate().take(whole) {
                let place = row.panel(at);
                let (mut scores, values) = (*place, *values);
                for column in 0..COLUMNS {
                    scores[column] += values[column];
                    largest[column] = larger(largest[column], scores[column]);
                }
                *place = scores;
            }
        }
    }
    for at in whole..panels {
        let place = row.panel(at);
        let (scores, mut masked) = (*place, [f32::NEG_INFINITY; COLUMNS]);
        for column in 0..COLUMNS.min(visible.saturating_sub(at * COLUMNS)) {
            masked[column] = scores[column]
                + match mask {
                    MaskRow::None => 0.0,
                    MaskRow::All(value) => value,
                    MaskRow::Each(values) => values[at * COLUMNS + column],
                };
        }
        for column in 0..COLUMNS {
            largest[column] = larger(largest[column], masked[column]);
        }
        *place = masked;
    }
    fold!(&largest, larger)
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Writes `exp(score - maximum)` for each number of `weights`, whole panels of them. Gives their sum; if a score is NaN or
/// `+inf` or all are `-inf`, it is NaN.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn exponentials<M: Micro, N: Numbers>(
    row: &mut Row<'_>,
    maximum: f32,
    weights: &mut [N::Number],
) -> f32 {
    let mut sums = [[0.0_f32; COLUMNS]; PANELS];
    let (weights, _) = weights.as_chunks_mut::<COLUMNS>();
    let (chunks, rest) = weights.as_chunks_mut::<PANELS>();
    let first = chunks.len() * PANELS;
    for (at, weights) in chunks.iter_mut().enumerate() {
        let scores = *row.chunk(at);
        for panel in 0..PANELS {
            let powers = powers::<M, N>(&scores[panel], maximum);
            for column in 0..COLUMNS {
                sums[panel][column] += powers[column];
            }
            // SAFETY: the caller's promise.
            weights[panel] = unsafe { N::round::<M>(&powers) };
        }
    }
    for (at, weights) in rest.iter_mut().enumerate() {
        let powers = powers::<M, N>(row.panel(first + at), maximum);
        for column in 0..COLUMNS {
            sums[at][column] += powers[column];
        }
        // SAFETY: the caller's promise.
        *weights = unsafe { N::round::<M>(&powers) };
    }
    let mut total = [0.0; COLUMNS];
    for column in 0..COLUMNS {
        total[column] = sums[0][column] + sums[1][column] + sums[2][column];
    }
    fold!(&total, |a: f32, b: f32| a + b)
}

#[inline(always)]
fn powers<M: Micro, N: Numbers>(scores: &[f32; COLUMNS], maximum: f32) -> [f32; COLUMNS] {
    let mut powers = [0.0; COLUMNS];
    for column in 0..COLUMNS {
        powers[column] = power::<M, N>((scores[column] - maximum) * LOG2_E);
    }
    powers
}

/// `2^x` for `x <= 0`, or NaN.
#[inline(always)]
fn power<M: Micro, N: Numbers>(x: f32) -> f32 {
    let shifted = x + ROUND;
    let rest = x - (shifted - ROUND);
    let mut sum = N::POWER[0];
    for &coefficient in &N::POWER[1..] {
        sum = fma::<M>(sum, rest, coefficient);
    }
    // A product, not a sum of the exponents: NaN has to stay NaN.
    let power = f32::from_bits(shifted.to_bits() << 23);
    let value = fma::<M>(sum, rest, 1.0) * power;
    if x < LOWEST { 0.0 } else { value }
}
