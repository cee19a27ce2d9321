//! The layout of packed weights, version 1.
//!
//! Bytes in little-endian order that begin on a 64-byte border: a header of 128 bytes, then sections, each beginning on
//! a 64-byte border. Where the sections lie is not stored, it follows from the header. All padding is zeros.
//!
//! # Header
//!
//! | at | type | what |
//! | --- | --- | --- |
//! | 0 | 8 bytes | `ORTLETKW` |
//! | 8 | u32 | version of the layout, 1 |
//! | 12 | u32 | kind: 1 matrix of a linear layer, 2 table of embeddings |
//! | 16 | u32 | format: 1 fp32, 2 fp16, 3 bf16, 4 int8 |
//! | 20 | u32 | flags: 1 = there is a bias |
//! | 24 | u64 | K: rows of the matrix or of the table |
//! | 32 | u64 | N: columns |
//! | 40 | u32 | 0: one scale for a row of activations; 128: one for each 128 of its values |
//! | 44 | u32 | number of outlier channels |
//! | 48 | u64 | bytes of everything |
//! | 56 | u64 | XXH64 of everything behind the header |
//! | 64 | u64 | XXH64 of the 64 bytes before |
//! | 72 | | zeros |
//!
//! # Sections of a matrix
//!
//! N' is N rounded up to a multiple of 16.
//!
//! 1. bias, f32 \[N'\] (if flagged)
//! 2. scales of the columns, f32 \[N'\] (int8)
//! 3. sums of a column's codes, i32 \[groups, N'\], over each group of 128 rows, or over all (int8)
//! 4. outlier channels, u32 ascending, each below K (int8)
//! 5. their rows, f32 \[count, N'\]: the weights as they were; their codes are 0 (int8)
//! 6. panels
//!
//! A panel is 16 columns. It consists of rows of **64 bytes**: for each of the 16 columns, one after the other, 1 f32,
//! 2 fp16 or bf16, or 4 i8, which are consecutive in K. K is filled up with zeros to whole rows. This is the order in
//! which the dot products of AVX-512, AVX-VNNI and NEON read, and `maddubs` too.
//!
//! # Sections of a table
//!
//! 1. scales of the rows, f32 \[K\] (int8)
//! 2. the rows, N values each, without gaps
//!
//! # Trust
//!
//! [`Packed::parse`] checks everything that memory accesses depend on, so that any bytes are safe to parse and to
//! compute with. [`Packed::verify`] also compares the checksum of the payload, which reads all of it.

mod aligned;
mod checksum;
mod header;
mod packed;
mod sections;

pub use aligned::AlignedBytes;
pub use checksum::xxh64;
pub use packed::Packed;
pub(crate) use packed::{cast, cast_mut};

pub use crate::error::LayoutError;
pub(crate) use header::{HEADER, Header};
pub(crate) use sections::Sections;

/// Columns of a panel.
pub const PANEL: usize = 16;

/// Values of a row of activations that have a scale in common, if not the whole row.
pub const GROUP: usize = 128;

/// The version of the layout that this crate reads and writes.
pub const VERSION: u32 = header::VERSION;

/// In what form weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// IEEE 754, 32 bits.
    Fp32,
    /// IEEE 754, 16 bits.
    Fp16,
    /// The upper half of an fp32.
    Bf16,
    /// Whole numbers from -127 to 127, times a scale.
    Int8,
}

impl Format {
    /// Bytes of a value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Fp32 => 4,
            Self::Fp16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Values of a column in a panel's row of 64 bytes.
    pub const fn values_per_row(self) -> usize {
        4 / self.bytes()
    }

    const fn number(self) -> u32 {
        match self {
            Self::Fp32 => 1,
            Self::Fp16 => 2,
            Self::Bf16 => 3,
            Self::Int8 => 4,
        }
    }

    const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Fp32),
            2 => Some(Self::Fp16),
            3 => Some(Self::Bf16),
            4 => Some(Self::Int8),
            _ => None,
        }
    }
}

/// What the weights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The matrix of a [`Linear`](crate::Linear).
    Linear,
    /// The table of an [`Embedding`](crate::Embedding).
    Embedding,
}

impl Kind {
    const fn number(self) -> u32 {
        match self {
            Self::Linear => 1,
            Self::Embedding => 2,
        }
    }

    const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Linear),
            2 => Some(Self::Embedding),
            _ => None,
        }
    }
}
