//! The batches of inputs that candidates run: from the command line, or one from each archive of a folder.

use std::path::{Path, PathBuf};

use ortlet::error::ResultExt;
use ortlet::tensor::Value;
use ortlet::{Error, Result, Session, SessionOptions};

use crate::args::{InputArgs, TuneArgs};
use crate::files::io_error;
use crate::inputs;

/// Seed of the inputs that are not given: any will do, but always the same.
const SEED: u64 = 1;

/// Gathers the batches.
///
/// # Errors
/// Of loading the model, of the inputs and of reading the folder.
pub fn gather(args: &TuneArgs, options: &SessionOptions) -> Result<Vec<Vec<(String, Value)>>> {
    let session = Session::load(&args.model, &SessionOptions { use_plan: false, ..options.clone() })?;
    let batch = |inputs: &InputArgs| {
        let inputs = InputArgs { random: inputs.random.or(Some(SEED)), ..inputs.clone() };
        let found =
            inputs::gather(&inputs, session.inputs(), session.overridable_initializers(), &options.dims)?;
        Ok(found.into_iter().map(|(name, tensor)| (name, tensor.into())).collect())
    };
    let Some(folder) = &args.samples else { return Ok(vec![batch(&args.inputs)?]) };
    let of_archive = |path: &PathBuf| {
        let inputs = InputArgs { input: vec![path.display().to_string()], ..args.inputs.clone() };
        batch(&inputs).with_context(|| format!("read `{}`", path.display()))
    };
    archives(folder)?.iter().map(of_archive).collect()
}

/// The archives of a folder, by name.
fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = folder.read_dir().map_err(|error| io_error("read", folder, &error))?;
    let paths = files.flatten().map(|file| file.path());
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "npz")).collect();
    found.sort();
    if found.is_empty() {
        let reason = format!("there is no .npz file in `{}`", folder.display());
        return Err(Error::invalid_argument("samples", reason));
    }
    Ok(found)
}
