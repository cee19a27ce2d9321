//! Loading a model file as it is: from an artifact, through the cache, or by ONNX Runtime alone.

use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::engine::compile::admit::{self, Admitted};
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::disk::map;
use crate::engine::compile::load::is_artifact;
use crate::engine::runtime::{Creation, ModelSource, SessionOptions};
use crate::engine::session::Session;

/// A session of a model file, whatever [`SessionOptions::precision`] says.
///
/// # Errors
/// Those of [`Session::load`].
pub(in crate::engine) fn load_as_is(path: &Path, options: &SessionOptions) -> Result<Session> {
    let start = Instant::now();
    let file = map(path)?;
    if is_artifact(&file) {
        return Session::from_artifact(path, options);
    }
    if let Some(folder) = options.cache.folder() {
        drop(file);
        return Session::from_cache(path, &folder, options);
    }
    let Admitted { format, own_operators, .. } = admit::bytes(&file, &admit::Folders::of_file(path))?;
    drop(file);
    let check_ns = nanoseconds(start);
    let plain = Creation::plain(ModelSource::File(path), format, options);
    Session::create(&Creation { own_operators, ..plain }, check_ns, start)
}

/// What a model is called in errors.
pub(in crate::engine) fn title(path: &Path) -> String {
    format!("model `{}`", path.display())
}
