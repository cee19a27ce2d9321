//! `.npz` files: zip archives whose members are `.npy` files.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ortlet::error::ResultExt;
use ortlet::tensor::{DType, Tensor};
use ortlet::{Error, ErrorKind, Result};
use zip::ZipArchive;

use crate::files::io_error;
use crate::npy::read::read_array;

/// An open `.npz` file.
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    /// Opens the archive and reads its directory.
    ///
    /// # Errors
    /// `io`, or `integrity` if it is no zip archive.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, &error))?;
        Ok(Self { path: path.to_path_buf(), zip })
    }

    /// The names of the arrays, without their suffix.
    ///
    /// # Errors
    /// `integrity` if a name is no text.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = self.zip.file_names().collect::<std::result::Result<Vec<_>, _>>();
        let names = names.map_err(|error| damaged(&self.path, &error))?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".npy")).map(str::to_string).collect())
    }

    /// Reads one array; see [`read_npy`](crate::npy::read_npy) for `wanted`.
    ///
    /// # Errors
    /// `not_found` if there is no such array, and as [`read_npy`](crate::npy::read_npy).
    pub fn read(&mut self, name: &str, wanted: Option<DType>) -> Result<Tensor> {
        let member = format!("{name}.npy");
        let Some(index) = self.zip.index_for_name(&member) else {
            return Err(Error::not_found("array", name, self.names()?)
                .context(format!("read `{}`", self.path.display())));
        };
        let mut file = self.zip.by_index(index).map_err(|error| damaged(&self.path, &error))?;
        // The size in the directory is a claim; deflate cannot make more than this of the bytes that are there.
        const MOST_EXPANSION: u64 = 1032;
        let most = file.size().min(file.compressed_size().saturating_mul(MOST_EXPANSION));
        read_array(&mut file, Some(most), wanted)
            .with_context(|| format!("read `{}` of `{}`", name, self.path.display()))
    }
}

fn damaged(path: &Path, error: &zip::result::ZipError) -> Error {
    let (what, reason) = (format!("`{}`", path.display()), format!("not a readable zip archive: {error}"));
    ErrorKind::Integrity { what, reason }.into()
}
