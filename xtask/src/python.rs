//! Finding a Python that can do what is needed, installing one if allowed, and calling pip.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Result, bail, ensure};

use crate::say::{self, MissingTool};
use crate::tools;

/// Programs to try, in order; the last is where a distribution's own package puts it.
const CANDIDATES: [&str; 6] =
    ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "/usr/bin/python3"];
const PACKAGES: [&str; 3] = ["python3", "python3-pip", "python3-venv"];

/// A Python with pip.
pub fn with_pip() -> Result<PathBuf> {
    obtain("Python 3 with pip", "import pip")
}

/// A Python that can make virtual environments and is new enough for the pinned packages.
pub fn with_venv() -> Result<PathBuf> {
    obtain(
        "Python 3.11 or newer with venv",
        "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 11))",
    )
}

/// A Python for each version that the package is for and that is on this machine, with what it is called. At least the
/// one that everything here is done with.
pub fn installed() -> Result<Vec<(String, PathBuf)>> {
    let own = with_venv()?;
    let mut found = Vec::new();
    for minor in 10..=14 {
        let name = format!("python3.{minor}");
        // A name may be there that only tells its caller to choose a version first.
        let probe = format!("import venv, ensurepip, sys; sys.exit(sys.version_info[:2] != (3, {minor}))");
        let places = [PathBuf::from(&name), own.clone()].into_iter().chain(of_pyenv(&name));
        found.extend(
            places
                .into_iter()
                .find(|python| can(python, &probe))
                .map(|python| (format!("3.{minor}"), python)),
        );
    }
    ensure!(!found.is_empty(), "{} is of no version that the package is for", own.display());
    Ok(found)
}

/// Where pyenv keeps a program of a version's name.
fn of_pyenv(name: &str) -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT").filter(|root| !root.is_empty()).map(PathBuf::from);
    let root = root.or_else(|| Some(env::home_dir()?.join(".pyenv"))).unwrap_or_default();
    let versions = fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin").join(name)).collect();
    programs.retain(|program| program.is_file());
    programs.sort();
    programs
}

fn obtain(tool: &str, probe: &str) -> Result<PathBuf> {
    if let Some(found) = find(probe) {
        return Ok(found);
    }
    let installed = tools::apt_install(&PACKAGES);
    if let (true, Some(found)) = (installed, find(probe)) {
        return Ok(found);
    }
    let remedy = format!("install it, for example with `apt-get install {}`", PACKAGES.join(" "));
    bail!(MissingTool { tool: tool.into(), remedy });
}

fn find(probe: &str) -> Option<PathBuf> {
    CANDIDATES.iter().map(PathBuf::from).find(|python| can(python, probe))
}

/// Whether the interpreter exists and the code succeeds in it.
pub fn can(python: &Path, code: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", code]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The pip of an interpreter, asking nothing.
pub fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--no-input", "--disable-pip-version-check"]);
    command
}

/// Runs pip with its progress bar if somebody watches, else silently; its complaints become the error.
pub fn run_pip(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    match watched_output() {
        Some(terminal) => command.stdout(terminal),
        None => command.arg("--quiet").stdout(Stdio::null()),
    };
    let output = command.spawn()?.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", complaints(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

/// Standard error as the program's standard output: our own standard output is not for progress.
fn watched_output() -> Option<Stdio> {
    use std::os::fd::AsFd;
    let terminal = std::io::stderr().as_fd().try_clone_to_owned().ok()?;
    say::is_watched().then(|| terminal.into())
}

/// The lines that say what failed, without repeated warnings and tracebacks.
fn complaints(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
    if lines.is_empty() {
        lines.extend(text.lines().rev().find(|line| !line.trim().is_empty()));
    }
    if lines.is_empty() { "pip failed without a word".into() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::complaints;

    #[test]
    fn only_the_reason_is_kept_of_what_pip_says() {
        let text = "WARNING: Retrying\nWARNING: Retrying\nERROR: No matching distribution found for x==1\n";
        assert_eq!(complaints(text), "ERROR: No matching distribution found for x==1");
        assert_eq!(
            complaints("Traceback (most recent call last):\n  File \"x\"\nOSError: gone\n"),
            "OSError: gone"
        );
        assert_eq!(complaints(""), "pip failed without a word");
    }
}
