//! `cargo xtask codegen`: writes what is generated of the code, or checks that it is up to date.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{repo, test};

/// Packages and the tests of theirs that compare what is generated, or write it.
const GENERATED_BY: [(&str, &str); 2] = [("ortlet-ffi", "header"), ("ortlet-codegen", "generated")];

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let is_check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        [other, ..] => bail!("there is no option `{other}`; there is --check"),
    };
    for (package, name) in GENERATED_BY {
        let mut command = repo::cargo();
        command.args(["test", "--quiet", "--locked", "-p", package, "--test", name]);
        if !is_check {
            command.env("ORTLET_UPDATE", "1");
        }
        let status = command.status().context("run cargo test")?;
        if !status.success() {
            return Ok(test::exit_code(status.code()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
