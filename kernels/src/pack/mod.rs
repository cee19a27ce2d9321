//! Packing weights into the [layout](crate::layout).

mod codes;
mod embedding;
mod linear;
mod unpack;

pub use codes::{CodedWeights, pack_codes};
pub use embedding::pack_embedding;
pub use linear::{LinearWeights, PackOptions, pack_linear, pack_rounded};
pub use unpack::unpack;

use crate::error::PackError;
use crate::layout::{AlignedBytes, Format, HEADER, Header, PANEL, Sections, cast_mut};

/// The largest code.
const LARGEST: f32 = 127.0;

/// The one place that says where in a panel section the value of row `k`, column `n` lies: at which byte.
fn place(format: Format, padded_rows: usize, k: usize, n: usize) -> usize {
    let values = format.values_per_row();
    let row = n / PANEL * padded_rows + k / values;
    row * 64 + (n % PANEL * values + k % values) * format.bytes()
}

/// A scale with which the largest magnitude becomes the code 127. 1 for zeros.
fn scale_of(largest: f32) -> f32 {
    let scale = largest / LARGEST;
    // A denormal scale would lose most of its digits.
    if scale >= f32::MIN_POSITIVE {
        scale
    } else if largest == 0.0 {
        1.0
    } else {
        f32::MIN_POSITIVE
    }
}

/// The nearest code, ties to even.
fn code_of(value: f32, scale: f32) -> i8 {
    (value / scale).round_ties_even().clamp(-LARGEST, LARGEST) as i8
}

fn expect(what: &'static str, expected: usize, found: usize) -> Result<(), PackError> {
    if expected == found { Ok(()) } else { Err(PackError::Length { what, expected, found }) }
}

/// Rows times columns, if that can be packed at all.
fn count(k: usize, n: usize) -> Result<usize, PackError> {
    k.checked_mul(n).filter(|count| *count > 0).ok_or(PackError::Size { k, n })
}

fn check_outliers(outliers: &[u32], k: usize) -> Result<(), PackError> {
    let ascending = outliers.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = outliers.last().is_none_or(|last| (*last as usize) < k);
    if ascending && inside { Ok(()) } else { Err(PackError::Outliers) }
}

/// Memory for everything, zeros, and where what goes.
fn allocate(header: &Header) -> Result<(AlignedBytes, Sections), PackError> {
    let size = |_| PackError::Size { k: header.k, n: header.n };
    header.check().map_err(size)?;
    let sections = Sections::of(header).map_err(size)?;
    Ok((AlignedBytes::zeroed(sections.total), sections))
}

fn put_f32(bytes: &mut AlignedBytes, range: &std::ops::Range<usize>, values: &[f32]) {
    cast_mut::<f32>(&mut bytes[range.clone()])[..values.len()].copy_from_slice(values);
}

/// The header, last, since it has the checksum of the rest.
fn seal(header: &Header, mut bytes: AlignedBytes) -> AlignedBytes {
    debug_assert!(bytes.len() > HEADER);
    header.write(&mut bytes);
    bytes
}
