//! `.npz` files: zip archives whose members are `.npy` files.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::read::read;
use crate::error::ResultExt;
use crate::tensor::{DType, Tensor};
use crate::{Error, ErrorKind, Result};

/// Deflate cannot make more than this of the bytes that are there.
const MOST_EXPANSION: u64 = 1032;

/// The arrays of a `.npz` file.
pub struct Archive<R> {
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the archive's directory. The source is read in small pieces, so it should have a buffer.
    ///
    /// # Errors
    /// `integrity` if it is no zip archive.
    pub fn new(source: R) -> Result<Self> {
        Ok(Self { zip: ZipArchive::new(source).map_err(|error| damaged(&error))? })
    }

    /// The names of the arrays, without their suffix.
    ///
    /// # Errors
    /// `integrity` if a name is no text.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = self.zip.file_names().collect::<std::result::Result<Vec<_>, _>>();
        let names = names.map_err(|error| damaged(&error))?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".npy")).map(str::to_string).collect())
    }

    /// Reads one array; see [`read`](super::read()) for `wanted`. Takes memory for no more than the stored bytes can hold.
    ///
    /// # Errors
    /// `not_found` if there is no such array, and as [`read`](super::read()).
    pub fn read(&mut self, name: &str, wanted: Option<DType>) -> Result<Tensor> {
        let Some(index) = self.zip.index_for_name(&format!("{name}.npy")) else {
            return Err(Error::not_found("array", name, self.names()?));
        };
        let mut file = self.zip.by_index(index).map_err(|error| damaged(&error))?;
        // The size in the directory is a claim.
        let most = file.size().min(file.compressed_size().saturating_mul(MOST_EXPANSION));
        let tensor = read(&mut file, Some(most), wanted).with_context(|| format!("array `{name}`"))?;
        // The checksum is compared where the data ends.
        let end = file.read(&mut [0]).map_err(ZipError::from);
        end.map_err(|error| damaged(&error)).with_context(|| format!("array `{name}`"))?;
        Ok(tensor)
    }
}

fn damaged(error: &ZipError) -> Error {
    let reason = format!("not a readable zip archive: {error}");
    ErrorKind::Integrity { what: "the archive".into(), reason }.into()
}
