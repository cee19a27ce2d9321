//! Cases as they lie in the files. Every field is described in `tests/conformance/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

/// Values by name.
pub type Named = BTreeMap<String, Json>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub operation: Operation,
    #[serde(default, rename = "why")]
    _why: String,
    #[serde(default, rename = "may_skip")]
    _may_skip: String,
    #[serde(default)]
    pub process: Process,
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub prepare: Vec<Preparation>,
    pub fixture: Option<String>,
    pub path: Option<String>,
    pub bytes: Option<String>,
    #[serde(default)]
    pub options: Json,
    pub inputs: Option<Named>,
    #[serde(default)]
    pub run_options: Control,
    #[serde(default)]
    pub runs: Vec<Run>,
    pub busy: Option<Named>,
    #[serde(default)]
    pub shapes: BTreeMap<String, Vec<usize>>,
    #[serde(default)]
    pub memory: BTreeMap<String, Memory>,
    #[serde(default)]
    pub ties: Vec<Tie>,
    #[serde(default)]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub samples: Vec<Named>,
    #[serde(default)]
    pub mode: String,
    #[serde(default)]
    pub tool_options: Json,
    pub load_options: Option<Json>,
    pub artifact: Option<String>,
    #[serde(default)]
    pub run_count: u64,
    #[serde(default)]
    pub session_name: String,
    #[serde(default)]
    pub expect: Expect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Load,
    LoadBytes,
    SessionInfo,
    Run,
    RunAsync,
    RunWhileBusy,
    Bind,
    Metrics,
    MetricsText,
    ModelReport,
    ModelReportBytes,
    Quantize,
    Compile,
    Tune,
    Precision,
    Profile,
    Doctor,
    Panic,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    #[default]
    Shared,
    Fresh,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Preparation {
    Compile { fixture: String, to: String },
    Load { path: String, options: Json },
    Copy { fixture: String, to: String },
    Write { to: String, bytes: String },
    Damage { file: String, offset: usize, xor: u8 },
    Cut { file: String, length: usize },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    pub outputs: Option<Vec<String>>,
    pub deadline_ns: Option<u64>,
    pub cancelled: bool,
    pub cancel_after_ns: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub inputs: Named,
    #[serde(default)]
    pub run_options: Control,
    pub expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default)]
    pub set: Named,
    #[serde(default)]
    pub run_options: Control,
    pub expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    pub dtype: ortlet::tensor::DType,
    pub shape: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tie {
    pub output: String,
    pub input: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    pub outputs: Option<Named>,
    pub output_names: Option<Vec<String>>,
    pub tolerance: f64,
    pub error: Option<ExpectedError>,
    pub json: Named,
    pub report: Named,
    pub model: Named,
    pub lines: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    pub code: String,
    #[serde(default)]
    pub details: Named,
    #[serde(default)]
    pub message_contains: Vec<String>,
}

/// Where the suite lies.
pub fn suite_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance")
}

/// The cases of a file.
pub fn suite(area: &str) -> Vec<Case> {
    let path = suite_folder().join(format!("{area}.json"));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: File = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{area}.json: {error}"));
    file.cases
}
