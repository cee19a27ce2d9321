//! Memory with gaps, or in another order, copied into row-major order.

use ortlet::tensor::Shape;
use ortlet::{Error, Result};

/// What lies where: `strides` are the distances in bytes between neighbours along each dimension.
pub(super) struct Strided<'a> {
    pub(super) data: *const u8,
    pub(super) shape: &'a Shape,
    pub(super) strides: &'a [isize],
    pub(super) item_bytes: usize,
}

impl Strided<'_> {
    /// Whether the elements are in row-major order without gaps.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = self.item_bytes as isize;
        for (&size, &stride) in self.shape.iter().zip(self.strides).rev() {
            match size {
                0 => return true,
                1 => {}
                _ if stride != expected => return false,
                _ => expected = expected.saturating_mul(size as isize),
            }
        }
        true
    }

    /// A copy of the elements in row-major order.
    ///
    /// # Safety
    /// Every element that shape and strides lead to is there.
    pub(super) unsafe fn copied(&self) -> Result<Vec<u8>> {
        let count = self.shape.element_count()?;
        let size_bytes = count.saturating_mul(self.item_bytes);
        let mut bytes = Vec::new();
        // Strides of 0 make small memory look like more than there is.
        if bytes.try_reserve_exact(size_bytes).is_err() {
            return Err(Error::limit_exceeded("bytes of memory", isize::MAX as u64, size_bytes as u64));
        }
        if count > 0 {
            // SAFETY: as the caller's.
            unsafe { self.copy(self.data, 0, &mut bytes) };
        }
        Ok(bytes)
    }

    unsafe fn copy(&self, data: *const u8, axis: usize, bytes: &mut Vec<u8>) {
        if axis == self.shape.rank() {
            // SAFETY: as the caller's.
            bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(data, self.item_bytes) });
            return;
        }
        for index in 0..self.shape[axis] {
            // SAFETY: an element along the axis, as the caller's.
            unsafe { self.copy(data.offset(index as isize * self.strides[axis]), axis + 1, bytes) };
        }
    }
}
