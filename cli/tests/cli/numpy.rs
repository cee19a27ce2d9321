//! Files that NumPy writes are read, and files that are written NumPy reads; results are plain onnxruntime's.

use std::path::Path;

use crate::setup::{folder, json, model, python, text};

#[test]
fn every_type_goes_through_a_model_unchanged() {
    let folder = folder("numpy");
    python(["make".as_ref(), folder.as_os_str()]);
    let out = folder.join("out");
    let run = |inputs: &[String]| {
        let mut arguments = vec!["run".to_string(), folder.join("identity.onnx").display().to_string()];
        arguments.extend(inputs.iter().flat_map(|input| ["-i".to_string(), input.clone()]));
        arguments.extend(["--output-dir".to_string(), out.display().to_string()]);
        text(arguments);
        python(["check".as_ref(), folder.as_os_str()]);
        std::fs::remove_dir_all(&out).unwrap();
    };
    let names: Vec<String> = json(["inspect".as_ref(), folder.join("identity.onnx").as_os_str()])["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["name"].as_str().unwrap().to_string())
        .collect();
    assert!(names.len() > 60);
    let given = |make: &dyn Fn(&str) -> String| -> Vec<String> {
        names.iter().map(|name| format!("{name}={}", make(name))).collect()
    };
    run(&given(&|name| path(&folder, &format!("{name}.npy"))));
    run(&[path(&folder, "all.npz")]);
    run(&given(&|name| path(&folder, &format!("packed.npz:{name}"))));
    run(&given(&|_| path(&folder, "packed.npz")));
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn results_are_plain_onnxruntimes() {
    let folder = folder("compare");
    let inputs = folder.join("inputs.npz");
    let ids = "import sys, numpy; rng = numpy.random.default_rng(1); ids = rng.integers(1, 30000, (2, 16)); \
               numpy.savez(sys.argv[1], input_ids=ids, attention_mask=ids * 0 + 1, token_type_ids=ids * 0)";
    let mut python_inline = std::process::Command::new(crate::setup::setting("ORTLET_TEST_PYTHON"));
    assert!(python_inline.args(["-c", ids]).arg(&inputs).status().unwrap().success());
    let minilm = model("minilm/model.onnx");
    let arguments =
        ["run", &minilm.display().to_string(), "-i", &inputs.display().to_string(), "--threads=1"]
            .map(String::from)
            .into_iter()
            .chain(["--output-dir".to_string(), folder.display().to_string()]);
    text(arguments);
    python(["compare".as_ref(), minilm.as_os_str(), inputs.as_os_str(), folder.as_os_str()]);
}
