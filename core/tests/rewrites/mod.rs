//! Models and their rewritten forms, compared by plain onnxruntime.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ortlet::model::Model;
use serde_json::{Value, json};

use crate::common::{model as real_model, setting};

/// The cases of one call of the script.
pub struct Cases {
    folder: PathBuf,
    cases: Vec<Value>,
}

impl Cases {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, cases: Vec::new() }
    }

    /// Adds a model, its rewritten form and inputs for both: `{"x": {"shape": [..], "low": .., "high": ..}}`, or the
    /// path of a folder. `tolerance` is the largest error as a share of the largest magnitude of an output.
    pub fn add(&mut self, name: &str, plain: &Model, rewritten: &Model, inputs: &Value, tolerance: f64) {
        let number = self.cases.len();
        let path = |kind: &str| self.folder.join(format!("{number}-{name}-{kind}.onnx"));
        let (before, after) = (path("plain"), path("rewritten"));
        std::fs::write(&before, plain.to_bytes().unwrap()).unwrap();
        std::fs::write(&after, rewritten.to_bytes().unwrap()).unwrap();
        let key = if inputs.is_string() { "data" } else { "inputs" };
        self.cases.push(json!({ "plain": before, "rewritten": after, "tolerance": tolerance, key: inputs }));
    }

    /// Also has onnx's reference evaluator run the model that was added last; `tolerance` is the error that is allowed
    /// between it and ONNX Runtime.
    pub fn evaluate(&mut self, tolerance: f64) {
        self.cases.last_mut().unwrap()["evaluated"] = tolerance.into();
    }

    /// The rewritten models.
    pub fn rewritten(&self) -> Vec<PathBuf> {
        self.cases.iter().map(|case| case["rewritten"].as_str().unwrap().into()).collect()
    }

    /// Has the script compare all of them.
    pub fn compare(&self) {
        let manifest = self.folder.join("manifest.json");
        std::fs::write(&manifest, Value::from(self.cases.clone()).to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/same_outputs.py");
        let said = Command::new(setting("ORTLET_TEST_PYTHON")).arg(script).arg(manifest).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), self.cases.len().to_string());
    }
}

/// The real models, with inputs for them.
pub fn real_models() -> Vec<(&'static str, Model, Value)> {
    let whole = |shape: [u32; 2], high: u32| json!({ "shape": shape, "low": 0, "high": high });
    let image = |shape: [u32; 4]| json!({ "x": { "shape": shape, "low": -1, "high": 1 } });
    let ids = |high| whole([2, 16], high);
    let words = json!({ "input_ids": ids(30000), "attention_mask": ids(2), "token_type_ids": ids(2) });
    let speech = |samples: u32| {
        json!({
            "input": { "shape": [1, samples], "low": -1, "high": 1 },
            "state": { "shape": [2, 1, 128], "low": -1, "high": 1 },
            "sr": { "shape": [], "values": [16000] },
        })
    };
    let paths = [
        // Bytes end at 256; what is beyond, or below, is padding to nobody.
        ("magika", "magika/model.onnx", json!({ "bytes": { "shape": [2, 2048], "low": -3, "high": 260 } })),
        ("minilm", "minilm/model.onnx", words),
        ("det", "rapidocr/PP-OCRv6_det_small.onnx", image([1, 3, 64, 96])),
        ("rec", "rapidocr/PP-OCRv6_rec_small.onnx", image([1, 3, 48, 96])),
        ("cls", "rapidocr/ch_ppocr_mobile_v2.0_cls_mobile.onnx", image([2, 3, 48, 192])),
        ("silero", "silero-vad/silero_vad.onnx", speech(576)),
        ("silero-if", "silero-vad/silero_vad_op18_ifless.onnx", speech(576)),
    ];
    let read = |path: &str| Model::parse(std::fs::read(real_model(path)).unwrap()).unwrap();
    paths.into_iter().map(|(name, path, inputs)| (name, read(path), inputs)).collect()
}
