//! Libraries that Rust cannot link, for tests that use them from other languages; a part of several crates' tests.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library of the crate in a folder as the sources are now, and gives the folder that it is in: above that of
/// this test. For a test, cargo only builds libraries that Rust can link; without this, whatever was built last would be
/// tested.
pub fn build(crate_folder: &Path) -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let profile = match folder.file_name().and_then(OsStr::to_str).unwrap() {
        "debug" => "dev",
        named => named,
    };
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate_folder).args(["build", "--locked", "--lib", "--profile", profile]);
    let output = command.arg("--target-dir").arg(folder.parent().unwrap()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    folder.to_owned()
}
