//! Where a benchmark finds its data and puts its results.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders and files.
pub struct Places {
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
    /// The folder of models.
    pub models: PathBuf,
    /// For caches and outputs; emptied first.
    pub scratch: PathBuf,
    /// Where the figures go if nobody says otherwise.
    pub record: PathBuf,
}

impl Places {
    /// Those of the benchmark of this name.
    ///
    /// # Errors
    /// A variable that `cargo xtask bench` sets is missing.
    pub fn of(bench: &str) -> Result<Self> {
        let folder = bench_folder()?;
        let scratch = folder.join(bench);
        // What an earlier run left would make the caches older than the programs.
        let _ = fs::remove_dir_all(&scratch);
        Ok(Self {
            runtime: setting("ORTLET_RUNTIME")?,
            models: setting("ORTLET_TEST_MODELS")?,
            scratch,
            record: folder.join(format!("{bench}.json")),
        })
    }
}

/// A path that `cargo xtask bench` hands over in the environment.
///
/// # Errors
/// It is not set.
pub fn setting(name: &str) -> Result<PathBuf> {
    let value = env::var_os(name).with_context(|| format!("{name} is not set: run `cargo xtask bench`"))?;
    Ok(value.into())
}

/// A program that was built beside this one.
///
/// # Errors
/// It was not.
pub fn beside(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("find this program")?;
    let path = own.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX));
    let missing = || format!("it was not built: {} is missing", path.display());
    path.metadata().with_context(missing)?;
    Ok(path)
}

/// The folder `bench` of the folder that cargo builds into.
fn bench_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("find this program")?;
    let target = program.parent().and_then(Path::parent).context("find the target folder")?;
    Ok(target.join("bench"))
}
