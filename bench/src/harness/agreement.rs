//! Whether a candidate computed what the peer computed.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// How far the outputs of another engine may be from the peer's: its kernels round otherwise.
const TOLERANCE: f32 = 1e-2;

/// How the outputs compare.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// Equal to the bit.
    Same,
    /// Within the tolerance; the largest difference.
    Close(f32),
    /// Not within it; the largest difference.
    Different(f32),
    /// Another number of elements.
    Shape,
}

impl Agreement {
    /// Whether it is good enough for a candidate that has to be exact, or for one that has not.
    pub fn is_good(self, exact: bool) -> bool {
        match self {
            Self::Same => true,
            Self::Close(_) => !exact,
            Self::Different(_) | Self::Shape => false,
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => write!(f, "same"),
            Self::Close(difference) => write!(f, "within {difference:.0e}"),
            Self::Different(difference) => write!(f, "DIFFERS by {difference:.0e}"),
            Self::Shape => write!(f, "OTHER SHAPES"),
        }
    }
}

/// The outputs that a candidate put into a file.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let (elements, _) = bytes.as_chunks::<4>();
    Ok(elements.iter().map(|&element| f32::from_le_bytes(element)).collect())
}

/// Compares the outputs of another candidate with the peer's.
pub fn compare(peer: &[f32], other: &[f32]) -> Agreement {
    if peer.len() != other.len() {
        return Agreement::Shape;
    }
    if peer.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits()) {
        return Agreement::Same;
    }
    // Relative above 1, so that large numbers may differ in their last digits; NaN is as different as can be.
    let difference = |(a, b): (&f32, &f32)| {
        let difference = (a - b).abs() / a.abs().max(1.0);
        if difference.is_nan() && a.to_bits() != b.to_bits() { f32::INFINITY } else { difference }
    };
    let largest = peer.iter().zip(other).map(difference).fold(0.0, f32::max);
    if largest <= TOLERANCE { Agreement::Close(largest) } else { Agreement::Different(largest) }
}

/// The cosine of two outputs; `None` if there is none.
pub fn cosine(peer: &[f32], other: &[f32]) -> Option<f64> {
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let lengths = product(peer, peer).sqrt() * product(other, other).sqrt();
    (peer.len() == other.len() && lengths > 0.0).then(|| product(peer, other) / lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_agree_to_the_bit_or_closely_or_not() {
        assert_eq!(compare(&[1.0, f32::NAN], &[1.0, f32::NAN]), Agreement::Same);
        assert_eq!(compare(&[1.0, 1000.0], &[1.0, 1001.0]), Agreement::Close(0.001));
        assert_eq!(compare(&[1.0], &[1.5]), Agreement::Different(0.5));
        assert_eq!(compare(&[1.0], &[f32::NAN]), Agreement::Different(f32::INFINITY));
        assert_eq!(compare(&[1.0], &[]), Agreement::Shape);
        assert_eq!(cosine(&[3.0, 4.0], &[6.0, 8.0]), Some(1.0));
        assert_eq!(cosine(&[3.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!((cosine(&[1.0], &[]), cosine(&[0.0], &[1.0])), (None, None));
        assert!(Agreement::Close(0.001).is_good(false) && !Agreement::Close(0.001).is_good(true));
    }
}
