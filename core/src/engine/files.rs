//! The methods of portable and engine types that touch the file system.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::artifact::Artifact;
use crate::engine::compile::admit;
use crate::engine::compile::disk::{io_error, map};
use crate::engine::compile::{CacheEntry, Store};
use crate::engine::runtime::{Cache, SessionOptions};
use crate::engine::session::title;
use crate::error::ResultExt;
use crate::model::{Bytes, ExternalDataResolver, Model};

impl Model {
    /// Reads a model file. Payloads of tensors are read once and shared; external data stays where it is.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, and those of [`Model::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let open = || Self::parse(fs::read(path).map_err(|error| io_error("read", path, &error))?);
        open().with_context(|| title(path))
    }

    /// Writes the model to a file, by way of another one beside it, so that it appears whole or not at all. A device or
    /// pipe is written itself.
    ///
    /// # Errors
    /// `io` if it cannot be written, and those of [`Model::to_bytes`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let save = || write_whole(path, &self.to_bytes()?);
        save().with_context(|| format!("save the model as `{}`", path.display()))
    }

    /// What reads the external data of a model file: from the folder that the file is in, and never outside of it.
    pub fn external_data(path: impl AsRef<Path>) -> impl ExternalDataResolver {
        admit::Folders::of_file(path.as_ref())
    }
}

impl Artifact {
    /// Maps an artifact's file and checks its structure. The file must not be changed in place while the artifact
    /// lives; Ortlet itself only ever replaces artifacts as a whole.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, and those of [`Artifact::parse`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let open = || Self::parse(Bytes::from_owner(map(path)?));
        open().with_context(|| title(path))
    }
}

impl Cache {
    /// The compiled models and plans in the cache folder, the least recently used first; none if there is no folder.
    ///
    /// # Errors
    /// `io` if the folder cannot be read.
    pub fn entries(&self) -> Result<Vec<CacheEntry>> {
        self.folder().map_or_else(|| Ok(Vec::new()), |folder| Store::at(&folder).list())
    }

    /// Removes every compiled model and plan from the cache folder, and nothing else; gives what was removed. Sessions
    /// that use one of them go on.
    ///
    /// # Errors
    /// `io` if the folder cannot be read or a file not be removed.
    pub fn clear(&self) -> Result<Vec<CacheEntry>> {
        self.folder().map_or_else(|| Ok(Vec::new()), |folder| Store::at(&folder).clear())
    }
}

impl SessionOptions {
    /// Has external data looked for in the folder of a model file, unless the options name another: for sessions of a
    /// [`Model`] that was opened from there.
    pub fn look_beside(&mut self, model: impl AsRef<Path>) {
        self.external_data_folder.get_or_insert_with(|| admit::folder_of(model.as_ref()).to_owned());
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| io_error("write", path, &error);
    // Renaming would put a file in its place.
    if path.exists() && !path.is_file() {
        return fs::write(path, bytes).map_err(failed);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| {
        // Nothing more can be done if this fails too.
        let _ = fs::remove_file(&aside);
        failed(error)
    })
}
