//! What can go wrong, as types.

use crate::layout::Kind;

/// Why bytes are not packed weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The bytes do not begin on a 64-byte border. Copy them into [`AlignedBytes`](crate::AlignedBytes).
    #[error("packed weights have to begin on a 64-byte border")]
    Alignment,
    /// The bytes end before, or go on behind, where they should end.
    #[error("packed weights of {expected} bytes have {found}")]
    Length {
        /// How many bytes there should be. While the header is incomplete: its size.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The bytes begin with something else.
    #[error("these are not packed weights: the first bytes are others")]
    Magic,
    /// Written by another version of the layout.
    #[error("packed weights of version {found} of the layout; this is version {expected}")]
    Version {
        /// The version that this crate reads.
        expected: u32,
        /// The version of the bytes.
        found: u32,
    },
    /// A number of the header that cannot be, or not together with the others.
    #[error("packed weights with a wrong header: {0}")]
    Header(&'static str),
    /// The header or the rest is not what was written.
    #[error("packed weights are damaged: checksum of the {0}")]
    Checksum(&'static str),
    /// Indices of outlier channels have to be ascending and lie within the rows.
    #[error("packed weights with wrong indices of outlier channels")]
    Outliers,
    /// A table where a matrix is needed, or the other way round.
    #[error("packed weights of kind {found:?}, needed is {expected:?}")]
    Kind {
        /// The kind that is needed.
        expected: Kind,
        /// The kind that the bytes are.
        found: Kind,
    },
}

/// Why weights cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A slice whose length does not follow from the shape.
    #[error("{what}: {expected} values are needed, there are {found}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// How many values there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A dimension is 0, or so large that the layout does not hold it.
    #[error("a matrix of {k} x {n} cannot be packed")]
    Size {
        /// Rows.
        k: usize,
        /// Columns.
        n: usize,
    },
    /// The value is not finite, or not in this format.
    #[error("the weight in row {row}, column {column} has no value in this format")]
    Value {
        /// Row of the weight.
        row: usize,
        /// Column of the weight.
        column: usize,
    },
    /// Codes are from -127 to 127.
    #[error("the code in row {row}, column {column} is -128; codes are from -127 to 127")]
    Code {
        /// Row of the code.
        row: usize,
        /// Column of the code.
        column: usize,
    },
    /// Indices of outlier channels have to be ascending and lie within the rows.
    #[error("outlier channels have to be ascending and below the number of rows")]
    Outliers,
    /// Only int8 has outlier channels and groups.
    #[error("{0} are for int8 only")]
    Format(&'static str),
}

/// Why a kernel did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// `ORTLET_KERNELS` (or the caller) names an instruction set that does not exist or that this CPU lacks.
    #[error("instruction set `{name}`: {reason}; this CPU has {available}")]
    Isa {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
        /// Names of those that can be had.
        available: String,
    },
    /// The weights are no packed weights, or of the wrong kind.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A slice whose length does not follow from the shapes.
    #[error("{what}: {expected} values are needed, there are {found}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// How many values there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Shapes that do not fit each other.
    #[error("{0}")]
    Shape(&'static str),
    /// An id that no row of the table has.
    #[error("id {index} in a table of {rows} rows")]
    Index {
        /// The id.
        index: i64,
        /// Rows of the table.
        rows: usize,
    },
}
