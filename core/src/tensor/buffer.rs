//! Owned memory that starts on a cache line.

use bytemuck::{Pod, Zeroable};

use crate::{Error, Result};

/// Alignment of [`AlignedBuffer`] in bytes: a cache line, and the widest SIMD load.
pub const BUFFER_ALIGN_BYTES: usize = 64;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; BUFFER_ALIGN_BYTES]);

/// Zero-initialised bytes whose first lies on a 64-byte border.
#[derive(Default)]
pub struct AlignedBuffer {
    lines: Vec<Line>,
    len: usize,
}

impl AlignedBuffer {
    /// A buffer of `len` zero bytes.
    ///
    /// # Errors
    /// `limit_exceeded` if the memory cannot be had.
    pub fn zeroed(len: usize) -> Result<Self> {
        let lines = bytemuck::allocation::try_zeroed_slice_box::<Line>(len.div_ceil(BUFFER_ALIGN_BYTES))
            .map_err(|()| Error::limit_exceeded("bytes of memory that can be had", 0, len as u64))?;
        Ok(Self { lines: lines.into_vec(), len })
    }

    /// A copy of `bytes`.
    ///
    /// # Errors
    /// As [`AlignedBuffer::zeroed`].
    pub fn copy_of(bytes: &[u8]) -> Result<Self> {
        let mut buffer = Self::zeroed(bytes.len())?;
        buffer.bytes_mut().copy_from_slice(bytes);
        Ok(buffer)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// The bytes, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_zeroed_and_exact() {
        for len in [0, 1, 63, 64, 65, 4096] {
            let buffer = AlignedBuffer::zeroed(len).unwrap();
            assert_eq!(buffer.bytes().len(), len);
            assert_eq!(buffer.bytes().as_ptr() as usize % BUFFER_ALIGN_BYTES, 0);
            assert!(buffer.bytes().iter().all(|&byte| byte == 0));
        }
        assert!(AlignedBuffer::zeroed(isize::MAX as usize).is_err());
    }
}
