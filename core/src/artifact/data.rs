//! [`DataSection`]: a data section in the making, in which equal contents are stored once.

use std::collections::HashMap;

use super::digest::{Digest, digest};
use crate::model::Bytes;
use crate::{Error, Result};

/// Every tensor starts on a border of this many bytes: a cache line, and the widest SIMD load.
pub(super) const TENSOR_ALIGN_BYTES: u64 = 64;
/// Tensors at least this large start on a page, so that each can be mapped or read ahead by itself.
const LARGE_BYTES: u64 = 64 * 1024;
const LARGE_ALIGN_BYTES: u64 = 4096;

/// Bytes to be stored, with their digest.
#[derive(Clone)]
pub(super) struct Payload {
    bytes: Bytes,
    digest: Digest,
}

impl Payload {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { digest: digest(&bytes), bytes }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn id(&self) -> (Digest, u64) {
        (self.digest, self.len())
    }
}

/// What a data section will hold, and where in the file.
pub(super) struct DataSection {
    /// In the file, on a page border.
    start: u64,
    end: u64,
    pieces: Vec<(u64, Bytes)>,
    places: HashMap<(Digest, u64), u64>,
}

impl DataSection {
    pub(super) fn starting_at(start: u64) -> Self {
        Self { start, end: start, pieces: Vec::new(), places: HashMap::new() }
    }

    /// Where in the file these bytes are, if they are here. Nothing is at 0.
    pub(super) fn find(&self, payload: &Payload) -> Option<u64> {
        if payload.len() == 0 { Some(0) } else { self.places.get(&payload.id()).copied() }
    }

    /// Where in the file these bytes will be; stores them if they are not here yet.
    ///
    /// # Errors
    /// `limit_exceeded` if the file would be larger than ONNX Runtime can address.
    pub(super) fn add(&mut self, payload: &Payload) -> Result<u64> {
        if let Some(offset) = self.find(payload) {
            return Ok(offset);
        }
        let align = if payload.len() >= LARGE_BYTES { LARGE_ALIGN_BYTES } else { TENSOR_ALIGN_BYTES };
        let offset = self.end.next_multiple_of(align);
        self.end =
            offset.checked_add(payload.len()).filter(|&end| end <= i64::MAX as u64 / 2).ok_or_else(|| {
                Error::limit_exceeded("size of an artifact in bytes", i64::MAX as u64 / 2, offset)
            })?;
        self.pieces.push((offset, payload.bytes.clone()));
        self.places.insert(payload.id(), offset);
        Ok(offset)
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// What is stored, with its place in the file, in ascending order.
    pub(super) fn into_pieces(self) -> Vec<(u64, Bytes)> {
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_aligned_and_stored_once() {
        let payload = |byte: u8, len: usize| Payload::new(vec![byte; len].into());
        let mut section = DataSection::starting_at(8192);
        assert_eq!(section.add(&payload(1, 3)).unwrap(), 8192);
        assert_eq!(section.add(&payload(2, 100)).unwrap(), 8256);
        assert_eq!(section.add(&payload(1, 3)).unwrap(), 8192);
        assert_eq!(section.add(&payload(1, 4)).unwrap(), 8384);
        assert_eq!(section.add(&payload(3, 65536)).unwrap(), 12288);
        assert_eq!(section.add(&payload(3, 0)).unwrap(), 0);
        assert_eq!(section.find(&payload(9, 3)), None);
        assert_eq!((section.len(), section.into_pieces().len()), (4096 + 65536, 4));
    }
}
