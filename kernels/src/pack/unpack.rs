//! What packed weights are in effect.

use super::place;
use crate::layout::{Format, Kind, Packed};
use crate::math::half::{f32_from_bf16, f32_from_fp16};

/// The weights that are computed with, row-major \[K, N\]: after rounding, with the scales, outlier channels included.
pub fn unpack(packed: &Packed<'_>) -> Vec<f32> {
    let (k, n, format) = (packed.k(), packed.n(), packed.format());
    let values = packed.values();
    let is_table = packed.kind() == Kind::Embedding;
    let panel_rows = packed.panel_bytes() / 64;
    let mut weights = Vec::with_capacity(k * n);
    for row in 0..k {
        for column in 0..n {
            let at = match is_table {
                true => (row * n + column) * format.bytes(),
                false => place(format, panel_rows, row, column),
            };
            let value = read(&values[at..at + format.bytes()], format);
            let scale = if is_table { row } else { column };
            weights.push(packed.scales().get(scale).map_or(value, |scale| value * scale));
        }
    }
    let padded = packed.header().padded_n();
    for (row, values) in packed.outlier_indices().iter().zip(packed.outlier_rows().chunks_exact(padded)) {
        weights[*row as usize * n..][..n].copy_from_slice(&values[..n]);
    }
    weights
}

fn read(bytes: &[u8], format: Format) -> f32 {
    match (format, bytes) {
        (Format::Fp32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Format::Fp16, &[a, b]) => f32_from_fp16(u16::from_le_bytes([a, b])),
        (Format::Bf16, &[a, b]) => f32_from_bf16(u16::from_le_bytes([a, b])),
        (Format::Int8, &[code]) => f32::from(code as i8),
        _ => unreachable!("a value has as many bytes as its format says"),
    }
}
