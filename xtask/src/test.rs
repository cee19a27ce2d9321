//! `cargo xtask test`: every test of the workspace, with the places of runtime, models and Python in the environment.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::say::skip_if_missing;
use crate::{repo, say, setup, tools, web};

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let data = setup::for_tests()?;
    skip_if_missing("the C and C++ tests", tools::c_tests())?;
    let npm = skip_if_missing("the tests of the npm package", npm_project())?.unwrap_or_default();
    let passed_on = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
    let mut command = repo::cargo();
    command.arg("test").args(selection(passed_on)).arg("--locked").args(passed_on);
    let places = [
        ("ORTLET_RUNTIME", data.runtime),
        ("ORTLET_TEST_RUNTIMES", data.runtimes),
        ("ORTLET_TEST_MODELS", data.models),
        ("ORTLET_TEST_ONNX", data.onnx),
        ("ORTLET_TEST_PYTHON", data.python),
        // Empty where a tool is missing, which was said.
        ("ORTLET_TEST_NPM", Some(npm)),
    ];
    command.envs(places.into_iter().filter_map(|(name, place)| Some((name, place?))));
    let status = command.status().context("run cargo test")?;
    if !status.success() {
        say::note("cargo test failed");
    }
    Ok(exit_code(status.code()))
}

/// The folder of a project of Node's that has the npm package, where there also is a browser to test it in.
fn npm_project() -> Result<PathBuf> {
    tools::browser()?;
    Ok(web::package()?.project)
}

/// The whole workspace, unless the arguments choose packages themselves.
fn selection(arguments: &[String]) -> Option<&'static str> {
    let mut ours = arguments.iter().take_while(|argument| *argument != "--");
    let chooses = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if ours.any(chooses) { None } else { Some("--workspace") }
}

/// The runner's own exit code; a runner that was killed counts as failed.
pub fn exit_code(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
