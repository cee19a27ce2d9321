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
    for step in 0..steps {
        let first = view.row(batch, step * N::NUMBERS, head, size);
        for (panel, out) in panels.chunks_exact_mut(pitch).enumerate() {
            let out = &mut out[step * COLUMNS * N::NUMBERS..][..COLUMNS * N::NUMBERS];
            // SAFETY: the caller's promise.
            let first = unsafe { N::round::<M>(&columns(first, panel)) };
            if N::NUMBERS == 1 {
                out.copy_from_slice(&first);
                continue;
            }
            let second = step * N::NUMBERS + 1;
            let second = if second < count { view.row(batch, second, head, size) } else { &[] };
            // SAFETY: the caller's promise.
            let second = unsafe { N::round::<M>(&columns(second, panel)) };
            let mut pairs = [[N::ZERO; 2]; COLUMNS];
            for column in 0..COLUMNS {
                pairs[column] = [first[column], second[column]];
            }
            out.copy_from_slice(pairs.as_flattened());
        }
    }
}
