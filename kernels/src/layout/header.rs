//! The first 128 bytes: what the weights are. Every number is checked here before anything uses it.

use super::checksum::xxh64;
use super::{Format, GROUP, Kind, LayoutError, PANEL};

pub const HEADER: usize = 128;
pub const MAGIC: [u8; 8] = *b"ORTLETKW";
pub const VERSION: u32 = 1;

const FLAG_BIAS: u32 = 1;
const AT_PAYLOAD_CHECKSUM: usize = 56;
const AT_HEADER_CHECKSUM: usize = 64;
const USED: usize = 72;

/// Above this, a sum over all K of products of codes might not fit 32 bits.
pub const MAXIMUM_K_OF_ONE_SUM: usize = 1 << 16;
/// So that products of sizes stay far from the end of 64 bits.
const MAXIMUM_DIMENSION: u64 = 1 << 31;

/// The numbers of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub format: Format,
    pub has_bias: bool,
    pub k: usize,
    pub n: usize,
    pub grouped: bool,
    pub outliers: usize,
}

impl Header {
    /// Whether the numbers can be, together.
    pub fn check(&self) -> Result<(), LayoutError> {
        let int8 = self.format == Format::Int8;
        let embedding = self.kind == Kind::Embedding;
        if self.k == 0 || self.n == 0 {
            return Err(LayoutError::Header("a dimension is 0"));
        }
        if self.k as u64 > MAXIMUM_DIMENSION || self.n as u64 > MAXIMUM_DIMENSION {
            return Err(LayoutError::Header("a dimension is too large"));
        }
        if embedding && (self.has_bias || self.grouped || self.outliers != 0) {
            return Err(LayoutError::Header("a table has neither bias nor groups nor outlier channels"));
        }
        if !int8 && (self.grouped || self.outliers != 0) {
            return Err(LayoutError::Header("groups and outlier channels are for int8 only"));
        }
        if int8 && !embedding && !self.grouped && self.k > MAXIMUM_K_OF_ONE_SUM {
            return Err(LayoutError::Header("so many rows in int8 need groups"));
        }
        if self.outliers > self.k {
            return Err(LayoutError::Header("more outlier channels than rows"));
        }
        Ok(())
    }

    /// Columns with the zeros behind them.
    pub fn padded_n(&self) -> usize {
        self.n.next_multiple_of(PANEL)
    }

    /// Activation scales of a row.
    pub fn groups(&self) -> usize {
        if self.grouped { self.k.div_ceil(GROUP) } else { 1 }
    }

    /// Reads and checks the header. Also gives the total size and the checksum of the payload.
    pub fn read(bytes: &[u8]) -> Result<(Self, u64, u64), LayoutError> {
        let incomplete = LayoutError::Length { expected: HEADER as u64, found: bytes.len() as u64 };
        let bytes: &[u8; HEADER] = bytes.first_chunk().ok_or(incomplete)?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        if bytes[..8] != MAGIC {
            return Err(LayoutError::Magic);
        }
        if word(8) != VERSION {
            return Err(LayoutError::Version { expected: VERSION, found: word(8) });
        }
        if long(AT_HEADER_CHECKSUM) != xxh64(&bytes[..AT_HEADER_CHECKSUM]) {
            return Err(LayoutError::Checksum("header"));
        }
        if bytes[USED..].iter().any(|byte| *byte != 0) {
            return Err(LayoutError::Header("bytes of no meaning are not 0"));
        }
        let size =
            |value: u64| usize::try_from(value).map_err(|_| LayoutError::Header("a size is too large"));
        let header = Self {
            kind: Kind::from_number(word(12)).ok_or(LayoutError::Header("unknown kind"))?,
            format: Format::from_number(word(16)).ok_or(LayoutError::Header("unknown format"))?,
            has_bias: match word(20) {
                0 => false,
                FLAG_BIAS => true,
                _ => return Err(LayoutError::Header("unknown flags")),
            },
            k: size(long(24))?,
            n: size(long(32))?,
            grouped: match word(40) {
                0 => false,
                group if group as usize == GROUP => true,
                _ => return Err(LayoutError::Header("unknown size of groups")),
            },
            outliers: word(44) as usize,
        };
        header.check()?;
        Ok((header, long(48), long(AT_PAYLOAD_CHECKSUM)))
    }

    /// Writes the header in front of a payload that is complete.
    pub fn write(&self, bytes: &mut [u8]) {
        let total = bytes.len() as u64;
        let (head, payload) = bytes.split_at_mut(HEADER);
        head.fill(0);
        let group = if self.grouped { GROUP as u32 } else { 0 };
        head[..8].copy_from_slice(&MAGIC);
        let words = [
            (8, VERSION),
            (12, self.kind.number()),
            (16, self.format.number()),
            (20, if self.has_bias { FLAG_BIAS } else { 0 }),
            (40, group),
            (44, self.outliers as u32),
        ];
        for (at, word) in words {
            head[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let longs =
            [(24, self.k as u64), (32, self.n as u64), (48, total), (AT_PAYLOAD_CHECKSUM, xxh64(payload))];
        for (at, long) in longs {
            head[at..at + 8].copy_from_slice(&long.to_le_bytes());
        }
        let checksum = xxh64(&head[..AT_HEADER_CHECKSUM]);
        head[AT_HEADER_CHECKSUM..USED].copy_from_slice(&checksum.to_le_bytes());
    }
}
