//! Models are checked here before ONNX Runtime sees them, because it trusts what it parses.

use std::fs;
use std::path::{Path, PathBuf};

use crate::engine::compile::blobs;
use crate::engine::compile::disk::map;
use crate::engine::runtime::ModelFormat;
use crate::error::ResultExt;
use crate::model::{Bytes, ExternalDataResolver, ExternalLocation, Model};
use crate::{Error, Result};

/// What is known of a model that may go to ONNX Runtime.
pub(in crate::engine) struct Admitted {
    pub(in crate::engine) format: ModelFormat,
    /// The files with its external data by the paths that lead there, each once.
    pub(in crate::engine) external_files: Vec<PathBuf>,
    /// Whether it may have nodes of Ortlet's own operators.
    pub(in crate::engine) own_operators: bool,
}

/// The folders that external data may lie in.
pub(in crate::engine) struct Folders {
    /// Where paths of external data start.
    base: Option<PathBuf>,
    /// Real folders that a path may lead into once every link is followed.
    allowed: Vec<PathBuf>,
}

impl Folders {
    /// The folder that the caller names for a model in memory, or none.
    pub(in crate::engine) fn named(folder: Option<&Path>) -> Self {
        let allowed = folder.and_then(|folder| fs::canonicalize(folder).ok()).into_iter().collect();
        Self { base: folder.map(Path::to_owned), allowed }
    }

    /// The folder that a model file lies in. Where the model itself is a link, as in the caches of model hubs, its
    /// data may also lie beside the real file.
    pub(in crate::engine) fn of_file(model: &Path) -> Self {
        let mut folders = Self::named(Some(folder_of(model)));
        folders
            .allowed
            .extend(fs::canonicalize(model).ok().as_deref().and_then(Path::parent).map(Path::to_owned));
        folders
    }

    /// The path of external data, links not followed.
    fn path_of(&self, external: &ExternalLocation) -> PathBuf {
        self.base.iter().collect::<PathBuf>().join(&external.location)
    }

    /// The real file of external data. Refuses what is not there, too short, or reached by a link that leaves the
    /// folders.
    fn file_of(&self, external: &ExternalLocation) -> Result<PathBuf> {
        let name = &external.location;
        let Some(base) = &self.base else {
            return Err(Error::not_found("external data file", name, [""; 0])
                .context("the model is in memory and no external_data_folder is given"));
        };
        let real = fs::canonicalize(base.join(name)).map_err(|_| {
            Error::not_found("external data file", base.join(name).display().to_string(), [""; 0])
        })?;
        if !self.allowed.iter().any(|folder| real.starts_with(folder)) {
            return Err(Error::invalid_model(format!(
                "external data `{name}` leads out of the model's folder"
            )));
        }
        let size = fs::metadata(&real).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        let size = size.ok_or_else(|| Error::invalid_model(format!("external data `{name}` is no file")))?;
        match external.range(size) {
            Some(_) => Ok(real),
            None => Err(Error::invalid_model(format!(
                "external data reaches beyond the {size} bytes of `{name}`"
            ))),
        }
    }
}

impl ExternalDataResolver for Folders {
    /// Maps the file, so that nothing is read that is not looked at.
    fn read(&self, location: &ExternalLocation) -> Result<Bytes> {
        let path = self.file_of(location)?;
        let bytes = Bytes::from_owner(map(&path)?);
        let part = location.range(bytes.len() as u64).and_then(|range| bytes.slice(range));
        part.ok_or_else(|| {
            Error::invalid_model(format!("external data `{}` became shorter", location.location))
        })
    }
}

/// The folder that a file lies in; of a bare name the current one.
pub(in crate::engine) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks a model's bytes: its structure, its sizes, where its external data lies, and weights packed for Ortlet's own
/// operators.
///
/// Models in ORT format pass: ONNX Runtime verifies those itself.
pub(in crate::engine) fn bytes(bytes: &[u8], folders: &Folders) -> Result<Admitted> {
    if is_ort_format(bytes) {
        let format = ModelFormat::Ort;
        return Ok(Admitted { format, external_files: Vec::new(), own_operators: true });
    }
    // SAFETY: the model that shares the bytes ends with this function, before the borrow does.
    let shared = Bytes::from_owner(unsafe { Borrowed::new(bytes) });
    let model = Model::parse(shared)?;
    model.validate()?;
    let mut external_files = Vec::new();
    for tensor in model.tensors() {
        if let Some(external) = tensor.external_location()? {
            folders.file_of(&external).with_context(|| format!("tensor `{}`", tensor.name()))?;
            let file = folders.path_of(&external);
            if !external_files.contains(&file) {
                external_files.push(file);
            }
        }
    }
    blobs::check(&model, folders)?;
    let own_operators = blobs::has_own_operators(&model);
    Ok(Admitted { format: ModelFormat::Onnx, external_files, own_operators })
}

/// Whether a model is in ONNX Runtime's own format, by its first bytes.
pub(in crate::engine) fn is_ort_format(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ORTM")
}

/// Bytes without their lifetime, so that a model can share instead of copying them.
struct Borrowed(&'static [u8]);

impl Borrowed {
    /// # Safety
    /// Nothing made of the result may outlive `bytes`.
    unsafe fn new(bytes: &[u8]) -> Self {
        // SAFETY: by the contract of this function.
        Self(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) })
    }
}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}
