//! The conformance suite that all languages share, by way of the C++ interface, under sanitizers.

mod common;

use std::path::Path;
use std::process::Command;

use common::{Linking, compile, ffi, scratch, succeeds};

/// The JSON library of the runner: Debian's `nlohmann-json3-dev`.
const JSON: &str = "nlohmann/json.hpp";

#[test]
fn every_case_holds_in_cpp() {
    if !Path::new("/usr/include").join(JSON).exists() && !Path::new("/usr/local/include").join(JSON).exists()
    {
        assert!(std::env::var_os("CI").is_none(), "{JSON} is not installed");
        return;
    }
    let folder = scratch("conformance");
    let sources = ffi().join("tests/conformance");
    let operations = sources.join("operations.cpp").display().to_string();
    let flags = ["-std=c++17", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", &operations];
    let program = compile("c++", &sources.join("main.cpp"), &flags, Linking::Shared, &folder);
    let output =
        succeeds(Command::new(program).arg(ffi().join("../tests/conformance")).arg(folder.join("cases")));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
