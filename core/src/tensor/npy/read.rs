//! Reads one array: sizes checked before memory is taken, any byte and memory order, text.

use std::io::Read;

use super::descr::{Descr, Kind};
use super::header::{Header, damaged};
use crate::tensor::{DType, Shape, Tensor, pack};
use crate::{Error, Result};

/// Reads an array in the `.npy` format. `source_bytes` is the most that the source can hold, if that is known: then
/// memory is taken at once, else as bytes arrive. `wanted` decides what types mean that NumPy lacks; any other type is
/// left as it is.
///
/// # Errors
/// `integrity` if the array is damaged or cut off, `unsupported` for types that tensors do not have.
///
/// # Examples
/// ```
/// use ortlet::tensor::{Tensor, npy};
///
/// let tensor = Tensor::from_vec([2, 2], vec![1.0_f32, 2.0, 3.0, 4.0])?;
/// let mut file = Vec::new();
/// npy::write(&tensor, &mut file)?;
/// assert_eq!(npy::read(&mut &file[..], Some(file.len() as u64), None)?, tensor);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn read(source: &mut dyn Read, source_bytes: Option<u64>, wanted: Option<DType>) -> Result<Tensor> {
    let header = Header::read(source)?;
    let count = header.shape.element_count()?;
    let needed = count as u128 * header.descr.item_bytes as u128;
    let limit = source_bytes.map_or(isize::MAX as u128, u128::from);
    if needed > limit {
        return Err(cut_off(needed, limit));
    }
    let mut bytes = read_exactly(source, needed as usize, source_bytes.is_some())?;
    if header.descr.big_endian {
        bytes.chunks_exact_mut(header.descr.swap_bytes()).for_each(<[u8]>::reverse);
    }
    if header.fortran_order && header.shape.rank() > 1 {
        bytes = row_major(&bytes, &header.shape, header.descr.item_bytes);
    }
    tensor(header.descr, header.shape, &bytes, wanted)
}

fn cut_off(needed: u128, found: u128) -> Error {
    damaged(format!("cut off: the data should be {needed} bytes, but there are at most {found}"))
}

fn read_exactly(source: &mut dyn Read, needed: usize, reserve: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if reserve {
        let no_memory = |_| Error::limit_exceeded("bytes of memory that can be had", 0, needed as u64);
        bytes.try_reserve_exact(needed).map_err(no_memory)?;
    }
    source
        .take(needed as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(format!("the data cannot be read: {error}")))?;
    if bytes.len() == needed { Ok(bytes) } else { Err(cut_off(needed as u128, bytes.len() as u128)) }
}

/// The elements in row-major order, from elements in column-major order.
fn row_major(bytes: &[u8], shape: &Shape, item_bytes: usize) -> Vec<u8> {
    let dims = shape.dims();
    let strides: Vec<usize> = dims
        .iter()
        .scan(item_bytes, |stride, dim| {
            let own = *stride;
            *stride *= dim;
            Some(own)
        })
        .collect();
    let mut result = Vec::with_capacity(bytes.len());
    let (mut index, mut at) = (vec![0; dims.len()], 0);
    while result.len() < bytes.len() {
        result.extend_from_slice(&bytes[at..at + item_bytes]);
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < dims[axis] {
                break;
            }
            at -= strides[axis] * dims[axis];
            index[axis] = 0;
        }
    }
    result
}

fn tensor(descr: Descr, shape: Shape, bytes: &[u8], wanted: Option<DType>) -> Result<Tensor> {
    let items = || bytes.chunks_exact(descr.item_bytes);
    match descr.kind {
        Kind::Unicode => Tensor::from_strings(shape, items().map(from_utf32).collect::<Result<_>>()?),
        Kind::Bytes => Tensor::from_strings(shape, items().map(from_utf8).collect::<Result<_>>()?),
        Kind::Void => {
            let dtype = wanted.filter(|dtype| dtype.bits().div_ceil(8) as usize == descr.item_bytes);
            let dtype = dtype.filter(|dtype| *dtype != DType::Bool).ok_or_else(|| {
                let what = format!("NumPy type `V{}`", descr.item_bytes);
                Error::unsupported(what, "its elements have no meaning unless the model declares one")
            })?;
            from_bytes(dtype, shape, bytes)
        }
        Kind::Plain(stored) => from_bytes(unpacked_as(stored, wanted), shape, bytes),
    }
}

/// The packed type that `wanted` is, if the file holds it with one element a byte.
fn unpacked_as(stored: DType, wanted: Option<DType>) -> DType {
    match (stored, wanted) {
        (DType::I8, Some(packed @ (DType::I4 | DType::I2))) => packed,
        (DType::U8, Some(packed @ (DType::U4 | DType::U2))) => packed,
        _ => stored,
    }
}

fn from_bytes(dtype: DType, shape: Shape, bytes: &[u8]) -> Result<Tensor> {
    match dtype.is_packed() {
        true => Tensor::from_bytes(dtype, shape, &pack(dtype, bytes)?),
        false => Tensor::from_bytes(dtype, shape, bytes),
    }
}

fn from_utf32(item: &[u8]) -> Result<String> {
    let codes = item.chunks_exact(4).map(|code| u32::from_le_bytes([code[0], code[1], code[2], code[3]]));
    let mut codes: Vec<u32> = codes.collect();
    codes.truncate(codes.iter().rposition(|code| *code != 0).map_or(0, |last| last + 1));
    let character = |code| char::from_u32(code).ok_or_else(|| damaged(format!("U+{code:X} is no character")));
    codes.into_iter().map(character).collect()
}

fn from_utf8(item: &[u8]) -> Result<String> {
    let len = item.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&item[..len]).map_err(|error| damaged(format!("a string: {error}")))?;
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::{DType, Result, Tensor};
    use crate::ErrorCode;

    fn array(header: &str, data: &[u8]) -> Vec<u8> {
        let len = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
    }

    fn read(bytes: &[u8], wanted: Option<DType>) -> Result<Tensor> {
        super::read(&mut &bytes[..], Some(bytes.len() as u64), wanted)
    }

    #[test]
    fn orders_are_undone() {
        let data: Vec<u8> = [1_i16, 4, 2, 5, 3, 6].iter().flat_map(|value| value.to_be_bytes()).collect();
        let bytes = array("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", &data);
        let tensor = read(&bytes, None).unwrap();
        assert_eq!(tensor.as_slice::<i16>().unwrap(), [1, 2, 3, 4, 5, 6]);
        let bytes = array("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 0, 3), }", &[]);
        assert_eq!(read(&bytes, None).unwrap().to_string(), "float32[2, 0, 3]");
    }

    #[test]
    fn truncated_and_lying_files_are_refused_before_memory_is_taken() {
        let bytes = array("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", &[0; 24]);
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut], None).unwrap_err().code(), ErrorCode::Integrity, "{cut}");
        }
        let lie = array("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }", &[0; 24]);
        assert_eq!(read(&lie, None).unwrap_err().code(), ErrorCode::Integrity);
        assert_eq!(super::read(&mut &lie[..], None, None).unwrap_err().code(), ErrorCode::Integrity);
        let text = array("{'descr': '<U4611686018427387904', 'fortran_order': False, 'shape': (9,), }", &[]);
        assert!(read(&text, None).is_err());
    }

    #[test]
    fn text_and_missing_types() {
        let bytes = array("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }", &{
            [0x68, 0x1F600, 0x69, 0].map(u32::to_le_bytes).concat()
        });
        assert_eq!(read(&bytes, None).unwrap().as_strings().unwrap(), ["h😀", "i"]);
        let surrogate = array("{'descr': '<U1', 'fortran_order': False, 'shape': (), }", &[0, 0xD8, 0, 0]);
        assert_eq!(read(&surrogate, None).unwrap_err().code(), ErrorCode::Integrity);

        let void = array("{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }", &[0x80, 0x3F]);
        assert_eq!(read(&void, Some(DType::BF16)).unwrap().to_string(), "bfloat16[1]");
        assert_eq!(read(&void, Some(DType::F32)).unwrap_err().code(), ErrorCode::Unsupported);
        let ints = array("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }", &[1, 0xFE, 7]);
        assert_eq!(read(&ints, Some(DType::I4)).unwrap().bytes().unwrap(), [0xE1, 7]);
        assert_eq!(read(&ints, Some(DType::F32)).unwrap().dtype(), DType::I8);
    }
}
