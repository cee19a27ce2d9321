//! `ortlet doctor`: with and without an ONNX Runtime.

use crate::setup::{Said, bare_command, command, folder, json, setting, text};

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
fn the_cache_folder_is_described() {
    let folder = folder("doctor");
    std::fs::write(folder.join("file"), "").unwrap();
    let cache = |name: &str| {
        let mut command = bare_command(["doctor", "--json"]);
        let said: Said = command.env("ORTLET_CACHE", folder.join(name)).output().unwrap().into();
        serde_json::from_str::<serde_json::Value>(&said.stdout).unwrap()["cache"].clone()
    };
    let missing = cache("not/there/yet");
    assert_eq!((&missing["entry_count"], &missing["total_bytes"]), (&0.into(), &0.into()));
    assert_eq!(missing["is_writable"], true);
    let below_a_file = cache("file/cache");
    assert_eq!(below_a_file["is_writable"], false);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "looking leaves nothing behind");
    assert!(text(["doctor"]).contains("cache folder"));
}

#[test]
fn a_path_on_the_command_line_wins() {
    let library = setting("ORTLET_RUNTIME");
    let mut command = command(["doctor".to_string(), format!("--runtime={}", library.display())]);
    let said: Said = command.env("ORTLET_RUNTIME", "/nowhere").output().unwrap().into();
    assert_eq!(said.code, Some(0), "{}", said.stdout);
}
