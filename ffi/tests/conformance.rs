//! The conformance suite that all languages share, by way of the C++ interface, under memory checkers.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Linking, compile, ffi, scratch, succeeds, valgrind};

/// The JSON library of the runner: Debian's `nlohmann-json3-dev`.
const JSON: &str = "nlohmann/json.hpp";

/// The runner; none outside of CI if its JSON library is not there.
fn runner(flags: &[&str], folder: &Path) -> Option<PathBuf> {
    if !["/usr/include", "/usr/local/include"].iter().any(|include| Path::new(include).join(JSON).exists()) {
        assert!(std::env::var_os("CI").is_none(), "{JSON} is not installed");
        return None;
    }
    let sources = ffi().join("tests/conformance");
    let operations = sources.join("operations.cpp").display().to_string();
    let flags = [&["-std=c++17", operations.as_str()], flags].concat();
    Some(compile("c++", &sources.join("main.cpp"), &flags, Linking::Shared, folder))
}

fn all_pass(mut command: Command, folder: &Path) {
    let output = succeeds(command.arg(ffi().join("../tests/conformance")).arg(folder.join("cases")));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_case_holds_under_sanitizers() {
    let folder = scratch("conformance-sanitizers");
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if let Some(program) = runner(&flags, &folder) {
        all_pass(Command::new(program), &folder);
    }
}

#[test]
fn every_case_holds_under_valgrind() {
    let folder = scratch("conformance-valgrind");
    if let Some(command) = runner(&["-O1"], &folder).and_then(|program| valgrind(&program)) {
        all_pass(command, &folder);
    }
}
