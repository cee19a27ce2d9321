//! `cargo xtask soak`: runs real models in every way at once, for long, and looks whether anything grows.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{repo, say, setup, test};

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let data = setup::for_tests()?;
    say::note("building the soak");
    let mut command = repo::cargo();
    command.args(["run", "--release", "--locked", "--quiet", "-p", "ortlet-bench", "--bin", "soak", "--"]);
    command.args(arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments));
    let places = [("ORTLET_RUNTIME", data.runtime), ("ORTLET_TEST_MODELS", data.models)];
    command.envs(places.into_iter().filter_map(|(name, place)| Some((name, place?))));
    let status = command.status().context("run the soak")?;
    Ok(test::exit_code(status.code()))
}
