//! `ortlet quantize`: the file, the report, and what it refuses.

use crate::setup::{error, folder, json, model, text};

#[test]
fn the_model_is_written_beside_and_runs() {
    let folder = folder("quantize");
    let plain = folder.join("minilm.onnx");
    std::fs::copy(model("minilm/model.onnx"), &plain).unwrap();
    let report = json(["quantize".as_ref(), plain.as_os_str()]);
    let small = folder.join("minilm.int8.onnx");
    assert_eq!(report["path"], small.to_str().unwrap());
    assert_eq!((&report["mode"], &report["quantized_count"]), (&"int8-dynamic".into(), &37.into()));
    assert_eq!(report["layers"][0]["outcome"], "quantized");
    assert!(small.metadata().unwrap().len() * 10 < plain.metadata().unwrap().len() * 3);
    let inspected = json(["inspect".as_ref(), small.as_os_str()]);
    assert_eq!(inspected["quantization"]["schemes"][0]["kind"], "dynamic");
    text(["run", small.to_str().unwrap(), "--random=1", "--print=none"]);

    // Written once more over its own result, with a layer left as it was.
    let layer = report["layers"][2]["node"].as_str().unwrap();
    let exclude = ["quantize", plain.to_str().unwrap(), "--mode=int8", "--no-embeddings", "--exclude", layer];
    let said = text(exclude);
    assert!(said.contains("as it was: excluded by the options"), "{said}");
    assert!(said.contains("35 of 48 layers were quantized"), "{said}");
}

#[test]
fn the_model_itself_is_never_overwritten() {
    let folder = folder("quantize-refusals");
    let plain = folder.join("m.onnx");
    std::fs::copy(model("magika/model.onnx"), &plain).unwrap();
    let before = std::fs::read(&plain).unwrap();
    let roundabout = folder.join("..").join("quantize-refusals").join("m.onnx");
    let path = plain.to_str().unwrap();
    for output in [path, roundabout.to_str().unwrap()] {
        assert_eq!(error(1, ["quantize", path, "-o", output])["code"], "invalid_argument");
    }
    assert!(std::fs::read(&plain).unwrap() == before);
    assert_eq!(error(1, ["quantize", path, "--exclude=nobody"])["code"], "not_found");
    assert_eq!(error(2, ["quantize", path, "--mode=int7"])["code"], "invalid_argument");
    assert_eq!(error(1, ["quantize", "missing.onnx"])["code"], "not_found");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
}
