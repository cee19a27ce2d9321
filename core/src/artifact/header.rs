//! The first page of an artifact: magic, version, sizes, the table of sections, and its own digest.

use std::fmt;
use std::ops::Range;

use super::digest::{Digest, digest};
use super::integrity;
use crate::model::ARTIFACT_MAGIC;
use crate::{Error, Result};

/// The first bytes of every artifact. The last ones show damage by transfer as text, and stop `type` on Windows.
pub const MAGIC: [u8; 8] = ARTIFACT_MAGIC;
/// The version of the format that this library writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Sections start on borders of this many bytes, and the header is as long.
pub(super) const PAGE_BYTES: u64 = 4096;
/// What fits on the first page.
pub(super) const MAX_SECTION_COUNT: usize = 60;

const TABLE_AT: usize = 24;
const ENTRY_BYTES: usize = 64;
const DIGEST_AT: usize = PAGE_BYTES as usize - 32;
/// Kinds from here on may be skipped by readers that do not know them.
const FIRST_IGNORABLE_KIND: u32 = 1 << 31;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionKind {
    /// The [`Manifest`](super::Manifest), as JSON.
    Manifest,
    /// The model as it was given, its large tensors in the portable data.
    PortableModel,
    /// Tensors, as raw bytes.
    PortableData,
    /// The model as ONNX Runtime has optimised it for one device.
    DeviceModel,
    /// Tensors and pre-packed weights that only this device's model uses.
    DeviceData,
    /// A kind that this version does not know and may skip; its number.
    Ignorable(u32),
}

impl SectionKind {
    fn number(self) -> u32 {
        match self {
            Self::Manifest => 1,
            Self::PortableModel => 2,
            Self::PortableData => 3,
            Self::DeviceModel => 4,
            Self::DeviceData => 5,
            Self::Ignorable(number) => number,
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Manifest,
            2 => Self::PortableModel,
            3 => Self::PortableData,
            4 => Self::DeviceModel,
            5 => Self::DeviceData,
            FIRST_IGNORABLE_KIND.. => Self::Ignorable(number),
            _ => return None,
        })
    }

    fn is_of_device(self) -> bool {
        matches!(self, Self::DeviceModel | Self::DeviceData)
    }
}

/// An entry of the table of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Which device it is for, counted from 0; 0 if it is for none.
    pub device: u32,
    /// Its first byte in the file.
    pub offset_bytes: u64,
    /// Its size, without padding.
    pub length_bytes: u64,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
}

impl Section {
    /// The bytes of the file that it takes.
    pub fn range(&self) -> Range<u64> {
        self.offset_bytes..self.offset_bytes.saturating_add(self.length_bytes)
    }

    pub(super) fn is(&self, kind: SectionKind, device: u32) -> bool {
        self.kind == kind && self.device == device
    }
}

impl fmt::Display for Section {
    /// For messages: `data of device 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SectionKind::Manifest => f.write_str("manifest"),
            SectionKind::PortableModel => f.write_str("portable model"),
            SectionKind::PortableData => f.write_str("portable data"),
            SectionKind::DeviceModel => write!(f, "model of device {}", self.device),
            SectionKind::DeviceData => write!(f, "data of device {}", self.device),
            SectionKind::Ignorable(kind) => write!(f, "section of kind {kind:#x}"),
        }
    }
}

/// The next border of a page; `None` beyond the end of numbers.
pub(super) fn page_up(offset: u64) -> Option<u64> {
    offset.checked_next_multiple_of(PAGE_BYTES)
}

/// Writes the first page.
///
/// # Errors
/// `limit_exceeded` if there are more sections than fit.
pub(super) fn encode(sections: &[Section], file_bytes: u64) -> Result<Vec<u8>> {
    if sections.len() > MAX_SECTION_COUNT {
        let (limit, actual) = (MAX_SECTION_COUNT as u64, sections.len() as u64);
        return Err(Error::limit_exceeded("number of sections in an artifact", limit, actual));
    }
    let mut page = Vec::with_capacity(PAGE_BYTES as usize);
    page.extend_from_slice(&MAGIC);
    page.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    page.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    page.extend_from_slice(&file_bytes.to_le_bytes());
    for section in sections {
        page.extend_from_slice(&section.kind.number().to_le_bytes());
        page.extend_from_slice(&section.device.to_le_bytes());
        page.extend_from_slice(&section.offset_bytes.to_le_bytes());
        page.extend_from_slice(&section.length_bytes.to_le_bytes());
        page.extend_from_slice(&section.digest);
        page.extend_from_slice(&[0; 8]);
    }
    page.resize(DIGEST_AT, 0);
    let own: Digest = digest(&page);
    page.extend_from_slice(&own);
    Ok(page)
}

/// Reads the first page of a file and checks everything that it says of itself.
///
/// # Errors
/// `invalid_model` if this is no artifact, `unsupported` for newer formats, `integrity` for damage.
pub(super) fn decode(file: &[u8]) -> Result<Vec<Section>> {
    if !file.starts_with(&MAGIC) {
        return Err(Error::invalid_model("this is not an Ortlet artifact: it does not start with `ORTLET`"));
    }
    let page = file.get(..PAGE_BYTES as usize);
    let page = page.ok_or_else(|| damage("the file ends inside of it"))?;
    check_version(u32_at(page, 8))?;
    if digest(&page[..DIGEST_AT])[..] != page[DIGEST_AT..] {
        return Err(damage("its digest does not match"));
    }
    check_length(u64_at(page, 16), file.len() as u64)?;
    let count = u32_at(page, 12) as usize;
    if count > MAX_SECTION_COUNT {
        return Err(damage(format!("{count} sections, at most {MAX_SECTION_COUNT} are possible")));
    }
    let (table, rest) = page[TABLE_AT..DIGEST_AT].split_at(count * ENTRY_BYTES);
    if rest.iter().any(|&byte| byte != 0) {
        return Err(damage("bytes after the table of sections"));
    }
    let sections = table.chunks_exact(ENTRY_BYTES).map(entry).collect::<Result<Vec<_>>>()?;
    check_places(&sections, file.len() as u64)?;
    Ok(sections)
}

fn check_version(version: u32) -> Result<()> {
    match version {
        FORMAT_VERSION => Ok(()),
        0 => Err(damage("format version 0 does not exist")),
        newer => Err(Error::unsupported(
            format!("artifact format version {newer}"),
            format!(
                "this library reads version {FORMAT_VERSION}; update Ortlet or compile the model again with this version"
            ),
        )),
    }
}

fn check_length(stated: u64, actual: u64) -> Result<()> {
    if stated == actual {
        return Ok(());
    }
    let reason = format!("the file has {actual} bytes, but was written with {stated}");
    Err(integrity("artifact", reason))
}

fn entry(bytes: &[u8]) -> Result<Section> {
    let number = u32_at(bytes, 0);
    let kind = SectionKind::from_number(number).ok_or_else(|| {
        Error::unsupported(
            format!("artifact section of kind {number}"),
            "update Ortlet or compile the model again with this version",
        )
    })?;
    let device = u32_at(bytes, 4);
    let mut digest = [0; 32];
    digest.copy_from_slice(&bytes[24..56]);
    let section =
        Section { kind, device, offset_bytes: u64_at(bytes, 8), length_bytes: u64_at(bytes, 16), digest };
    let known = !matches!(kind, SectionKind::Ignorable(_));
    if known && (bytes[56..] != [0; 8] || (device != 0 && !kind.is_of_device())) {
        return Err(damage(format!("the entry of the {section} has fields that must be zero")));
    }
    Ok(section)
}

/// Sections follow each other with nothing but padding between, so that no byte escapes the digests.
fn check_places(sections: &[Section], file_bytes: u64) -> Result<()> {
    let mut end = PAGE_BYTES;
    for (index, section) in sections.iter().enumerate() {
        if page_up(end) != Some(section.offset_bytes) {
            return Err(damage(format!("the {section} does not follow the section before it")));
        }
        end = section
            .offset_bytes
            .checked_add(section.length_bytes)
            .filter(|&end| end <= file_bytes)
            .ok_or_else(|| damage(format!("the {section} reaches beyond the file")))?;
        if sections[..index].iter().any(|other| other.is(section.kind, section.device)) {
            return Err(damage(format!("there are two sections `{section}`")));
        }
    }
    if end == file_bytes { Ok(()) } else { Err(damage("bytes after the last section")) }
}

fn damage(reason: impl Into<String>) -> Error {
    integrity("header of the artifact", reason)
}

/// The number at a place that the caller knows to be inside.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn section(kind: SectionKind, device: u32, offset_bytes: u64, length_bytes: u64) -> Section {
        Section { kind, device, offset_bytes, length_bytes, digest: [7; 32] }
    }

    fn file(sections: &[Section], len: usize) -> Vec<u8> {
        let mut file = encode(sections, len as u64).unwrap();
        file.resize(len, 0);
        file
    }

    #[test]
    fn a_table_comes_back() {
        let sections = [
            section(SectionKind::PortableData, 0, 4096, 5000),
            section(SectionKind::DeviceData, 3, 12288, 0),
            section(SectionKind::DeviceModel, 3, 12288, 100),
            section(SectionKind::Ignorable(0x8000_0001), 9, 16384, 1),
        ];
        assert_eq!(decode(&file(&sections, 16385)).unwrap(), sections);
        let full: Vec<_> = (0..60).map(|device| section(SectionKind::DeviceModel, device, 4096, 0)).collect();
        assert_eq!(decode(&file(&full, 4096)).unwrap(), full);
        assert_eq!(encode(&vec![full[0]; 61], 4096).unwrap_err().code(), ErrorCode::LimitExceeded);
    }

    #[test]
    fn tables_that_lie_are_refused() {
        let refused = |sections: &[Section], len: usize| {
            assert_eq!(
                decode(&file(sections, len)).unwrap_err().code(),
                ErrorCode::Integrity,
                "{sections:?}"
            );
        };
        let manifest = section(SectionKind::Manifest, 0, 4096, 10);
        let model = |offset, length| section(SectionKind::PortableModel, 0, offset, length);
        refused(&[manifest], 4107);
        refused(&[manifest], 4105);
        refused(&[section(SectionKind::Manifest, 0, 0, 10)], 4096);
        refused(&[section(SectionKind::Manifest, 1, 4096, 10)], 4106);
        refused(&[manifest, section(SectionKind::Manifest, 0, 8192, 10)], 8202);
        refused(&[manifest, model(4100, 10)], 4110);
        refused(&[manifest, model(4096, 10)], 4106);
        refused(&[manifest, model(12288, 10)], 12298);
        refused(&[manifest, model(8192, u64::MAX)], 8192);
        refused(&[manifest, model(8192, u64::MAX - 8191)], 8192);
        refused(&[section(SectionKind::Manifest, 0, 4096, u64::MAX - 4096), model(0, 0)], 4096);
    }

    #[test]
    fn what_is_newer_says_so() {
        let mut page = file(&[], 4096);
        page[8] = 2;
        let error = decode(&page).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().contains("update Ortlet"), "{error}");
        // A kind that must be understood.
        let unknown = [section(SectionKind::Ignorable(6), 0, 4096, 0)];
        assert_eq!(decode(&file(&unknown, 4096)).unwrap_err().code(), ErrorCode::Unsupported);
    }
}
