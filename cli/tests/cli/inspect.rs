//! `ortlet inspect`.

use crate::setup::{Said, command, error, folder, json, model, ortlet, text};

#[test]
fn a_model_is_described() {
    let report = json(["inspect".as_ref(), model("magika/model.onnx").as_os_str()]);
    assert_eq!(report["inputs"][0]["name"], "bytes");
    assert_eq!(report["inputs"][0]["dtype"], "int32");
    assert_eq!(report["problem"], serde_json::Value::Null);
    let text = text(["inspect".as_ref(), model("silero-vad/silero_vad.onnx").as_os_str()]);
    assert!(text.contains("float32[2, ?, 128]") && text.contains("If 25"), "{text}");
}

#[test]
fn no_runtime_is_needed() {
    let mut command = command(["inspect".as_ref(), model("magika/model.onnx").as_os_str()]);
    let said: Said = command.env("ORTLET_RUNTIME", "/nowhere").output().unwrap().into();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}

#[test]
fn what_holds_no_digests_is_not_said_to_be_verified() {
    let path = model("magika/model.onnx");
    let said = ortlet(["inspect".as_ref(), path.as_os_str(), "--verify".as_ref()]);
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("nothing to verify"), "{}", said.stderr);
}

#[test]
fn damaged_and_missing_files_are_told_apart() {
    let folder = folder("inspect");
    let whole = std::fs::read(model("magika/model.onnx")).unwrap();
    let cut = folder.join("cut.onnx");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(error(1, ["inspect".as_ref(), cut.as_os_str()])["code"], "invalid_model");
    assert_eq!(error(1, ["inspect", "nowhere.onnx"])["code"], "not_found");
    let of_folder = error(1, ["inspect".as_ref(), folder.as_os_str()]);
    assert!(of_folder["message"].as_str().unwrap().contains("inspect"), "{of_folder}");
}
