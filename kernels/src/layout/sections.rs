//! Where the parts of packed weights lie. All follows from the numbers of the header.

use std::ops::Range;

use super::header::HEADER;
use super::{Format, Header, Kind, LayoutError};

/// Byte ranges, each from a 64-byte border; empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sections {
    pub bias: Range<usize>,
    pub scales: Range<usize>,
    pub sums: Range<usize>,
    pub outlier_indices: Range<usize>,
    pub outlier_rows: Range<usize>,
    /// Panels of a matrix, or the rows of a table.
    pub values: Range<usize>,
    /// Bytes of everything.
    pub total: usize,
}

impl Sections {
    /// An error if the sizes go beyond what can be addressed.
    pub fn of(header: &Header) -> Result<Self, LayoutError> {
        place(header).ok_or(LayoutError::Header("the sizes are too large"))
    }
}

fn place(header: &Header) -> Option<Sections> {
    let mut end = HEADER;
    let mut section = |bytes: usize| {
        let start = end;
        end = start.checked_add(bytes)?.checked_next_multiple_of(64)?;
        // Slices are not longer than this.
        (end <= isize::MAX as usize).then_some(start..start + bytes)
    };
    let int8 = header.format == Format::Int8;
    let columns = header.padded_n().checked_mul(4)?;
    let times = |bytes: usize, count: usize, there: bool| bytes.checked_mul(if there { count } else { 0 });
    if header.kind == Kind::Embedding {
        let scales = section(times(header.k, 4, int8)?)?;
        let row = header.n.checked_mul(header.format.bytes())?;
        let values = section(row.checked_mul(header.k)?)?;
        let none = HEADER..HEADER;
        return Some(Sections {
            bias: none.clone(),
            scales,
            sums: none.clone(),
            outlier_indices: none.clone(),
            outlier_rows: none,
            values,
            total: end,
        });
    }
    let panel = header.k.div_ceil(header.format.values_per_row()).checked_mul(64)?;
    Some(Sections {
        bias: section(times(columns, 1, header.has_bias)?)?,
        scales: section(times(columns, 1, int8)?)?,
        sums: section(times(columns, header.groups(), int8)?)?,
        outlier_indices: section(header.outliers.checked_mul(4)?)?,
        outlier_rows: section(columns.checked_mul(header.outliers)?)?,
        values: section(panel.checked_mul(header.padded_n() / super::PANEL)?)?,
        total: end,
    })
}
