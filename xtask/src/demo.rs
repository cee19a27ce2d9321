//! `cargo xtask demo`: a real model on the user's own files, as little before it as possible.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::{pins, repo, test, unpack};

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let (library, model) = {
        let cache = Cache::open()?;
        let runtime = unpack::ensure(&cache, pins::runtime()?)?;
        (runtime.join(pins::RUNTIME_LIBRARY), unpack::ensure(&cache, &pins::MAGIKA)?)
    };
    let given = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
    let files = if given.is_empty() { own_files()? } else { given.iter().map(PathBuf::from).collect() };

    // In the caller's folder, so that the paths mean what the caller meant.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--release", "--locked", "-p", "ortlet-examples", "--bin", "filetype"]);
    command.arg("--quiet").arg("--manifest-path").arg(repo::root().join("Cargo.toml"));
    command.arg("--").arg("--model").arg(model.join("model.onnx"));
    command.arg("--config").arg(model.join("config.min.json")).args(files);
    let status = command.env("ORTLET_RUNTIME", library).status().context("run the example")?;
    Ok(test::exit_code(status.code()))
}

/// The project's files, as short as the caller's folder allows.
fn own_files() -> Result<Vec<PathBuf>> {
    let root = repo::root();
    let here = env::current_dir().is_ok_and(|folder| folder == root);
    let files = repo::files()?;
    Ok(if here { files } else { files.into_iter().map(|file| root.join(file)).collect() })
}
