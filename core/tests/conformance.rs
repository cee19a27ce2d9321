//! The conformance suite that all languages share, by way of the Rust library. `tests/conformance/README.md` is the
//! format's specification.

mod common;
mod conformance_suite;
mod executor;
mod process;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::{files, setting};
use conformance_suite::case::{Case, Expect, suite, suite_folder};
use conformance_suite::fresh;
use ortlet::ErrorCode;
use serde_json::json;

/// What the whole suite may take in the repository.
const MOST_BYTES: u64 = 300_000;

/// Runs the cases of a file and tells of all that fail.
fn check(area: &str) {
    let failures: Vec<String> =
        suite(area).iter().filter_map(|case| conformance_suite::run(case).err()).collect();
    assert!(failures.is_empty(), "{} failed\n\n{}\n", failures.len(), failures.join("\n\n"));
}

/// One test for each file, and the list of them.
macro_rules! areas {
    ($($area:ident),* $(,)?) => {
        $(
            #[test]
            fn $area() {
                check(stringify!($area));
            }
        )*

        const AREAS: &[&str] = &[$(stringify!($area)),*];
    };
}

areas!(
    bind, compile, control, doctor, errors, load, metrics, model, options, precision, profile, quantize, run,
    tune, values,
);

/// In a process of its own, started by a case that asks for one.
#[test]
#[ignore = "started by cases that need a process of their own"]
fn one_case() {
    let name = fresh::asked_for();
    let case = all_cases().into_iter().find(|case| case.name == name).unwrap();
    if let Err(failure) = conformance_suite::run_here(&case) {
        panic!("{failure}");
    }
}

fn all_cases() -> Vec<Case> {
    AREAS.iter().flat_map(|area| suite(area)).collect()
}

fn expectations(case: &Case) -> impl Iterator<Item = &Expect> {
    let runs = case.runs.iter().map(|run| &run.expect);
    let steps = case.steps.iter().map(|step| &step.expect);
    [&case.expect].into_iter().chain(runs).chain(steps)
}

#[test]
fn every_file_is_run_and_every_name_is_the_only_one() {
    let mut listed: Vec<String> = AREAS.iter().map(|area| format!("{area}.json")).collect();
    listed.sort();
    assert_eq!(files(&suite_folder(), ".json"), listed);
    let mut names = BTreeSet::new();
    for case in all_cases() {
        assert!(names.insert(case.name.clone()), "two cases are named {}", case.name);
    }
}

#[test]
fn every_error_code_has_a_case() {
    let cases = all_cases();
    let codes: BTreeSet<&str> = cases
        .iter()
        .flat_map(expectations)
        .filter_map(|expect| expect.error.as_ref())
        .map(|error| error.code.as_str())
        .collect();
    let all: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
    assert_eq!(codes, all);
}

#[test]
fn every_fixture_is_there_and_used() {
    let folder = suite_folder().join("fixtures");
    let there: BTreeSet<String> = files(&folder, "").into_iter().collect();
    let texts: Vec<String> = AREAS
        .iter()
        .map(|area| fs::read_to_string(suite_folder().join(format!("{area}.json"))).unwrap())
        .collect();
    for case in all_cases() {
        assert!(case.fixture.iter().all(|name| there.contains(name)), "{}: no such fixture", case.name);
    }
    // Data that a fixture leads to is used by that fixture.
    for name in there.iter().filter(|name| name.ends_with(".onnx")) {
        assert!(texts.iter().any(|text| text.contains(name.as_str())), "no case uses {name}");
    }
}

#[test]
fn the_suite_stays_small() {
    let bytes = |folder| -> u64 {
        let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.metadata().unwrap());
        entries.filter(fs::Metadata::is_file).map(|file| file.len()).sum()
    };
    let total = bytes(suite_folder()) + bytes(suite_folder().join("fixtures"));
    assert!(total <= MOST_BYTES, "{total} bytes");
}

/// A case of this suite's own, with another expectation.
fn with_expectation(expect: &serde_json::Value) -> Case {
    let input = |number: i64| json!({ "dtype": "int64", "shape": [1], "data": [number] });
    let case = json!({
        "name": "own",
        "operation": "load",
        "fixture": "two_outputs.onnx",
        "inputs": { "a": input(2), "b": input(3) },
        "expect": expect,
    });
    serde_json::from_value(case).unwrap()
}

#[test]
fn what_is_not_as_expected_is_told() {
    let output = |dtype: &str, number: i64| json!({ "dtype": dtype, "shape": [1], "data": [number] });
    let pair = |sum, product| json!({ "outputs": { "sum": sum, "product": product } });
    let right = [
        json!({}),
        pair(output("int64", 5), output("int64", 6)),
        json!({ "output_names": ["sum", "product"] }),
        json!({ "json": { "/origin": "model", "/phases/total_ns": { "$at_least": 1 }, "/none": { "$present": false } } }),
    ];
    for expect in right {
        conformance_suite::run(&with_expectation(&expect)).unwrap();
    }
    let wrong = [
        (pair(output("int64", 5), output("int64", 7)), "output `product`: element 0"),
        (pair(output("int32", 5), output("int64", 6)), "output `sum`: is int64[1], expected int32[1]"),
        (json!({ "outputs": { "sum": output("int64", 5) } }), "`product` is not expected"),
        (json!({ "output_names": ["product", "sum"] }), "outputs are"),
        (json!({ "json": { "/origin": "artifact_device" } }), "json /origin"),
        (json!({ "json": { "/phases/total_ns": { "$at_most": 1 } } }), "json /phases/total_ns"),
        (json!({ "json": { "/none": null } }), "absent"),
        (json!({ "lines": ["# EOF"] }), "`# EOF` is not in"),
        (json!({ "error": { "code": "io" } }), "expected the error io"),
    ];
    for (expect, told) in wrong {
        let failure = conformance_suite::run(&with_expectation(&expect)).unwrap_err();
        assert!(failure.contains(told), "{failure}");
    }
}

#[test]
fn an_error_of_a_preparation_is_not_the_one_expected() {
    let mut case = with_expectation(&json!({ "error": { "code": "not_found" } }));
    case.name = "own-preparation".to_owned();
    let none = json!([{ "load": { "path": "{temp}/none.onnx", "options": {} } }]);
    case.prepare = serde_json::from_value(none).unwrap();
    let failure = conformance_suite::run(&case).unwrap_err();
    assert!(failure.contains("cannot be prepared"), "{failure}");
}

/// What is expected was not computed by Ortlet, and the fixtures are what their script builds.
#[test]
fn the_reference_agrees() {
    let script = suite_folder().join("check_reference.py");
    let said = Command::new(setting("ORTLET_TEST_PYTHON")).arg(script).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
}
