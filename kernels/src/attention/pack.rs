//! Keys and values of one head as panels.

use std::array::from_fn;

use super::inputs::View;
use super::numbers::{COLUMNS, Numbers, columns, round};
use crate::isa::Micro;

/// Packs keys as the columns of panels of `steps` rows each. `staged` holds 16 rounded keys of `steps * NUMBERS`.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn keys<M: Micro, N: Numbers>(
    view: &View<'_>,
    (batch, head, size): (usize, usize, usize),
    count: usize,
    staged: &mut [N::Number],
    panels: &mut [N::Number],
) {
    let pitch = size.next_multiple_of(N::NUMBERS);
    for (panel, out) in panels.chunks_exact_mut(pitch * COLUMNS).enumerate() {
        for (column, staged) in staged.chunks_exact_mut(pitch).enumerate() {
            let key = panel * COLUMNS + column;
            if key < count {
                // SAFETY: the caller's promise.
                unsafe { round::<M, N>(view.row(batch, key, head, size), 1.0, staged) };
            } else {
                staged.fill(N::ZERO);
            }
        }
        match N::NUMBERS {
            1 => transpose::<N::Number, 1>(staged, pitch, out),
            _ => transpose::<N::Number, 2>(staged, pitch, out),
        }
    }
}

/// Row `i`, column `c` of the panel becomes the `i`-th `L` numbers of row `c` of `staged`.
///
/// Not for the instruction set of the caller: with AVX-512 the compiler makes slow scattered stores of it.
#[inline(never)]
fn transpose<T: Copy, const L: usize>(staged: &[T], pitch: usize, panel: &mut [T]) {
    let rows: [&[[T; L]]; COLUMNS] =
        from_fn(|column| staged[column * pitch..(column + 1) * pitch].as_chunks().0);
    let (out, _) = panel.as_chunks_mut::<L>();
    let (out, _) = out.as_chunks_mut::<COLUMNS>();
    let (blocks, rest) = out.as_chunks_mut::<COLUMNS>();
    let first = blocks.len() * COLUMNS;
    for (block, out) in blocks.iter_mut().enumerate() {
        let rows: [&[[T; L]; COLUMNS]; COLUMNS] =
            from_fn(|column| rows[column][block * COLUMNS..].first_chunk().expect("a whole block"));
        for (step, out) in out.iter_mut().enumerate() {
            *out = from_fn(|column| rows[column][step]);
        }
    }
    for (step, out) in rest.iter_mut().enumerate() {
        *out = from_fn(|column| rows[column][first + step]);
    }
}

/// Packs values as the rows of panels of `count / NUMBERS` rows.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn values<M: Micro, N: Numbers>(
    view: &View<'_>,
    (batch, head, size): (usize, usize, usize),
    count: usize,
    panels: &mut [N::Number],
) {
    let steps = count.div_ceil(N::NUMBERS);
    let pitch = steps * COLUMNS * N::NUMBERS;
    let whole = size / COLUMNS;
    for step in 0..steps {
        let first = view.row(batch, step * N::NUMBERS, head, size);
        let second = step * N::NUMBERS + 1;
        let is_there = N::NUMBERS > 1 && second < count;
        let second = if is_there { view.row(batch, second, head, size) } else { &[] };
        let panels = panels.chunks_exact_mut(pitch).map(|panel| &mut panel[step * COLUMNS * N::NUMBERS..]);
        let (firsts, seconds) = (first.as_chunks::<COLUMNS>().0, second.as_chunks::<COLUMNS>().0);
        for (panel, out) in panels.enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                if panel < whole && is_there {
                    row::<M, N>(&firsts[panel], &seconds[panel], out);
                } else {
                    row::<M, N>(&columns(first, panel), &columns(second, panel), out);
                }
            }
        }
    }
}

/// A row of a panel: numbers of one key, or pairs of those of two.
///
/// # Safety
/// The CPU has the instructions of `M`.
#[inline(always)]
unsafe fn row<M: Micro, N: Numbers>(first: &[f32; COLUMNS], second: &[f32; COLUMNS], out: &mut [N::Number]) {
    // SAFETY: the caller's promise.
    let first = unsafe { N::round::<M>(first) };
    if N::NUMBERS == 1 {
        out[..COLUMNS].copy_from_slice(&first);
        return;
    }
    // SAFETY: the caller's promise.
    let second = unsafe { N::round::<M>(second) };
    let mut pairs = [[N::ZERO; 2]; COLUMNS];
    for column in 0..COLUMNS {
        pairs[column] = [first[column], second[column]];
    }
    out[..2 * COLUMNS].copy_from_slice(pairs.as_flattened());
}
