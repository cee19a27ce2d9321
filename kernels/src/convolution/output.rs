//! What becomes of the results of windows.

use std::ops::Range;

/// In which order results are written, or what is left of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvolutionOutput {
    /// \[batch, windows, N\]
    Last,
    /// \[batch, N, windows\], as ONNX has them.
    First,
    /// \[batch, N\]: the largest result of all windows; NaN if there is one.
    Maximum,
}

/// Of some columns the largest number of all rows, which are `n` long.
pub(super) fn maximum(rows: &[f32], n: usize, columns: Range<usize>, largest: &mut [f32]) {
    let largest = &mut largest[..columns.len()];
    largest.fill(f32::NEG_INFINITY);
    for row in rows.chunks_exact(n) {
        for (largest, &value) in largest.iter_mut().zip(&row[columns.clone()]) {
            *largest = if value > *largest || value.is_nan() { value } else { *largest };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_each_column_and_nan_stays() {
        let rows = [1.0, f32::NAN, -5.0, 3.0, 2.0, -7.0, 2.0, 9.0, -6.0];
        let mut largest = [0.0; 3];
        maximum(&rows, 3, 0..3, &mut largest);
        assert!(largest[0] == 3.0 && largest[1].is_nan() && largest[2] == -5.0, "{largest:?}");
        maximum(&rows, 3, 2..3, &mut largest);
        assert_eq!(largest[0], -5.0);
    }
}
