//! Compiles programs in C and C++ against the library that cargo built, and runs them.
#![allow(dead_code)]

#[path = "../../../tests/built_library.rs"]
mod built_library;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// How a program is linked with Ortlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    Shared,
    Static,
}

/// What a static library needs besides.
const STATIC_LIBS: [&str; 5] = ["-lgcc_s", "-lrt", "-lpthread", "-lm", "-ldl"];

pub fn ffi() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of small models.
pub fn fixtures() -> PathBuf {
    ffi().join("../tests/fixtures/models")
}

/// The folder of small models of the shared cases.
pub fn shared_fixtures() -> PathBuf {
    ffi().join("../tests/conformance/fixtures")
}

/// A small model with a layer that is worth quantizing.
pub fn dense() -> PathBuf {
    shared_fixtures().join("dense.onnx")
}

/// The folder with the libraries as the sources are now.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built_library::build(ffi()))
}

/// A place named by the variable that `cargo xtask test` sets.
pub fn place(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")).into()
}

/// An empty folder for one test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compiles a program; `flags` say which language it is in.
pub fn compile(compiler: &str, source: &Path, flags: &[&str], linking: Linking, folder: &Path) -> PathBuf {
    let program = folder.join(source.file_stem().unwrap());
    let mut command = Command::new(compiler);
    command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"]).args(flags);
    command.arg("-I").arg(ffi().join("include")).arg(source).arg("-o").arg(&program);
    match linking {
        Linking::Static => {
            command.arg(built().join("libortlet.a")).args(STATIC_LIBS);
        }
        Linking::Shared => {
            // The SONAME is the name that the loader looks for.
            let soname = folder.join("libortlet.so.0");
            if !soname.exists() {
                std::os::unix::fs::symlink(built().join("libortlet.so"), &soname).unwrap();
            }
            command.arg(&soname).arg(format!("-Wl,-rpath,{}", folder.display())).args(["-lpthread", "-lm"]);
        }
    }
    succeeds(&mut command);
    program
}

/// A source among the C tests.
pub fn c_source(name: &str) -> PathBuf {
    ffi().join("tests/c").join(name)
}

/// The numbers that plain ONNX Runtime gives for the input of runs.c.
pub fn expected_of_runs() -> Vec<String> {
    let mut command = Command::new(place("ORTLET_TEST_PYTHON"));
    command.arg("-B").arg(ffi().join("tests/common/expected.py")).arg(fixtures().join("perceptron.onnx"));
    let output = succeeds(&mut command);
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

/// A program under valgrind, leaks being errors; none outside of CI if valgrind is not there.
pub fn valgrind(program: &Path) -> Option<Command> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "valgrind is not installed");
        return None;
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg("--show-leak-kinds=definite");
    command
        .arg(format!("--suppressions={}", ffi().join("tests/common/valgrind.supp").display()))
        .arg(program);
    Some(command)
}

/// Runs something that has to end well.
pub fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [told, said] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {}\n{told}\n{said}", output.status);
    output
}
