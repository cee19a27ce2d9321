//! The conformance suite that all languages share, by way of the C++ interface, under memory checkers.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Linking, compile, ffi, scratch, shared_fixtures, succeeds, valgrind};
use serde_json::{Value as Json, json};

/// The JSON library of the runner: Debian's `nlohmann-json3-dev`.
const JSON: &str = "nlohmann/json.hpp";

/// The runner; none outside of CI if its JSON library is not there.
fn runner(flags: &[&str], folder: &Path) -> Option<PathBuf> {
    if !["/usr/include", "/usr/local/include"].iter().any(|include| Path::new(include).join(JSON).exists()) {
        let remedy = format!("{JSON} is missing: install it with `apt-get install nlohmann-json3-dev`");
        assert!(std::env::var_os("CI").is_none(), "{remedy}");
        eprintln!("{remedy}");
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

/// A case of this test's own.
fn own_case(name: &str, changes: &Json) -> Json {
    let input = |number: i64| json!({ "dtype": "int64", "shape": [1], "data": [number] });
    let mut case = json!({
        "name": name,
        "operation": "load",
        "fixture": "two_outputs.onnx",
        "inputs": { "a": input(2), "b": input(3) },
    });
    let changes = changes.as_object().unwrap().clone();
    case.as_object_mut().unwrap().extend(changes);
    case
}

/// Cases that do not hold, and what has to be told of each.
fn wrong_cases() -> Vec<(Json, &'static str)> {
    let output = |dtype: &str, number: i64| json!({ "dtype": dtype, "shape": [1], "data": [number] });
    let pair = |sum, product| json!({ "expect": { "outputs": { "sum": sum, "product": product } } });
    let sum_of = |dtype| pair(output(dtype, 5), output("int64", 6));
    let too_long = json!({ "dtype": "int64", "shape": [1], "data": [5, 5] });
    let facts = |facts: Json| json!({ "expect": { "json": facts } });
    let no_model = json!([{ "load": { "path": "{temp}/none.onnx", "options": {} } }]);
    vec![
        (pair(output("int64", 5), output("int64", 7)), "element 0 is 6, expected 7"),
        (sum_of("int32"), "output `sum` is int64[1], expected"),
        (pair(too_long, output("int64", 6)), "other than"),
        (json!({ "expect": { "outputs": { "sum": output("int64", 5) } } }), "`product` is not expected"),
        (json!({ "expect": { "output_names": ["product", "sum"] } }), r#"outputs are ["sum","product"]"#),
        (facts(json!({ "/origin": "artifact_device" })), r#"json /origin is "model""#),
        (facts(json!({ "/phases/total_ns": { "$at_most": 1 } })), "json /phases/total_ns is"),
        (facts(json!({ "/none": null })), "absent, expected null"),
        (json!({ "expect": { "lines": ["# EOF"] } }), "`# EOF` is not in"),
        (json!({ "expect": { "error": { "code": "io" } } }), "succeeds, expected the error"),
        (json!({ "path": "{temp}/none.onnx", "expect": {} }), "fails: "),
        (json!({ "path": "none", "expect": { "error": { "code": "io" } } }), "expected the code io"),
        (json!({ "operation": "panic" }), "skipped"),
        (json!({ "operation": "dance" }), "no operation is called dance"),
        (json!({ "expects": {} }), "`case` has no field `expects`"),
        (json!({ "expect": { "output": {} } }), "`expect` has no field `output`"),
        (json!({ "process": "fresh", "expect": { "error": { "code": "io" } } }), "process of its own"),
        (
            json!({ "prepare": no_model, "expect": { "error": { "code": "not_found" } } }),
            "cannot be prepared",
        ),
    ]
}

/// What the runner says about a suite in this folder.
fn said_of(cases: &[Json], program: &Path, folder: &Path) -> String {
    let suite = folder.join("suite");
    fs::create_dir_all(&suite).unwrap();
    symlink(shared_fixtures(), suite.join("fixtures")).unwrap();
    fs::write(suite.join("own.json"), json!({ "about": "", "cases": cases }).to_string()).unwrap();
    let output = Command::new(program).arg(suite).arg(folder.join("cases")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn what_is_not_as_expected_is_told() {
    let folder = scratch("conformance-wrong");
    let Some(program) = runner(&["-O1"], &folder) else { return };
    let wrong = wrong_cases();
    let names: Vec<String> = (10..).take(wrong.len()).map(|number| format!("own-{number}")).collect();
    let mut cases: Vec<Json> =
        names.iter().zip(&wrong).map(|(name, (changes, _))| own_case(name, changes)).collect();
    cases.push(own_case("right", &json!({ "expect": { "json": { "/origin": "model" } } })));
    let said = said_of(&cases, &program, &folder);
    for (name, (_, told)) in names.iter().zip(&wrong) {
        let is_told = said.lines().any(|line| line.contains(&format!(" {name}: ")) && line.contains(told));
        assert!(is_told, "{name}: no `{told}` in\n{said}");
    }
    // Cases that are wrong, and codes that none of them expects: all but `io`, `not_found` and `internal`.
    assert!(said.contains(&format!("1 passed, {} failed, 0 skipped", wrong.len() + 13)), "{said}");
    assert!(said.contains("no case that ran expects the error cancelled"), "{said}");
}
