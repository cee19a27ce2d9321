//! The methods of portable and engine types that touch the file system.

use std::path::Path;

use crate::engine::runtime::{ModelSource, SessionOptions};
use crate::engine::session::Session;
use crate::error::ResultExt;
use crate::{Error, Result};

impl Session {
    /// A session of a model file. External data is read from the model's folder.
    ///
    /// # Errors
    /// `not_found` if there is no such file, `invalid_model` or `limit_exceeded` for a damaged or hostile one,
    /// `unsupported` for what this ONNX Runtime cannot run, `runtime_not_found`, `runtime_incompatible` and
    /// `runtime_failed` from the engine, `invalid_argument` and `not_found` for options.
    pub fn load(path: impl AsRef<Path>, options: &SessionOptions) -> Result<Self> {
        let path = path.as_ref();
        let load = || {
            if !path.exists() {
                return Err(Error::not_found("file", path.display().to_string(), [""; 0]));
            }
            Self::create(ModelSource::File(path), options)
        };
        load().with_context(|| format!("load model `{}`", path.display()))
    }
}
