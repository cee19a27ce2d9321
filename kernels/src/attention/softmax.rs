//! Scores of the rows of a tile become weights that are not divided by their sum yet.

use super::inputs::MaskRow;
use super::numbers::{COLUMNS, Numbers};
use crate::isa::{MAX_ROWS, Micro};

/// Numbers of a row that are side by side: tiles are this wide.
pub(super) const WIDTH: usize = 48;
const PANELS: usize = WIDTH / COLUMNS;

/// Sixteen numbers of each row, to be made one.
pub(super) type Lanes = [[f32; COLUMNS]; MAX_ROWS];

/// Below this, `exp` is no normal number; it is 0 here.
const LOWEST: f32 = -87.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// Adding it rounds to a whole number, which then is the low bits, with the exponent's bias.
const ROUND: f32 = 12_582_912.0 + 127.0;
/// `ln(2)` as a number of few bits, so that products with whole numbers are exact, and the rest.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

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

/// Where the scores of one panel after the other begin: 48 numbers at every `pitch`, as tiles leave them.
struct Places {
    at: usize,
    panel: usize,
    pitch: usize,
}

impl Places {
    #[inline(always)]
    const fn new(pitch: usize) -> Self {
        Self { at: 0, panel: 0, pitch }
    }

    #[inline(always)]
    const fn next(&mut self) -> usize {
        let at = self.at;
        self.panel += 1;
        self.at += COLUMNS;
        if self.panel == PANELS {
            (self.panel, self.at) = (0, self.at + self.pitch - WIDTH);
        }
        at
    }
}

// No closures in loops here: they are functions of their own, compiled without the instructions of the caller. And loops
// read from and write to copies of 16 numbers, so that the compiler need not know that slices are apart.

#[inline(always)]
fn panel(scores: &mut [f32], at: usize) -> &mut [f32; COLUMNS] {
    scores[at..].first_chunk_mut().expect("16 scores of each panel")
}

/// Adds the mask to the scores of a row, and hides those behind the keys that are seen, up to the end of the last panel:
/// they become `-inf`. The largest score of each column of panels goes to `lanes`; NaN does not count.
#[inline(always)]
pub(super) fn prepare(
    scores: &mut [f32],
    pitch: usize,
    panels: usize,
    visible: usize,
    mask: MaskRow<'_>,
    lanes: &mut [f32; COLUMNS],
) {
    let mut largest = [f32::NEG_INFINITY; COLUMNS];
    let mut places = Places::new(pitch);
    let whole = visible / COLUMNS;
    match mask {
        MaskRow::None => {
            for _ in 0..whole {
                let scores = *panel(scores, places.next());
                for column in 0..COLUMNS {
                    largest[column] = larger(largest[column], scores[column]);
                }
            }
        }
        MaskRow::All(value) => {
            for _ in 0..whole {
                let place = panel(scores, places.next());
                let mut scores = *place;
                for column in 0..COLUMNS {
                    scores[column] += value;
                    largest[column] = larger(largest[column], scores[column]);
                }
                *place = scores;
            }
        }
        MaskRow::Each(values) => {
            for values in values.as_chunks::<COLUMNS>().0.iter().take(whole) {
                let place = panel(scores, places.next());
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
        let place = panel(scores, places.next());
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
    *lanes = largest;
}

/// Of each row the largest number.
#[inline(always)]
pub(super) fn maxima(lanes: &Lanes) -> [f32; MAX_ROWS] {
    let mut maxima = [0.0; MAX_ROWS];
    for (maximum, lanes) in maxima.iter_mut().zip(lanes) {
        *maximum = fold!(lanes, larger);
    }
    maxima
}

/// Of each row the sum.
#[inline(always)]
pub(super) fn sums(lanes: &Lanes) -> [f32; MAX_ROWS] {
    let mut sums = [0.0; MAX_ROWS];
    for (sum, lanes) in sums.iter_mut().zip(lanes) {
        *sum = fold!(lanes, |a: f32, b: f32| a + b);
    }
    sums
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Writes `exp(score - maximum)` for each number of `weights`, whole panels of them. The sums of each column of panels
/// go to `lanes`; if a score is NaN or `+inf` or all are `-inf`, there is NaN among them.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn exponentials<M: Micro, N: Numbers>(
    scores: &mut [f32],
    pitch: usize,
    maximum: f32,
    weights: &mut [N::Number],
    lanes: &mut [f32; COLUMNS],
) {
    let mut sums = [0.0_f32; COLUMNS];
    let mut places = Places::new(pitch);
    for weights in weights.as_chunks_mut::<COLUMNS>().0 {
        let (scores, mut powers) = (*panel(scores, places.next()), [0.0; COLUMNS]);
        for column in 0..COLUMNS {
            powers[column] = exponential::<M, N>(scores[column] - maximum);
            sums[column] += powers[column];
        }
        // SAFETY: the caller's promise.
        *weights = unsafe { N::round::<M>(&powers) };
    }
    *lanes = sums;
}

#[inline(always)]
fn fma<M: Micro>(a: f32, b: f32, c: f32) -> f32 {
    if M::FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `exp(x)` for `x <= 0`, or NaN.
#[inline(always)]
fn exponential<M: Micro, N: Numbers>(x: f32) -> f32 {
    let shifted = fma::<M>(x, LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let rest = if M::FMA {
        fma::<M>(whole, -std::f32::consts::LN_2, x)
    } else {
        (x - whole * LN_2_HIGH) - whole * LN_2_LOW
    };
    let mut sum = N::EXPONENTIAL[0];
    for &coefficient in &N::EXPONENTIAL[1..] {
        sum = fma::<M>(sum, rest, coefficient);
    }
    // A product, not a sum of the exponents: NaN has to stay NaN.
    let power = f32::from_bits(shifted.to_bits() << 23);
    let value = fma::<M>(sum, rest, 1.0) * power;
    if x < LOWEST { 0.0 } else { value }
}
