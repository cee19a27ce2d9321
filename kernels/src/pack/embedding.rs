//! Tables of embeddings: rows without gaps.

use super::linear::write;
use super::{allocate, code_of, count, expect, put_f32, scale_of, seal};
use crate::error::PackError;
use crate::layout::{AlignedBytes, Format, Header, Kind};

/// Packs a table of embeddings, row-major \[rows, width\]. int8 is symmetric by row.
///
/// # Errors
/// [`PackError`]: a length that does not follow from the shape; a value that is not finite (int8) or beyond the format
/// (fp16).
pub fn pack_embedding(
    rows: usize,
    width: usize,
    values: &[f32],
    format: Format,
) -> Result<AlignedBytes, PackError> {
    expect("values", count(rows, width)?, values.len())?;
    let header = Header {
        kind: Kind::Embedding,
        format,
        has_bias: false,
        k: rows,
        n: width,
        grouped: false,
        outliers: 0,
    };
    let (mut bytes, sections) = allocate(&header)?;
    let bad = |at: usize| PackError::Value { row: at / width, column: at % width };
    if format == Format::Int8 {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(bad(at));
        }
        let largest = |row: &[f32]| row.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
        let scales: Vec<f32> = values.chunks_exact(width).map(|row| scale_of(largest(row))).collect();
        put_f32(&mut bytes, &sections.scales, &scales);
        for (at, (to, value)) in bytes[sections.values].iter_mut().zip(values).enumerate() {
            *to = code_of(*value, scales[at / width]) as u8;
        }
    } else {
        let places = bytes[sections.values].chunks_exact_mut(format.bytes());
        for (at, (to, value)) in places.zip(values).enumerate() {
            write(*value, format, to).ok_or(bad(at))?;
        }
    }
    Ok(seal(&header, bytes))
}
