//! `ortlet compile`, and what the other commands do with its artifacts.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::setup::{error, folder, json, model, ortlet, text};

/// Compiles a model into `m.ortlet` in a fresh folder.
fn compiled(name: &str, folder_name: &str) -> (PathBuf, Value) {
    let artifact = folder(folder_name).join("m.ortlet");
    let report = json([
        "compile".as_ref(),
        model(name).as_os_str(),
        "-o".as_ref(),
        artifact.as_os_str(),
        "--threads=1".as_ref(),
    ]);
    (artifact, report)
}

/// Runs a model on one input, with one thread; the bytes of its output file and how the session came to be.
fn run(path: &Path, out: &Path, options: &[&str]) -> (Vec<u8>, Value) {
    let out = format!("--output-dir={}", out.display());
    let arguments = ["run", path.to_str().unwrap(), "--random=7", "--threads=1", &out];
    let said = json(arguments.iter().chain(options));
    let file = said["outputs"][0]["files"][0].as_str().unwrap();
    (std::fs::read(file).unwrap(), said["session"].clone())
}

#[test]
fn an_artifact_gives_the_same_bytes_as_its_model() {
    for (name, short) in [("magika/model.onnx", "compile-a"), ("minilm/model.onnx", "compile-b")] {
        let (artifact, report) = compiled(name, short);
        let out = folder(&format!("{short}-out"));
        assert_eq!(report["file_bytes"], artifact.metadata().unwrap().len());
        let inspected = json(["inspect".as_ref(), artifact.as_os_str(), "--verify".as_ref()]);
        let manifest = &inspected["artifact"];
        assert_eq!(manifest["model"]["name"], "model.onnx");
        assert_eq!(manifest["devices"][0]["key"], report["key"]);
        let portable = json(["inspect".as_ref(), model(name).as_os_str()]);
        assert_eq!(inspected["model"]["inputs"], portable["inputs"]);
        assert_eq!(inspected["model"]["problem"], Value::Null);

        let (plain, from_model) = run(&model(name), &out, &[]);
        let (same, from_artifact) = run(&artifact, &out, &["--verify"]);
        assert!(plain == same, "{name}");
        assert_eq!(
            (&from_model["origin"], &from_artifact["origin"]),
            (&json!("model"), &json!("artifact_device"))
        );
    }
}

#[test]
fn a_device_is_added_to_an_artifact_in_place() {
    let (artifact, first) = compiled("magika/model.onnx", "compile-add");
    let path = artifact.to_str().unwrap();
    let second = json(["compile", path, "--level=basic"]);
    assert_eq!((&first["device_count"], &second["device_count"]), (&json!(1), &json!(2)));
    assert_eq!(second["path"], path);
    assert_eq!(json(["compile", path, "--level=basic"])["device_count"], 2, "the same replaces itself");
    let text = text(["inspect", path]);
    for part in ["model of device 1", "portable data", "pre-packed weights", "int32[unk__214, 2048]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let other = ortlet(["run", path, "--random=1", "--level=none"]);
    assert_eq!(other.code, Some(0));
    assert!(other.stderr.contains("note: the artifact's portable model is used"), "{}", other.stderr);
}

#[test]
fn the_artifact_goes_beside_the_model() {
    let folder = folder("compile-beside");
    let copy = folder.join("net.onnx");
    std::fs::copy(model("magika/model.onnx"), &copy).unwrap();
    let said = text(["compile".as_ref(), copy.as_os_str()]);
    assert!(said.contains("net.ortlet") && said.contains("made for") && said.contains("total"), "{said}");
    assert!(folder.join("net.ortlet").is_file());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);

    let itself = error(1, ["compile".as_ref(), copy.as_os_str(), "-o".as_ref(), copy.as_os_str()]);
    assert_eq!(itself["code"], "invalid_argument");
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(model("magika/model.onnx")).unwrap());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = folder("compile-refused");
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    for target in [file.join("m.ortlet"), folder.join("none/m.ortlet"), folder.clone()] {
        let path = model("magika/model.onnx");
        let refused = error(1, ["compile".as_ref(), path.as_os_str(), "-o".as_ref(), target.as_os_str()]);
        assert_eq!(refused["code"], "io", "{refused}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn damage_is_named() {
    let (artifact, _) = compiled("magika/model.onnx", "compile-damage");
    let whole = std::fs::read(&artifact).unwrap();
    let damaged = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        let path = artifact.with_file_name(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let cut = damaged("cut.ortlet", &|bytes| bytes.truncate(bytes.len() / 2));
    let header = damaged("header.ortlet", &|bytes| bytes[100] ^= 1);
    for path in [&cut, &header] {
        for command in ["inspect", "run", "compile"] {
            let details = error(1, [command.as_ref(), path.as_os_str()]);
            assert_eq!(details["code"], "integrity", "{command}: {details}");
            assert!(details["message"].as_str().unwrap().contains("ortlet`"), "{details}");
        }
    }
    // Only a look at all the data finds a changed weight.
    let data = damaged("data.ortlet", &|bytes| bytes[8192] ^= 1);
    assert!(text(["inspect".as_ref(), data.as_os_str()]).contains("not checked"));
    let details = error(1, ["inspect".as_ref(), data.as_os_str(), "--verify".as_ref()]);
    assert_eq!(details["code"], "integrity");
    assert!(details["message"].as_str().unwrap().contains("data"), "{details}");
    assert_eq!(error(1, ["run".as_ref(), data.as_os_str(), "--verify".as_ref()])["code"], "integrity");
}
