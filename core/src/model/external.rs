//! Tensor data outside of the model: where it is, which paths are refused, and who reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bytes, StringStringEntryProto, TensorProto};
use crate::error::ResultExt;
use crate::{Error, Result};

/// Where the elements of a tensor are when they are not in the model. The path has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalLocation {
    /// Path of the file, relative to the model's folder, with `/` between folders.
    pub location: String,
    /// First byte of the tensor.
    pub offset_bytes: u64,
    /// Number of bytes; `None` if the model does not say, and then the tensor's type and shape do.
    pub length_bytes: Option<u64>,
    /// SHA-1 of the file, if the model gives it. Nothing checks it.
    pub checksum: Option<String>,
}

/// Reads the data that tensors keep outside of the model.
///
/// # Examples
/// ```
/// use ortlet::model::{Bytes, ExternalDataResolver, ExternalLocation, MemoryFiles};
///
/// let files = MemoryFiles::from_iter([("weights.bin", vec![1, 2, 3, 4])]);
/// let location = ExternalLocation {
///     location: "weights.bin".into(),
///     offset_bytes: 1,
///     length_bytes: Some(2),
///     checksum: None,
/// };
/// assert_eq!(files.read(&location)?, Bytes::from(vec![2, 3]));
/// # Ok::<(), ortlet::Error>(())
/// ```
pub trait ExternalDataResolver {
    /// Gives the bytes from `offset_bytes` on, `length_bytes` of them, or all that follow if that is `None`.
    ///
    /// The path has passed [`check_external_path`]; a resolver with a file system has to refuse symbolic links that
    /// leave the model's folder.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `invalid_model` if the range reaches outside of it, `io` if it cannot
    /// be read.
    fn read(&self, location: &ExternalLocation) -> Result<Bytes>;
}

/// A resolver for models that have no external data: finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoExternalData;

impl ExternalDataResolver for NoExternalData {
    fn read(&self, location: &ExternalLocation) -> Result<Bytes> {
        Err(Error::not_found("external data file", &location.location, [""; 0]))
    }
}

/// A resolver with files in memory, by the path that the model uses for them.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<String, Bytes>);

impl<N: Into<String>, B: Into<Bytes>> FromIterator<(N, B)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (N, B)>>(files: I) -> Self {
        Self(files.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect())
    }
}

impl ExternalDataResolver for MemoryFiles {
    fn read(&self, location: &ExternalLocation) -> Result<Bytes> {
        let name = &location.location;
        let file = self.0.get(name);
        let file = file.ok_or_else(|| Error::not_found("external data file", name, self.0.keys()))?;
        location.range(file.len() as u64).and_then(|range| file.slice(range)).ok_or_else(|| {
            Error::invalid_model(format!("external data reaches beyond the {} bytes of `{name}`", file.len()))
        })
    }
}

impl ExternalLocation {
    /// The range of bytes within a file of `file_bytes` bytes; `None` if it reaches outside.
    pub fn range(&self, file_bytes: u64) -> Option<std::ops::Range<usize>> {
        let length = match self.length_bytes {
            Some(length) => length,
            None => file_bytes.checked_sub(self.offset_bytes)?,
        };
        let end = self.offset_bytes.checked_add(length).filter(|&end| end <= file_bytes)?;
        Some(usize::try_from(self.offset_bytes).ok()?..usize::try_from(end).ok()?)
    }
}

/// Refuses paths of external data that leave, or could leave, the model's folder on any operating system.
///
/// # Errors
/// `invalid_model` if the path is empty, absolute, has a drive, a backslash, a NUL, or a part that is `..`.
///
/// # Examples
/// ```
/// use ortlet::model::check_external_path;
///
/// assert!(check_external_path("weights/part-1.bin").is_ok());
/// assert!(check_external_path("../secret").is_err());
/// ```
pub fn check_external_path(location: &str) -> Result<()> {
    let has_drive = location.as_bytes().get(1) == Some(&b':') && location.as_bytes()[0].is_ascii_alphabetic();
    let reason = if location.is_empty() {
        "is empty"
    } else if location.contains('\0') {
        "contains a NUL"
    } else if location.contains('\\') {
        "contains a backslash"
    } else if location.starts_with('/') || has_drive {
        "is absolute"
    } else if location.split('/').any(|part| part == "..") {
        "leaves the model's folder"
    } else if location.starts_with("*/") {
        // ONNX Runtime takes such a location for an address in its own memory.
        "is not a file"
    } else {
        return Ok(());
    };
    let shown: String = location.chars().take(256).collect();
    Err(Error::invalid_model(format!("path of external data {reason}: {shown:?}")))
}

impl TensorProto {
    /// Where the elements are if they are not in the model; `None` if they are.
    ///
    /// # Errors
    /// `invalid_model` if the entries are missing, given twice or malformed, or if the path is refused by
    /// [`check_external_path`].
    pub fn external_location(&self) -> Result<Option<ExternalLocation>> {
        if !self.is_external() {
            return Ok(None);
        }
        self.read_entries().map(Some).with_context(|| format!("tensor `{}`", self.name()))
    }

    fn read_entries(&self) -> Result<ExternalLocation> {
        let location = self.entry("location")?;
        let location = location.ok_or_else(|| Error::invalid_model("external data without `location`"))?;
        check_external_path(location)?;
        Ok(ExternalLocation {
            location: location.to_owned(),
            offset_bytes: self.number("offset")?.unwrap_or(0),
            // Zero stands for "not given", as in ONNX Runtime.
            length_bytes: self.number("length")?.filter(|&length| length > 0),
            checksum: self.entry("checksum")?.map(str::to_owned),
        })
    }

    fn entry(&self, key: &str) -> Result<Option<&str>> {
        let mut found = self.external_data.iter().filter(|entry| entry.key() == key);
        let first = found.next();
        // Readers differ on which of two would count.
        match found.next() {
            Some(_) => Err(Error::invalid_model(format!("external data with two entries `{key}`"))),
            None => Ok(first.map(StringStringEntryProto::value)),
        }
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        let Some(text) = self.entry(key)? else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Offsets are signed 64-bit numbers for ONNX Runtime.
        match text.parse::<i64>() {
            Ok(number) if digits => Ok(Some(number.unsigned_abs())),
            _ => {
                let shown: String = text.chars().take(32).collect();
                Err(Error::invalid_model(format!(
                    "`{key}` of external data is no number of bytes: {shown:?}"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn tensor(entries: &[(&str, &str)]) -> TensorProto {
        let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Default::default()
        };
        TensorProto {
            data_location: Some(1),
            external_data: entries.iter().map(entry).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for good in ["a", "./a", "a/b.bin", "..a", "a..", "a/...", "ä ö", "ab:c"] {
            assert!(check_external_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a\\b",
            "\\\\host\\share",
            "C:a",
            "c:/a",
            "a\0",
            "*/x/*",
        ] {
            let error = check_external_path(bad).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidModel, "{bad}");
        }
    }

    #[test]
    fn entries_are_read_strictly() {
        let read = |entries: &[(&str, &str)]| tensor(entries).external_location();
        let location = read(&[("location", "w"), ("offset", "4"), ("length", "8"), ("future", "x")]);
        let location = location.unwrap().unwrap();
        assert_eq!((location.offset_bytes, location.length_bytes), (4, Some(8)));
        for bad in ["", "-1", "+1", " 1", "1 ", "1x", "0x1", "9223372036854775808", "1e3"] {
            assert!(read(&[("location", "w"), ("offset", bad)]).is_err(), "{bad:?}");
            assert!(read(&[("location", "w"), ("length", bad)]).is_err(), "{bad:?}");
        }
        assert!(read(&[("offset", "0")]).is_err());
        assert!(read(&[("location", "w"), ("location", "w")]).is_err());
        assert_eq!(TensorProto::default().external_location().unwrap(), None);
    }

    #[test]
    fn ranges_stay_inside_of_the_file() {
        let at = |offset_bytes, length_bytes| ExternalLocation {
            location: "w".into(),
            offset_bytes,
            length_bytes,
            checksum: None,
        };
        assert_eq!(at(2, Some(3)).range(5), Some(2..5));
        assert_eq!(at(2, None).range(5), Some(2..5));
        assert_eq!(at(5, None).range(5), Some(5..5));
        for (offset, length) in [(2, Some(4)), (6, None), (u64::MAX, Some(2)), (1, Some(u64::MAX))] {
            assert_eq!(at(offset, length).range(5), None);
        }
    }
}
