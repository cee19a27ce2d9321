//! The header of a `.npy` file: a Python dictionary in text, read without trusting it and written.

use std::io::Read;

use crate::tensor::Shape;
use crate::{Error, ErrorKind, Result};

use super::descr::Descr;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Real headers are around a hundred bytes; NumPy itself refuses more than 10,000.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The data begins on a multiple of this, as NumPy writes it.
const ALIGN_BYTES: usize = 64;

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub descr: Descr,
    pub fortran_order: bool,
    pub shape: Shape,
}

impl Header {
    /// Reads magic, version and dictionary.
    ///
    /// # Errors
    /// `integrity` if it is damaged, `unsupported` for types that tensors do not have.
    pub fn read(source: &mut dyn Read) -> Result<Self> {
        let mut start = [0; 8];
        fill(source, &mut start)?;
        if &start[..6] != MAGIC {
            return Err(damaged("not a .npy file: it does not begin with \\x93NUMPY"));
        }
        let mut len_bytes = [0; 4];
        let wide = match start[6] {
            1 => false,
            2 | 3 => true,
            other => return Err(damaged(format!("unknown .npy version {other}"))),
        };
        fill(source, &mut len_bytes[..if wide { 4 } else { 2 }])?;
        let len = u32::from_le_bytes(len_bytes) as usize;
        if len > MAX_HEADER_BYTES {
            return Err(Error::limit_exceeded(".npy header in bytes", MAX_HEADER_BYTES as u64, len as u64));
        }
        let mut text = vec![0; len];
        fill(source, &mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| damaged("the header is not text"))?;
        Parser { rest: text }.header()
    }

    /// The bytes of a header with this type string and shape, up to where the data begins.
    pub fn bytes(descr: &str, shape: &Shape) -> Vec<u8> {
        let dims: String = shape.dims().iter().map(|dim| format!("{dim}, ")).collect();
        // Python's one-element tuple needs its comma, longer ones must not end in a space.
        let dims = if shape.rank() > 1 { dims.trim_end_matches(", ") } else { dims.trim_end() };
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
        let unpadded = MAGIC.len() + 4 + text.len() + 1;
        text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGN_BYTES) - unpadded));
        text.push('\n');
        // A shape of at most 64 dimensions stays far below the 64 KB of version 1.
        let len = (text.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0][..], &len, text.as_bytes()].concat()
    }
}

/// A complaint about the stored bytes. The caller adds which file it is.
pub fn damaged(reason: impl Into<String>) -> Error {
    ErrorKind::Integrity { what: "the array".into(), reason: reason.into() }.into()
}

fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<()> {
    source.read_exact(buffer).map_err(|error| damaged(format!("the header is cut off: {error}")))
}

/// Reads the few forms of Python that NumPy writes; nothing nests, so nothing can recurse.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn header(mut self) -> Result<Header> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key.as_str() {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                other => return Err(damaged(format!("unknown header key `{other}`"))),
            }
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape }),
            _ => Err(damaged("the header lacks descr, fortran_order or shape")),
        }
    }

    fn accept(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.strip_prefix(wanted).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.accept(wanted) {
            return Ok(());
        }
        let found: String = self.rest.chars().take(12).collect();
        Err(damaged(format!("the header should have `{wanted}` before `{found}`")))
    }

    fn string(&mut self) -> Result<String> {
        let quote = if self.accept('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect('\'')?;
        }
        let (text, rest) =
            self.rest.split_once(quote).ok_or_else(|| damaged("a string in the header does not end"))?;
        self.rest = rest;
        Ok(text.to_string())
    }

    fn descr(&mut self) -> Result<Descr> {
        if self.accept('[') {
            return Err(Error::unsupported("NumPy record type", "no tensor has elements with fields"));
        }
        Descr::parse(&self.string()?)
    }

    fn boolean(&mut self) -> Result<bool> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(damaged("fortran_order is neither True nor False"))
    }

    fn shape(&mut self) -> Result<Shape> {
        let mut dims = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            dims.push(self.dimension()?);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        let shape = Shape::from(dims);
        shape.element_count()?;
        Ok(shape)
    }

    fn dimension(&mut self) -> Result<usize> {
        self.rest = self.rest.trim_start();
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(digits);
        // Python 2 wrote long integers with this suffix.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        number.parse().map_err(|_| damaged(format!("`{number}` in the shape is no dimension")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn parse(text: &str) -> Result<Header> {
        Parser { rest: text }.header()
    }

    #[test]
    fn headers_come_back() {
        for dims in [vec![], vec![3], vec![2, 0, 4], vec![1; 64]] {
            let shape = Shape::from(dims);
            let bytes = Header::bytes("<f4", &shape);
            assert_eq!(bytes.len() % 64, 0);
            let header = Header::read(&mut bytes.as_slice()).unwrap();
            assert_eq!((header.shape, header.fortran_order), (shape, false));
        }
    }

    #[test]
    fn foreign_spellings_are_read() {
        let header = parse(r#"{"shape":(2L,3L),"fortran_order":True,"descr":">i2"}"#).unwrap();
        assert_eq!((header.shape.dims(), header.fortran_order), (&[2, 3][..], true));
    }

    #[test]
    fn hostile_headers_are_refused() {
        let huge = "9".repeat(30);
        for text in [
            "",
            "{",
            "{'descr': '<f4'}",
            "{'descr': '<f4', 'fortran_order': 1, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1, (2,))}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}",
            "{'descr': '<f4",
            &format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({huge},)}}"),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            &format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", "1,".repeat(65)),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let long = [MAGIC, &[2, 0][..], &u32::MAX.to_le_bytes()].concat();
        assert_eq!(Header::read(&mut long.as_slice()).unwrap_err().code(), ErrorCode::LimitExceeded);
        let whole = Header::bytes("<f4", &[2].into());
        for cut in 0..whole.len() {
            assert_eq!(Header::read(&mut &whole[..cut]).unwrap_err().code(), ErrorCode::Integrity);
        }
    }
}
