//! What the integration tests share: where models are, and plain onnxruntime's results to compare with.
#![allow(dead_code, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ortlet::tensor::{DType, Map, Tensor, Value};
use ortlet::{Cache, Outputs, Session, SessionOptions, Threads};
use serde::Deserialize;

/// Says to a child where its parent keeps plain onnxruntime's results.
const REFERENCE: &str = "ORTLET_TEST_REFERENCE";

/// A setting that `cargo xtask test` makes.
pub fn setting(name: &str) -> PathBuf {
    let value = std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`"));
    value.into()
}

/// A real model, for example `magika/model.onnx`.
pub fn model(name: &str) -> PathBuf {
    setting("ORTLET_TEST_MODELS").join(name)
}

/// The options that the reference ran with.
pub fn two_threads() -> SessionOptions {
    SessionOptions { threads: Threads::Count(2), ..Default::default() }
}

/// The same, with a cache.
pub fn cached(folder: &Path) -> SessionOptions {
    SessionOptions { cache: Cache::Folder(folder.to_owned()), ..two_threads() }
}

/// Runs a case's steps, feeding what is carried from step to step, and compares with what plain onnxruntime gave.
pub fn check(case: &Case, session: &Session) {
    let mut previous: Option<Outputs> = None;
    for (number, step) in case.steps.iter().enumerate() {
        let mut inputs = reference().inputs(step);
        for (input, output) in &step.carried {
            let value = previous.as_mut().and_then(|outputs| outputs.remove(output)).unwrap();
            inputs.insert(input.clone(), value);
        }
        let outputs = session.run(&inputs).unwrap();
        // Dropped before the comparison: outputs must not lean on the inputs' memory.
        drop(inputs);
        let expected = reference().outputs(step);
        assert_eq!(outputs.len(), expected.len(), "{} step {number}", case.name);
        for (name, value) in outputs.iter() {
            assert_eq!(value, &expected[name], "{} step {number} output {name}", case.name);
        }
        previous = Some(outputs);
    }
}

/// This test program once more, to run one of its ignored tests in a process of its own.
pub fn child(test: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture", "--quiet"]);
    // The parent's results serve the child too.
    child.env(REFERENCE, &reference().folder);
    child
}

/// Names of the files in a folder that end like this, sorted.
pub fn files(folder: &Path, end: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    names
}

/// A fresh folder for one test, emptied first.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What plain onnxruntime computed, made once per test program.
pub fn reference() -> &'static Reference {
    static RESULTS: OnceLock<Reference> = OnceLock::new();
    RESULTS.get_or_init(|| {
        if let Some(folder) = std::env::var_os(REFERENCE) {
            return Reference::read(folder.into());
        }
        let folder = folder(concat!("reference-", env!("CARGO_CRATE_NAME")));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/reference.py");
        let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
        let status = python.arg(script).arg(setting("ORTLET_TEST_MODELS")).arg(&folder).status().unwrap();
        assert!(status.success(), "reference.py failed");
        Reference::read(folder)
    })
}

pub struct Reference {
    pub folder: PathBuf,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    pub model: PathBuf,
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
pub struct Step {
    inputs: BTreeMap<String, Stored>,
    /// Inputs fed by an output of the step before.
    pub carried: BTreeMap<String, String>,
    outputs: BTreeMap<String, Stored>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Stored {
    Tensor(StoredTensor),
    Sequence { values: Vec<Stored> },
    Map { keys: StoredTensor, values: StoredTensor },
    None,
}

#[derive(Deserialize)]
struct StoredTensor {
    dtype: DType,
    shape: Vec<usize>,
    file: Option<PathBuf>,
    strings: Option<Vec<String>>,
}

impl Reference {
    fn read(folder: PathBuf) -> Self {
        let manifest: Manifest =
            serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
        Self { folder, cases: manifest.cases }
    }

    pub fn case(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
    }

    pub fn inputs(&self, step: &Step) -> BTreeMap<String, Value> {
        self.values(&step.inputs)
    }

    pub fn outputs(&self, step: &Step) -> BTreeMap<String, Value> {
        self.values(&step.outputs)
    }

    fn values(&self, stored: &BTreeMap<String, Stored>) -> BTreeMap<String, Value> {
        stored.iter().map(|(name, stored)| (name.clone(), self.value(stored))).collect()
    }

    fn value(&self, stored: &Stored) -> Value {
        match stored {
            Stored::Tensor(tensor) => self.tensor(tensor).into(),
            Stored::Sequence { values } => {
                Value::Sequence(values.iter().map(|value| self.value(value)).collect())
            }
            Stored::Map { keys, values } => {
                Value::Map(Map::new(self.tensor(keys), self.tensor(values)).unwrap())
            }
            Stored::None => Value::Optional(None),
        }
    }

    fn tensor(&self, stored: &StoredTensor) -> Tensor {
        let shape = stored.shape.as_slice();
        match (&stored.strings, &stored.file) {
            (Some(strings), _) => Tensor::from_strings(shape, strings.clone()).unwrap(),
            (None, Some(file)) => {
                let bytes = std::fs::read(self.folder.join(file)).unwrap();
                Tensor::from_bytes(stored.dtype, shape, &bytes).unwrap()
            }
            (None, None) => panic!("a tensor without data"),
        }
    }
}
