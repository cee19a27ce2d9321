//! Has others judge whether a package is for the Pythons and the glibc that its name promises.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::output;
use crate::cache::Cache;
use crate::venv;

pub fn check(wheels: &[&Path]) -> Result<()> {
    let python = venv::ensure(&Cache::open()?, &venv::AUDITORS)?;
    let tool = |name: &str| Command::new(python.with_file_name(name));
    for wheel in wheels {
        stable_interface(&mut tool("abi3audit"), wheel)?;
        old_libraries(&mut tool("auditwheel"), wheel)?;
    }
    Ok(())
}

/// It uses nothing of Python that the stable interface of the first version in its name lacks.
fn stable_interface(tool: &mut Command, wheel: &Path) -> Result<()> {
    output(tool.args(["--strict", "--verbose"]).arg(wheel)).map(drop)
}

/// It needs no newer glibc, no newer processor and no library that may be missing.
fn old_libraries(tool: &mut Command, wheel: &Path) -> Result<()> {
    let printed = output(tool.args(["show", "--json"]).arg(wheel))?;
    let report: Value = serde_json::from_str(&printed).context("read what auditwheel prints")?;
    let name = wheel.file_stem().unwrap_or_default().to_string_lossy();
    let promised = name.rsplit('-').next().unwrap_or_default();
    let found = &report["overall_tag"];
    ensure!(*found == promised, "{} is for {found} by what it needs", wheel.display());
    ensure!(report["unsupported_isa"] == false, "{} is for newer processors only", wheel.display());
    let external = &report["external_libs"];
    ensure!(*external == json!({}), "{} needs libraries from elsewhere: {external}", wheel.display());
    Ok(())
}
