//! NumPy's type strings, such as `<f4`: what they say and which tensor type that is.

use crate::tensor::DType;
use crate::{Error, Result};

/// A parsed type string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descr {
    pub kind: Kind,
    pub big_endian: bool,
    /// Bytes of one element.
    pub item_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers and booleans, laid out as the tensor type.
    Plain(DType),
    /// UTF-32, padded with zeros.
    Unicode,
    /// Bytes, padded with zeros; read as UTF-8.
    Bytes,
    /// Bytes without a meaning to NumPy.
    Void,
}

impl Descr {
    /// Parses a type string.
    ///
    /// # Errors
    /// `unsupported` if tensors have no such type.
    pub fn parse(text: &str) -> Result<Self> {
        let unsupported = || {
            let hint = if text.contains('O') { "; Python objects are never unpickled" } else { "" };
            Error::unsupported(format!("NumPy type `{text}`"), format!("no tensor has such elements{hint}"))
        };
        let mut chars = text.chars();
        let order = chars.next().filter(|order| "<>=|".contains(*order)).ok_or_else(unsupported)?;
        let letter = chars.next().ok_or_else(unsupported)?;
        let size: usize = chars.as_str().parse().map_err(|_| unsupported())?;
        let (kind, item_bytes) = match (letter, size) {
            ('U', 1..) => (Kind::Unicode, size.checked_mul(4).ok_or_else(unsupported)?),
            ('S' | 'a', 1..) => (Kind::Bytes, size),
            ('V', 1 | 2) => (Kind::Void, size),
            _ => (Kind::Plain(plain_type(letter, size).ok_or_else(unsupported)?), size),
        };
        Ok(Self { kind, big_endian: order == '>', item_bytes })
    }

    /// Bytes that change places when the byte order does.
    pub fn swap_bytes(self) -> usize {
        match self.kind {
            Kind::Plain(DType::Complex64 | DType::Complex128) => self.item_bytes / 2,
            Kind::Plain(_) => self.item_bytes,
            Kind::Unicode => 4,
            Kind::Bytes | Kind::Void => 1,
        }
    }
}

fn plain_type(letter: char, size: usize) -> Option<DType> {
    Some(match (letter, size) {
        ('b', 1) => DType::Bool,
        ('i', 1) => DType::I8,
        ('i', 2) => DType::I16,
        ('i', 4) => DType::I32,
        ('i', 8) => DType::I64,
        ('u', 1) => DType::U8,
        ('u', 2) => DType::U16,
        ('u', 4) => DType::U32,
        ('u', 8) => DType::U64,
        ('f', 2) => DType::F16,
        ('f', 4) => DType::F32,
        ('f', 8) => DType::F64,
        ('c', 8) => DType::Complex64,
        ('c', 16) => DType::Complex128,
        _ => return None,
    })
}

/// The type string under which elements of this type are written; text depends on its longest string.
pub fn descr_of(dtype: DType) -> Result<&'static str> {
    Ok(match dtype {
        DType::Bool => "|b1",
        DType::I8 | DType::I4 | DType::I2 => "|i1",
        DType::U8 | DType::U4 | DType::U2 => "|u1",
        DType::I16 => "<i2",
        DType::U16 => "<u2",
        DType::I32 => "<i4",
        DType::U32 => "<u4",
        DType::I64 => "<i8",
        DType::U64 => "<u8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::Complex64 => "<c8",
        DType::Complex128 => "<c16",
        DType::BF16 => "<V2",
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => "|V1",
        other => return Err(Error::unsupported(format!("element type {other}"), "not known to NumPy")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_written_can_be_read() {
        for dtype in DType::all().filter(|dtype| *dtype != DType::String) {
            let descr = Descr::parse(descr_of(dtype).unwrap()).unwrap();
            assert_eq!(descr.item_bytes, dtype.bits().div_ceil(8) as usize, "{dtype}");
        }
    }

    #[test]
    fn text_has_its_length_and_oddities_are_refused() {
        let text = Descr::parse("<U7").unwrap();
        assert_eq!((text.kind, text.item_bytes), (Kind::Unicode, 28));
        assert_eq!(Descr::parse("|S3").unwrap().kind, Kind::Bytes);
        assert!(Descr::parse(">c8").unwrap().big_endian);
        for wrong in
            ["", "<", "f4", "<f", "<f3", "<f16", "|O", "<U0", "<M8[ns]", "|V3", "<U99999999999999999999"]
        {
            assert!(Descr::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Descr::parse("<U9223372036854775807").is_err());
    }
}
