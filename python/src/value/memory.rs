//! Memory that a Python object holds.

use ortlet::tensor::{DType, Shape, SharedBytes, TensorView, TensorViewMut};
use ortlet::{Error, Result};
use pyo3::prelude::*;

/// Where the elements of a tensor of Python's lie, in row-major order without gaps.
pub(crate) struct Memory {
    data: *mut u8,
    size_bytes: usize,
    is_writable: bool,
    /// What keeps the memory in place.
    _owner: Py<PyAny>,
}

// SAFETY: the memory stays where it is for as long as the owner lives, which any thread may drop. That nobody changes it
// while a run reads it is what the documentation asks of callers, as every library that shares memory with Python does.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// # Safety
    /// `data` leads to `size_bytes` bytes for as long as `owner` lives; they may be written if `is_writable`.
    pub(crate) unsafe fn new(data: *mut u8, size_bytes: usize, is_writable: bool, owner: Py<PyAny>) -> Self {
        let data = if size_bytes == 0 { std::ptr::NonNull::dangling().as_ptr() } else { data };
        Self { data, size_bytes, is_writable, _owner: owner }
    }

    /// Whether some of the bytes are also the other's.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let range = |memory: &Self| (memory.data.addr(), memory.data.addr() + memory.size_bytes);
        let ((start, end), (other_start, other_end)) = (range(self), range(other));
        start < other_end && other_start < end
    }

    /// The bytes, to be written by runs.
    pub(crate) fn writable(&self) -> Result<*mut u8> {
        match self.is_writable {
            true => Ok(self.data),
            false => Err(Error::invalid_argument("memory", "is read-only")),
        }
    }
}

impl SharedBytes for Memory {
    fn bytes(&self) -> &[u8] {
        // SAFETY: see `new`.
        unsafe { std::slice::from_raw_parts(self.data, self.size_bytes) }
    }
}

/// A tensor in memory of Python's.
pub(crate) struct Foreign {
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) memory: Memory,
}

impl Foreign {
    pub(crate) fn view(&self) -> Result<TensorView<'_>> {
        TensorView::from_bytes(self.dtype, self.shape.clone(), self.memory.bytes())
    }
}

/// The tensor, to be written.
///
/// # Safety
/// The view must not outlive the owner of the memory.
pub(crate) unsafe fn foreign_mut(own: &Foreign) -> Result<TensorViewMut<'static>> {
    let data = own.memory.writable()?;
    // SAFETY: as many bytes as the owner has, for as long as the caller keeps it.
    let bytes = unsafe { std::slice::from_raw_parts_mut(data, own.memory.size_bytes) };
    TensorViewMut::from_bytes(own.dtype, own.shape.clone(), bytes)
}
