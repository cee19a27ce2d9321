//! `cargo xtask npm`: builds the npm package and says where it is and what it takes; with `--check` also uses it.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::sizes;
use crate::{packaging, say};

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let is_checked = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        _ => bail!("there is one option: --check"),
    };
    let package = super::package()?;
    println!("{}", package.folder.display());
    for (name, bytes) in sizes::of(&package.folder)?.named() {
        println!("{bytes:>10}  {name}");
    }
    if is_checked {
        packaging::check_npm()?;
        say::note("the npm package can be used");
    }
    Ok(ExitCode::SUCCESS)
}
