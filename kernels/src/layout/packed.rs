//! Packed weights that have been checked.

use std::ops::Range;

use super::checksum::xxh64;
use super::{Format, HEADER, Header, Kind, LayoutError, Sections};

/// Packed weights where they lie, checked. See [the layout](crate::layout).
#[derive(Debug, Clone)]
pub struct Packed<'w> {
    bytes: &'w [u8],
    header: Header,
    sections: Sections,
    checksum: u64,
}

impl<'w> Packed<'w> {
    /// Checks everything that memory accesses depend on: the header with its checksum, sizes, alignment and the indices
    /// of outlier channels. Does not read the weights.
    ///
    /// # Errors
    /// [`LayoutError`] says what is wrong. [`LayoutError::Alignment`] can be cured by a copy into
    /// [`AlignedBytes`](crate::AlignedBytes).
    pub fn parse(bytes: &'w [u8]) -> Result<Self, LayoutError> {
        let (header, total, checksum) = Header::read(bytes)?;
        let sections = Sections::of(&header)?;
        if sections.total as u64 != total {
            return Err(LayoutError::Header("the total size does not follow from the shape"));
        }
        if bytes.len() as u64 != total {
            return Err(LayoutError::Length { expected: total, found: bytes.len() as u64 });
        }
        if !bytes.as_ptr().addr().is_multiple_of(64) {
            return Err(LayoutError::Alignment);
        }
        let packed = Self { bytes, header, sections, checksum };
        let indices = packed.outlier_indices();
        let ascending = indices.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || indices.last().is_some_and(|last| *last as usize >= header.k) {
            return Err(LayoutError::Outliers);
        }
        Ok(packed)
    }

    /// Compares the checksum of everything behind the header, which reads it all.
    ///
    /// # Errors
    /// [`LayoutError::Checksum`]
    pub fn verify(&self) -> Result<(), LayoutError> {
        if xxh64(&self.bytes[HEADER..]) == self.checksum {
            return Ok(());
        }
        Err(LayoutError::Checksum("weights"))
    }

    /// What the weights are for.
    pub fn kind(&self) -> Kind {
        self.header.kind
    }

    /// In what form they are stored.
    pub fn format(&self) -> Format {
        self.header.format
    }

    /// Rows of the matrix or of the table.
    pub fn k(&self) -> usize {
        self.header.k
    }

    /// Columns.
    pub fn n(&self) -> usize {
        self.header.n
    }

    /// Whether activations have a scale for each [`GROUP`](crate::layout::GROUP) of their values.
    pub fn grouped(&self) -> bool {
        self.header.grouped
    }

    /// The bytes, header included.
    pub fn bytes(&self) -> &'w [u8] {
        self.bytes
    }

    /// The bias, \[N'\]: N values, then zeros. `None` if there is none.
    pub fn bias(&self) -> Option<&'w [f32]> {
        self.header.has_bias.then(|| self.section(&self.sections.bias))
    }

    /// int8: scales of the columns, \[N'\], or of the rows of a table, \[K\]. Else empty.
    pub fn scales(&self) -> &'w [f32] {
        self.section(&self.sections.scales)
    }

    /// int8: sums of the columns' codes, \[groups, N'\]. Else empty.
    pub fn sums(&self) -> &'w [i32] {
        self.section(&self.sections.sums)
    }

    /// Channels (rows of the matrix) that are kept in full, ascending.
    pub fn outlier_indices(&self) -> &'w [u32] {
        self.section(&self.sections.outlier_indices)
    }

    /// Their weights, \[count, N'\].
    pub fn outlier_rows(&self) -> &'w [f32] {
        self.section(&self.sections.outlier_rows)
    }

    /// Panels of a matrix, or the rows of a table.
    pub(crate) fn values(&self) -> &'w [u8] {
        &self.bytes[self.sections.values.clone()]
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of a panel.
    pub(crate) fn panel_bytes(&self) -> usize {
        self.header.k.div_ceil(self.header.format.values_per_row()) * 64
    }

    fn section<T: Number>(&self, range: &Range<usize>) -> &'w [T] {
        cast(&self.bytes[range.clone()])
    }
}

/// Plain numbers of 4 bytes or fewer: every bit pattern is a value.
pub(crate) trait Number: Copy {}
impl Number for f32 {}
impl Number for i32 {}
impl Number for u32 {}
impl Number for u16 {}
impl Number for i8 {}

/// The bytes as numbers. They begin on a border of 64 bytes, as all sections do.
pub(crate) fn cast<T: Number>(bytes: &[u8]) -> &[T] {
    assert!(bytes.as_ptr().cast::<T>().is_aligned());
    // SAFETY: aligned, as just checked; the length is rounded down; every bit pattern is a `T`.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
}

/// The same, to write.
pub(crate) fn cast_mut<T: Number>(bytes: &mut [u8]) -> &mut [T] {
    assert!(bytes.as_ptr().cast::<T>().is_aligned());
    // SAFETY: as above, and the bytes are borrowed mutably.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>()) }
}
