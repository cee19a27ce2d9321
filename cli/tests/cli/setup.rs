//! Starts the program and looks at what it says; where models, runtime and Python are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A setting that `cargo xtask test` makes.
pub fn setting(name: &str) -> PathBuf {
    let value = std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`"));
    value.into()
}

/// A real model, for example `magika/model.onnx`.
pub fn model(name: &str) -> PathBuf {
    setting("ORTLET_TEST_MODELS").join(name)
}

/// A fresh folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program with these arguments and the tests' ONNX Runtime. Models are loaded without a cache unless the test
/// names one, so that no test depends on what others have left.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = bare_command(arguments);
    let is = |argument: &OsStr, text: &str| argument.to_str().is_some_and(|given| given.starts_with(text));
    let loads = command
        .get_args()
        .next()
        .is_some_and(|first| ["run", "bench", "tune"].map(OsStr::new).contains(&first));
    if loads && !command.get_args().any(|argument| is(argument, "--cache") || is(argument, "--no-cache")) {
        command.arg("--no-cache");
    }
    command
}

/// The program with these arguments and the tests' ONNX Runtime, as a user would start it; but never with the user's
/// own cache.
pub fn bare_command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ortlet"));
    command.args(arguments).env("ORTLET_RUNTIME", setting("ORTLET_RUNTIME"));
    command.env("ORTLET_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    command
}

/// What a finished program said.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs the program.
pub fn ortlet<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    command(arguments).output().unwrap().into()
}

/// Runs the program, which must succeed; what it printed.
pub fn text<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let said = ortlet(arguments);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said.stdout
}

/// Runs the program with `--json`, which must succeed and print nothing but JSON.
pub fn json<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Value {
    let said: Said = command(arguments).arg("--json").output().unwrap().into();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

/// Runs the program, which must fail with this exit code; the error as JSON. Without `--json` the message is the same.
pub fn error<S: AsRef<OsStr> + Clone>(code: i32, arguments: impl IntoIterator<Item = S> + Clone) -> Value {
    let plain = ortlet(arguments.clone());
    let said: Said = command(arguments).arg("--json").output().unwrap().into();
    assert_eq!((said.code, plain.code), (Some(code), Some(code)), "{}\n{}", said.stderr, plain.stderr);
    assert_eq!(said.stdout, "");
    let last = said.stderr.lines().last().unwrap_or_default();
    let details: Value =
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", said.stderr));
    let message = details["message"].as_str().unwrap();
    // Numbers such as free memory change from one call to the next.
    let without_digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let agree = without_digits(&plain.stderr).contains(&without_digits(message));
    assert!(code == 2 || agree, "{} has not {message}", plain.stderr);
    details
}

/// Runs Python on the script of these tests, which must succeed.
pub fn python<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/numpy_files.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    let status = python.arg(script).args(arguments).status().unwrap();
    assert!(status.success());
}
