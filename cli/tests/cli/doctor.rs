//! `ortlet doctor`: with and without an ONNX Runtime.

use crate::setup::{Said, command, json, setting, text};

#[test]
fn the_runtime_and_the_machine_are_described() {
    let report = json(["doctor"]);
    let found = &report["runtime"]["found"];
    assert!(found["version"].as_str().unwrap().starts_with("1."), "{report}");
    assert!(found["providers"].as_array().unwrap().contains(&"cpu".into()));
    assert!(report["cpu"]["usable_logical_count"].as_u64().unwrap() >= 1);
    let text = text(["doctor"]);
    assert!(text.contains("ONNX Runtime") && text.contains("instruction sets"), "{text}");
}

#[test]
fn a_missing_runtime_is_reported_with_advice() {
    let said: Said = command(["doctor", "--runtime=/nowhere", "--json"]).output().unwrap().into();
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, &report["runtime"]["found"]), (Some(1), &serde_json::Value::Null));
    assert!(!report["advice"].as_array().unwrap().is_empty());
    let said: Said = command(["doctor", "--runtime=/nowhere"]).output().unwrap().into();
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("/nowhere") && said.stdout.contains("What to do"), "{}", said.stdout);
}

#[test]
fn a_path_on_the_command_line_wins() {
    let library = setting("ORTLET_RUNTIME");
    let mut command = command(["doctor".to_string(), format!("--runtime={}", library.display())]);
    let said: Said = command.env("ORTLET_RUNTIME", "/nowhere").output().unwrap().into();
    assert_eq!(said.code, Some(0), "{}", said.stdout);
}
