//! Packing of 4-bit and 2-bit elements into bytes, the first element in the lowest bits (as ONNX lays them out).

use crate::tensor::{DType, Shape};
use crate::{Error, Result};

/// Packs one value per byte into the layout of `dtype`. Signed values are in two's complement.
///
/// # Errors
/// `invalid_argument` if `dtype` is not packed or a value does not fit into its bits.
///
/// # Examples
/// ```
/// use ortlet::tensor::{DType, pack, unpack};
///
/// let bytes = pack(DType::I4, &[1, -2_i8 as u8, 7])?;
/// assert_eq!(bytes, [0xE1, 0x07]);
/// assert_eq!(unpack(DType::I4, &bytes, 3)?, [1, -2_i8 as u8, 7]);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn pack(dtype: DType, values: &[u8]) -> Result<Vec<u8>> {
    let layout = Layout::of(dtype)?;
    if let Some(index) = values.iter().position(|&value| !layout.fits(value)) {
        let reason = format!("{} at index {index} does not fit into {dtype}", values[index]);
        return Err(Error::invalid_argument("values", reason));
    }
    let pack_byte = |values: &[u8]| {
        values
            .iter()
            .enumerate()
            .fold(0, |byte, (place, value)| byte | (value & layout.mask()) << (place as u32 * layout.bits))
    };
    Ok(values.chunks(layout.per_byte()).map(pack_byte).collect())
}

/// Unpacks `count` elements to one value per byte, sign-extended for signed types.
///
/// # Errors
/// `invalid_argument` if `dtype` is not packed; `tensor_mismatch` if there are not exactly the bytes that `count`
/// elements need.
pub fn unpack(dtype: DType, bytes: &[u8], count: usize) -> Result<Vec<u8>> {
    let layout = Layout::of(dtype)?;
    let expected = dtype.size_bytes(count)?;
    if bytes.len() != expected {
        let (shape, expected) = (Shape::from([count]), format!("{expected} bytes"));
        return Err(Error::tensor_mismatch(
            format!("{dtype}{shape}"),
            expected,
            format!("{} bytes", bytes.len()),
        ));
    }
    let value = |index: usize| {
        let shift = (index % layout.per_byte()) as u32 * layout.bits;
        layout.extend(bytes[index / layout.per_byte()] >> shift & layout.mask())
    };
    Ok((0..count).map(value).collect())
}

struct Layout {
    bits: u32,
    signed: bool,
}

impl Layout {
    fn of(dtype: DType) -> Result<Self> {
        if !dtype.is_packed() {
            return Err(Error::invalid_argument("dtype", format!("{dtype} elements do not share bytes")));
        }
        Ok(Self { bits: dtype.bits(), signed: matches!(dtype, DType::I4 | DType::I2) })
    }

    fn per_byte(&self) -> usize {
        (8 / self.bits) as usize
    }

    fn mask(&self) -> u8 {
        (1 << self.bits) - 1
    }

    fn extend(&self, value: u8) -> u8 {
        let unused = 8 - self.bits;
        if self.signed { ((value << unused) as i8 >> unused) as u8 } else { value }
    }

    fn fits(&self, value: u8) -> bool {
        self.extend(value & self.mask()) == value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_length_round_trips() {
        for (dtype, values) in [
            (DType::U4, (0..16).collect::<Vec<u8>>()),
            (DType::F4E2M1, (0..16).collect()),
            (DType::I4, (-8..8_i8).map(|v| v as u8).collect()),
            (DType::U2, (0..4).collect()),
            (DType::I2, (-2..2_i8).map(|v| v as u8).collect()),
        ] {
            for len in 0..=values.len() {
                let bytes = pack(dtype, &values[..len]).unwrap();
                assert_eq!(bytes.len(), dtype.size_bytes(len).unwrap());
                assert_eq!(unpack(dtype, &bytes, len).unwrap(), values[..len]);
            }
        }
    }

    #[test]
    fn wrong_values_types_and_lengths_are_refused() {
        assert!(pack(DType::U4, &[16]).is_err());
        assert!(pack(DType::I4, &[8]).is_err());
        assert!(pack(DType::F32, &[1]).is_err());
        assert!(unpack(DType::U4, &[1, 2], 1).is_err());
        assert!(unpack(DType::U4, &[], 1).is_err());
    }
}
