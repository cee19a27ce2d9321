//! Writes one array as a `.npy` file.

use std::io::{self, Write};
use std::path::Path;

use ortlet::Result;
use ortlet::error::ResultExt;
use ortlet::tensor::{DType, Tensor, unpack};

use crate::files::write_file;
use crate::npy::descr::descr_of;
use crate::npy::header::Header;

/// Writes a tensor. The file appears whole or not at all.
///
/// # Errors
/// `io` if it cannot be written.
pub fn write_npy(path: &Path, tensor: &Tensor) -> Result<()> {
    let (descr, data) = encode(tensor).with_context(|| format!("write `{}`", path.display()))?;
    let header = Header::bytes(&descr, tensor.shape());
    write_file(path, |out| {
        out.write_all(&header)?;
        data.write_to(out)
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
    use super::*;
    use crate::npy::read_npy;

    #[test]
    fn every_type_comes_back() {
        let folder = std::env::temp_dir().join(format!("ortlet-npy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.npy");
        for dtype in DType::all() {
            let tensor = match dtype {
                DType::String => Tensor::from_strings([2, 1], vec!["".into(), "zwölf 😀".into()]).unwrap(),
                _ => {
                    let bytes: Vec<u8> = (0..dtype.size_bytes(6).unwrap()).map(|n| n as u8 % 2).collect();
                    Tensor::from_bytes(dtype, [2, 3], &bytes).unwrap()
                }
            };
            write_npy(&path, &tensor).unwrap();
            assert_eq!(read_npy(&path, Some(dtype)).unwrap(), tensor, "{dtype}");
        }
        let scalar = Tensor::from_vec([], vec![7_i64]).unwrap();
        write_npy(&path, &scalar).unwrap();
        assert_eq!(read_npy(&path, None).unwrap(), scalar);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
