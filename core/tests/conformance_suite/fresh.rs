//! Cases in a process of their own, with an environment of their own.

use super::case::Case;
use super::places::Places;
use crate::process::child;

/// Says to the child which case it is for.
const NAME: &str = "ORTLET_CONFORMANCE_CASE";

/// Runs a case in a child of this program.
pub fn run(case: &Case) -> Result<(), String> {
    let places = Places::of(case);
    let mut command = child("one_case");
    command.env(NAME, &case.name).env_remove("ORTLET_CACHE").env("RUST_BACKTRACE", "0");
    for (name, value) in &case.environment {
        match value {
            Some(value) => command.env(name, places.fill(value)),
            None => command.env_remove(name),
        };
    }
    let said = command.output().map_err(|error| error.to_string())?;
    if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).into_owned()) }
}

/// The case that this child is for.
pub fn asked_for() -> String {
    std::env::var(NAME).unwrap()
}
