//! Just enough of the zip format to read a wheel whose SHA-256 has already been checked.
//!
//! No encryption, no zip64, no spanning: wheels of pinned content have none of them, and a crate for all of zip
//! would cost every first build several seconds.

use anyhow::{Context, Result, bail, ensure};

/// The files of an archive.
pub struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry<'a>>,
}

/// One file of an archive.
pub struct Entry<'a> {
    pub name: &'a str,
    method: u16,
    packed_size: usize,
    size: usize,
    header: usize,
}

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const HEADER: &[u8] = b"PK\x03\x04";

impl<'a> Archive<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        // The end record closes the file, before a comment of at most 64 KiB.
        let from = bytes.len().saturating_sub(22 + 0xffff);
        let tail = bytes.get(from..).unwrap_or_default();
        let end = tail.windows(4).rposition(|window| window == END).context("not a zip archive")?;
        let end = from + end;
        let (count, mut at) = (u16_at(bytes, end + 10)?, u32_at(bytes, end + 16)?);
        let mut entries = Vec::new();
        for _ in 0..count {
            ensure!(bytes.get(at..at + 4) == Some(ENTRY), "damaged zip directory");
            let name_length = u16_at(bytes, at + 28)?;
            let skip = name_length + u16_at(bytes, at + 30)? + u16_at(bytes, at + 32)?;
            let name = bytes.get(at + 46..at + 46 + name_length).context("damaged zip directory")?;
            entries.push(Entry {
                name: std::str::from_utf8(name).context("a zip entry's name is not UTF-8")?,
                method: u16_at(bytes, at + 10)? as u16,
                packed_size: u32_at(bytes, at + 20)?,
                size: u32_at(bytes, at + 24)?,
                header: u32_at(bytes, at + 42)?,
            });
            at += 46 + skip;
        }
        Ok(Self { bytes, entries })
    }

    /// The files, without the folders.
    pub fn files(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| !entry.name.ends_with('/'))
    }

    pub fn find(&self, name: &str) -> Option<&Entry<'a>> {
        self.files().find(|entry| entry.name == name)
    }

    pub fn contents(&self, entry: &Entry<'_>) -> Result<Vec<u8>> {
        self.unpack(entry).with_context(|| format!("unpack {}", entry.name))
    }

    fn unpack(&self, entry: &Entry<'_>) -> Result<Vec<u8>> {
        let at = entry.header;
        ensure!(self.bytes.get(at..at + 4) == Some(HEADER), "damaged zip header");
        let start = at + 30 + u16_at(self.bytes, at + 26)? + u16_at(self.bytes, at + 28)?;
        let packed = self.bytes.get(start..start + entry.packed_size).context("truncated zip data")?;
        let contents = match entry.method {
            0 => packed.to_vec(),
            8 => miniz_oxide::inflate::decompress_to_vec_with_limit(packed, entry.size)
                .map_err(|error| anyhow::anyhow!("inflate: {:?}", error.status))?,
            other => bail!("zip method {other} is not supported"),
        };
        ensure!(contents.len() == entry.size, "{} bytes instead of {}", contents.len(), entry.size);
        Ok(contents)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<usize> {
    let field = bytes.get(at..at + 2).context("truncated zip archive")?;
    Ok(usize::from(u16::from_le_bytes([field[0], field[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(u16_at(bytes, at)? | u16_at(bytes, at + 2)? << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one file: header, data, directory, end.
    fn archive(name: &str, method: u8, packed: &[u8], size: u32) -> Vec<u8> {
        let sizes = [(packed.len() as u32).to_le_bytes(), size.to_le_bytes()].concat();
        let name_length = (name.len() as u16).to_le_bytes();
        let mut bytes = HEADER.to_vec();
        bytes.extend([20, 0, 0, 0, method, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(&sizes);
        bytes.extend(name_length);
        bytes.extend([0, 0]);
        bytes.extend(name.as_bytes());
        bytes.extend(packed);
        let directory = bytes.len() as u32;
        bytes.extend(ENTRY);
        bytes.extend([20, 0, 20, 0, 0, 0, method, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(&sizes);
        bytes.extend(name_length);
        bytes.extend([0; 16]);
        bytes.extend(name.as_bytes());
        bytes.extend(END);
        bytes.extend([0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
        bytes.extend(directory.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn stored_and_deflated_files_are_read() {
        // A final "stored" block of deflate: length, complement, bytes.
        let deflated = [1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
        for (method, packed) in [(0, &b"abc"[..]), (8, &deflated[..])] {
            let bytes = archive("folder/name", method, packed, 3);
            let archive = Archive::read(&bytes).unwrap();
            let entry = archive.find("folder/name").unwrap();
            assert_eq!(archive.contents(entry).unwrap(), b"abc");
        }
    }

    #[test]
    fn damage_is_an_error() {
        assert!(Archive::read(b"").is_err());
        assert!(Archive::read(&[0; 100]).is_err());
        let bytes = archive("name", 0, b"abc", 4);
        let archive = Archive::read(&bytes).unwrap();
        assert!(archive.contents(archive.find("name").unwrap()).is_err());
    }
}
