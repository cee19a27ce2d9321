//! Builds the package as the sources are now and runs the tests in Python on it, by `pytest`, and what judges its types.

#[path = "../../tests/built_library.rs"]
mod built_library;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Tests of their own, so that they run beside the others.
const LONG: [&str; 3] = ["test_conformance.py", "test_onnx_backend.py", "test_examples.py"];

#[test]
fn conformance() {
    pytest([tests().join("test_conformance.py")]);
}

#[test]
fn the_onnx_projects_own_tests() {
    pytest([tests().join("test_onnx_backend.py")]);
}

#[test]
fn examples() {
    pytest([tests().join("test_examples.py")]);
}

#[test]
fn everything_else() {
    let ignored = LONG.map(|file| OsString::from(format!("--ignore={}", tests().join(file).display())));
    pytest(ignored.into_iter().chain([tests().into()]));
}

/// Everything is typed, and the descriptions of what is written in Rust are true.
#[test]
fn types() {
    succeeds(python().args(["-m", "mypy", "--strict", "--cache-dir"]).arg(cache()).args(["-p", "ortlet"]));
    let mut stubtest = python();
    stubtest
        .args(["-m", "mypy.stubtest", "ortlet", "--allowlist"])
        .arg(tests().join("stubtest_allowlist.txt"));
    succeeds(stubtest.current_dir(cache()));
}

fn tests() -> PathBuf {
    crate_folder().join("tests")
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cache() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mypy");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn pytest<I: Into<OsString>>(arguments: impl IntoIterator<Item = I>) {
    let mut command = python();
    command.args(["-m", "pytest", "-q"]);
    // Not in the crate's folder, where `import ortlet` would find the sources without the library.
    command.args(arguments.into_iter().map(Into::into)).current_dir(tests());
    succeeds(&mut command);
}

/// The Python that `cargo xtask setup` prepares, which finds the package.
fn python() -> Command {
    let python = env::var_os("ORTLET_TEST_PYTHON").expect("ORTLET_TEST_PYTHON: run `cargo xtask test`");
    let mut command = Command::new(python);
    command.env("PYTHONPATH", package()).env("PYTHONDONTWRITEBYTECODE", "1").env_remove("ORTLET_CACHE");
    command
}

/// The folder with the package `ortlet`: the sources in Python, and the library that is built of those in Rust.
fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let library = built_library::build(crate_folder()).join("lib_ortlet.so");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("site");
        let _ = fs::remove_dir_all(&folder);
        let package = folder.join("ortlet");
        fs::create_dir_all(&package).unwrap();
        for file in fs::read_dir(crate_folder().join("ortlet")).unwrap().map(|file| file.unwrap().path()) {
            if file.is_file() {
                fs::copy(&file, package.join(file.file_name().unwrap())).unwrap();
            }
        }
        fs::copy(library, package.join("_ortlet.abi3.so")).unwrap();
        folder
    })
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    print!("{out}");
}
