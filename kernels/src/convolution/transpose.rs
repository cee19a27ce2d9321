//! Transposing matrices of f32.

use std::array::from_fn;

/// Rows and columns of a block that is in the nearest cache as a whole.
const BLOCK: usize = 16;

/// `to[column * to_pitch + row] = from[row * from_pitch + column]` for all `rows` and `columns`.
///
/// # Safety
/// The last of these elements lie within what `from` and `to` point to; nobody else uses the elements of `to` meanwhile.
pub(super) unsafe fn transpose(
    (from, from_pitch): (&[f32], usize),
    (to, to_pitch): (*mut f32, usize),
    rows: usize,
    columns: usize,
) {
    for first_row in (0..rows).step_by(BLOCK) {
        for first_column in (0..columns).step_by(BLOCK) {
            let (rows, columns) = (BLOCK.min(rows - first_row), BLOCK.min(columns - first_column));
            let from = &from[first_row * from_pitch + first_column..];
            // SAFETY: the caller's promise.
            unsafe {
                let to = to.add(first_column * to_pitch + first_row);
                if rows == BLOCK && columns == BLOCK {
                    whole(from, from_pitch, to, to_pitch);
                    continue;
                }
                for row in 0..rows {
                    for (column, value) in from[row * from_pitch..][..columns].iter().enumerate() {
                        to.add(column * to_pitch + row).write(*value);
                    }
                }
            }
        }
    }
}

/// A whole block: its size is known, so that no number of it is checked or moved alone.
///
/// # Safety
/// As [`transpose`].
unsafe fn whole(from: &[f32], from_pitch: usize, to: *mut f32, to_pitch: usize) {
    let rows: [&[f32; BLOCK]; BLOCK] =
        from_fn(|row| from[row * from_pitch..].first_chunk().expect("a whole row of the block"));
    #[expect(clippy::needless_range_loop, reason = "all rows are read at the column")]
    for column in 0..BLOCK {
        let values: [f32; BLOCK] = from_fn(|row| rows[row][column]);
        // SAFETY: the caller's promise.
        unsafe { to.add(column * to_pitch).cast::<[f32; BLOCK]>().write(values) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_what_is_left_of_them() {
        for (rows, columns) in [(1, 1), (16, 16), (17, 33), (40, 7), (32, 48)] {
            let from: Vec<f32> = (0..rows * (columns + 3)).map(|at| at as f32).collect();
            let mut to = vec![-1.0; columns * (rows + 2)];
            // SAFETY: the sizes are those of the vectors.
            unsafe { transpose((&from, columns + 3), (to.as_mut_ptr(), rows + 2), rows, columns) };
            for column in 0..columns {
                for row in 0..rows + 2 {
                    let expected = if row < rows { from[row * (columns + 3) + column] } else { -1.0 };
                    assert_eq!(to[column * (rows + 2) + row], expected);
                }
            }
        }
    }
}
