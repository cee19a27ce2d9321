//! `cargo xtask loom` and `cargo xtask miri`: programs that run our code and see what no test run shows.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{repo, test, tools};

/// The tests of core that only make sense under loom: those of the modules of this name.
const INTERLEAVINGS: &str = "::interleavings::";
/// The modules whose tests Miri gets through in a few minutes.
const INTERPRETED: [&str; 2] = ["metrics::", "tensor::"];
/// Reads files without any `unsafe`, and takes Miri minutes to unpack archives.
const LEFT_OUT: [&str; 2] = ["--skip", "tensor::npy::"];
const UNIT_TESTS: [&str; 5] = ["test", "-p", "ortlet", "--no-default-features", "--lib"];

pub fn run_loom() -> Result<ExitCode> {
    let status = loom().status().context("run the tests under loom")?;
    Ok(test::exit_code(status.code()))
}

pub fn run_miri() -> Result<ExitCode> {
    let status = miri()?.status().context("run the tests under Miri")?;
    Ok(test::exit_code(status.code()))
}

/// Tries interleavings of threads in the lock-free parts and where runs wait in line, which takes seconds.
pub fn loom() -> Command {
    let mut command = repo::cargo();
    command
        .args(["test", "-p", "ortlet", "--lib", "--locked", "--quiet", "--", INTERLEAVINGS])
        .env("RUSTFLAGS", "--cfg loom");
    command
}

/// Looks for undefined behaviour and data races, in our code and in what it uses.
///
/// # Errors
/// If Miri is not there and cannot be added to the nightly toolchain.
pub fn miri() -> Result<Command> {
    tools::miri()?;
    let mut command = tools::nightly_cargo();
    command.arg("miri").args(UNIT_TESTS).args(["--locked", "--quiet", "--"]).args(INTERPRETED).args(LEFT_OUT);
    Ok(command)
}
