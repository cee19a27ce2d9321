//! Lines for the person who waits, and what becomes of a part whose tool is missing.

use std::fmt;
use std::io::IsTerminal;

use anyhow::Result;

/// One line on standard error: standard output belongs to the programs that are run.
pub fn note(text: impl fmt::Display) {
    eprintln!("xtask: {text}");
}

/// Whether somebody watches, so that progress bars make sense.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether this is a CI machine, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// A tool that is not there and could not be installed.
#[derive(Debug)]
pub struct MissingTool {
    pub tool: String,
    pub remedy: String,
}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing; {}", self.tool, self.remedy)
    }
}

impl std::error::Error for MissingTool {}

/// Outside CI a missing tool only skips the part that needs it; everything else stays an error.
pub fn skip_if_missing<T>(part: &str, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is::<MissingTool>() && !in_ci() => {
            note(format_args!("skipping {part}: {error:#}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
