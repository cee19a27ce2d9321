//! The methods of portable and engine types that touch the file system.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::artifact::Artifact;
use crate::engine::compile::admit::{self, Admitted};
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::disk::{io_error, map};
use crate::engine::compile::load::is_artifact;
use crate::engine::compile::{CacheEntry, Store};
use crate::engine::runtime::{Cache, Creation, ModelSource, SessionOptions};
use crate::engine::session::Session;
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

impl Session {
    /// A session of a model file in ONNX or ORT format, or of an artifact that [`compile`](crate::compile) made.
    /// External data is read from the file's folder.
    ///
    /// With a [`cache`](SessionOptions::cache), the first load of an ONNX model compiles it and every later one, in
    /// this process or another, maps what was compiled. Trouble with the cache never makes a load fail; it is told in
    /// the [`report`](Session::report).
    ///
    /// With `threads: auto`, a plan that [`tune`](crate::tune) has stored for this model, these options and this device,
    /// in the cache folder or in the artifact, is followed; see [`SessionOptions::use_plan`].
    ///
    /// # Errors
    /// `not_found` if there is no such file, `io` if it cannot be read, `invalid_model` or `limit_exceeded` for a
    /// damaged or hostile one, `integrity` for a damaged artifact, `unsupported` for what this ONNX Runtime cannot
    /// run, `runtime_not_found`, `runtime_incompatible` and `runtime_failed` from the engine, `invalid_argument` and
    /// `not_found` for options.
    pub fn load(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Self> {
        let path = path.as_ref();
        load(path, options).with_context(|| title(path))
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

fn load(path: &Path, options: &SessionOptions) -> Result<Session> {
    let start = Instant::now();
    let file = map(path)?;
    if is_artifact(&file) {
        return Session::from_artifact(path, options);
    }
    if let Some(folder) = options.cache.folder() {
        drop(file);
        return Session::from_cache(path, &folder, options);
    }
    let Admitted { format, .. } = admit::bytes(&file, &admit::Folders::of_file(path))?;
    drop(file);
    let check_ns = nanoseconds(start);
    Session::create(&Creation::plain(ModelSource::File(path), format, options), check_ns, start)
}

fn title(path: &Path) -> String {
    format!("model `{}`", path.display())
}
