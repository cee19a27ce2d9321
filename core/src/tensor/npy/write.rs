//! Writes one array.

use std::io::{self, Write};

use super::descr::descr_of;
use super::header::Header;
use crate::tensor::{DType, Tensor, unpack};
use crate::{ErrorKind, Result};

/// Writes a tensor in the `.npy` format. The sink gets small pieces, so it should have a buffer.
///
/// # Errors
/// `io` if the sink fails.
pub fn write(tensor: &Tensor, sink: &mut dyn Write) -> Result<()> {
    let (descr, data) = encode(tensor)?;
    let header = Header::bytes(&descr, tensor.shape());
    let written = sink.write_all(&header).and_then(|()| data.write_to(sink));
    written.map_err(|error| {
        let (operation, path) = ("write".to_owned(), "array".to_owned());
        ErrorKind::Io { operation, path, reason: error.to_string(), os_code: error.raw_os_error() }.into()
    })
}

enum Data<'a> {
    Bytes(&'a [u8]),
    Unpacked(Vec<u8>),
    Text { strings: &'a [String], width: usize },
}

fn encode(tensor: &Tensor) -> Result<(String, Data<'_>)> {
    let dtype = tensor.dtype();
    if dtype == DType::String {
        let strings = tensor.as_strings()?;
        // NumPy has no text of width 0.
        let width = strings.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        return Ok((format!("<U{width}"), Data::Text { strings, width }));
    }
    let bytes = tensor.bytes().unwrap_or_default();
    let data = match dtype.is_packed() {
        true => Data::Unpacked(unpack(dtype, bytes, tensor.shape().element_count()?)?),
        false => Data::Bytes(bytes),
    };
    Ok((descr_of(dtype)?.to_string(), data))
}

impl Data<'_> {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Unpacked(bytes) => out.write_all(bytes),
            Self::Text { strings, width } => {
                strings.iter().try_for_each(|text| write_padded(out, text, *width))
            }
        }
    }
}

fn write_padded(out: &mut dyn Write, text: &str, width: usize) -> io::Result<()> {
    let codes = text.chars().map(u32::from).chain(std::iter::repeat(0));
    codes.take(width).try_for_each(|code| out.write_all(&code.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn there_and_back(tensor: &Tensor, wanted: Option<DType>) -> Tensor {
        let mut file = Vec::new();
        write(tensor, &mut file).unwrap();
        read(&mut &file[..], Some(file.len() as u64), wanted).unwrap()
    }

    #[test]
    fn every_type_comes_back() {
        for dtype in DType::all() {
            let tensor = match dtype {
                DType::String => Tensor::from_strings([2, 1], vec!["".into(), "zwölf 😀".into()]).unwrap(),
                _ => {
                    let bytes: Vec<u8> = (0..dtype.size_bytes(6).unwrap()).map(|n| n as u8 % 2).collect();
                    Tensor::from_bytes(dtype, [2, 3], &bytes).unwrap()
                }
            };
            assert_eq!(there_and_back(&tensor, Some(dtype)), tensor, "{dtype}");
        }
        let scalar = Tensor::from_vec([], vec![7_i64]).unwrap();
        assert_eq!(there_and_back(&scalar, None), scalar);
    }

    #[test]
    fn a_sink_that_fails_is_an_error() {
        let tensor = Tensor::from_vec([3], vec![7_i64; 3]).unwrap();
        let mut room = [0_u8; 140];
        assert_eq!(write(&tensor, &mut &mut room[..]).unwrap_err().code(), crate::ErrorCode::Io);
    }
}
