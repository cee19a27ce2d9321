//! `cargo xtask codegen`: writes what is generated of the code, or checks that it is up to date.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{repo, test};

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let is_check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        [other, ..] => bail!("there is no option `{other}`; there is --check"),
    };
    let mut command = repo::cargo();
    command.args(["test", "--quiet", "--locked", "-p", "ortlet-ffi", "--test", "header"]);
    if !is_check {
        command.env("ORTLET_UPDATE", "1");
    }
    let status = command.status().context("run cargo test")?;
    Ok(test::exit_code(status.code()))
}
