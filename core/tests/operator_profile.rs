//! Where the time of runs goes, compared with what plain onnxruntime records of the same models.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{cached, folder, model, reference, setting, two_threads};
use ortlet::metrics::{NodeTime, OperatorProfile};
use ortlet::tensor::{DType, Tensor};
use ortlet::{ErrorCode, OptimizationLevel, SessionOptions, profile};
use serde::Deserialize;
use serde_json::json;

const RUNS: u64 = 4;
/// Runs that the reference makes before those.
const REFERENCE_WARMUP: u64 = 2;

#[derive(Deserialize)]
struct Plain {
    total_ns: u64,
    nodes: Vec<PlainNode>,
}

#[derive(Deserialize)]
struct PlainNode {
    name: String,
    op_type: String,
    provider: String,
    /// `None` for nodes that have no name in the model.
    domain: Option<String>,
    call_count: u64,
    total_ns: u64,
}

/// A model, its inputs, and where plain onnxruntime's recording of it is.
struct Case {
    model: PathBuf,
    inputs: Vec<(&'static str, Tensor)>,
    folder: PathBuf,
    plain: Plain,
}

fn case(
    name: &str,
    model: PathBuf,
    inputs: Vec<(&'static str, Tensor)>,
    described: &serde_json::Value,
) -> Case {
    let folder = folder(&format!("operator-profile-{name}"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/profile.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.arg(script).arg(&model).arg(&folder).arg(RUNS.to_string()).arg(described.to_string());
    assert!(python.status().unwrap().success(), "profile.py failed");
    let plain = serde_json::from_slice(&std::fs::read(folder.join("nodes.json")).unwrap()).unwrap();
    Case { model, inputs, folder, plain }
}

fn zeros(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::zeros(dtype, shape).unwrap()
}

/// A model with graphs inside of nodes.
fn silero(name: &str) -> Case {
    let rate = Tensor::from_vec([], vec![16000_i64]).unwrap();
    let inputs = vec![
        ("input", zeros(DType::F32, &[1, 576])),
        ("state", zeros(DType::F32, &[2, 1, 128])),
        ("sr", rate),
    ];
    let described = json!({
        "input": ["float32", [1, 576]], "state": ["float32", [2, 1, 128]], "sr": ["int64", [], [16000]],
    });
    case(name, model("silero-vad/silero_vad.onnx"), inputs, &described)
}

fn magika(name: &str) -> Case {
    let inputs = vec![("bytes", zeros(DType::I32, &[1, 2048]))];
    case(name, model("magika/model.onnx"), inputs, &json!({ "bytes": ["int32", [1, 2048]] }))
}

/// A model that ONNX Runtime optimises to operators of its own on every processor.
fn minilm(name: &str) -> Case {
    let names = ["input_ids", "attention_mask", "token_type_ids"];
    let inputs = names.map(|name| (name, zeros(DType::I64, &[1, 16]))).to_vec();
    let described = names.map(|name| (name.to_owned(), json!(["int64", [1, 16]])));
    case(name, model("minilm/model.onnx"), inputs, &serde_json::Map::from_iter(described).into())
}

/// A model with graphs two deep, one of which is run five times.
fn branches(name: &str) -> Case {
    let scalar = |value: bool| Tensor::from_vec([], vec![value]).unwrap();
    let inputs = vec![
        ("x", zeros(DType::F32, &[3, 48])),
        ("outer", scalar(true)),
        ("inner", scalar(false)),
        ("count", Tensor::from_vec([], vec![5_i64]).unwrap()),
    ];
    let described = json!({
        "x": ["float32", [3, 48]], "outer": ["bool", [], [true]], "inner": ["bool", [], [false]],
        "count": ["int64", [], [5]],
    });
    case(name, reference().case("branches").model.clone(), inputs, &described)
}

fn run(case: &Case, path: &Path, options: &SessionOptions) -> OperatorProfile {
    let inputs = case.inputs.iter().map(|(name, tensor)| (name, tensor));
    profile(path, inputs, options, RUNS).unwrap()
}

/// Nodes with operator and provider, and how often each was run.
fn calls(profile: &OperatorProfile) -> BTreeMap<(&str, &str, &str), u64> {
    let mut calls = BTreeMap::new();
    for NodeTime { name, operator, provider, call_count, .. } in &profile.nodes {
        calls.insert((name.as_str(), operator.op_type.as_str(), provider.as_str()), *call_count);
    }
    calls
}

/// The same nodes were run as often, and where the reference knows a domain, it is the same.
fn check_nodes(profile: &OperatorProfile, plain: &Plain) {
    assert_eq!(profile.run_count, RUNS);
    let expected: BTreeMap<(&str, &str, &str), u64> = plain
        .nodes
        .iter()
        .map(|node| ((node.name.as_str(), node.op_type.as_str(), node.provider.as_str()), node.call_count))
        .collect();
    assert_eq!(calls(profile), expected);
    for node in plain.nodes.iter().filter(|node| node.domain.is_some()) {
        let found = profile.nodes.iter().find(|found| found.name == node.name).unwrap();
        assert_eq!(found.operator.domain, node.domain, "{}", node.name);
    }
    check_sums(profile);
}

/// Operators are the sums of their nodes, and with the overhead everything adds up to the runs.
fn check_sums(profile: &OperatorProfile) {
    let whole = |kernels: u64| assert_eq!(kernels + profile.overhead.total_ns, profile.total_ns);
    whole(profile.nodes.iter().map(|node| node.time.total_ns).sum());
    whole(profile.operators.iter().map(|operator| operator.time.total_ns).sum());
    let shares = profile.nodes.iter().map(|node| node.time.share).sum::<f64>() + profile.overhead.share;
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    for operator in &profile.operators {
        let nodes = profile.nodes.iter().filter(|node| node.operator == operator.operator);
        let (count, calls) = nodes.fold((0, 0), |(count, calls), node| (count + 1, calls + node.call_count));
        assert_eq!((operator.node_count, operator.call_count), (count, calls), "{}", operator.operator);
    }
}

#[test]
fn nodes_and_calls_are_those_of_plain_onnxruntime() {
    for case in [silero("silero"), magika("magika"), branches("branches")] {
        check_nodes(&run(&case, &case.model, &two_threads()), &case.plain);
    }
}

#[test]
fn what_a_loop_repeats_is_called_as_often() {
    let case = branches("loop");
    let profile = run(&case, &case.model, &two_threads());
    let tanh = profile.operators.iter().find(|operator| operator.operator.op_type == "Tanh").unwrap();
    assert_eq!((tanh.node_count, tanh.call_count), (1, 5 * RUNS));
}

#[test]
fn the_same_recording_gives_the_same_times() {
    for case in [silero("silero-times"), magika("magika-times"), branches("branches-times")] {
        let recording = std::fs::read(case.folder.join("recording.json")).unwrap();
        let profile = OperatorProfile::parse(&recording, REFERENCE_WARMUP, |_, _| None).unwrap();
        assert_eq!((profile.run_count, profile.total_ns), (RUNS, case.plain.total_ns));
        assert_eq!(profile.nodes.len(), case.plain.nodes.len());
        for node in &case.plain.nodes {
            let found = profile.nodes.iter().find(|found| found.name == node.name).unwrap();
            assert_eq!(found.time.total_ns, node.total_ns, "{}", node.name);
        }
        check_sums(&profile);
    }
}

#[test]
fn operators_of_onnx_runtime_itself_have_its_domain() {
    let case = minilm("minilm");
    let profile = run(&case, &case.model, &two_threads());
    check_nodes(&profile, &case.plain);
    let domains = || profile.operators.iter().map(|operator| operator.operator.domain.as_deref());
    assert!(domains().all(|domain| domain.is_some()));
    assert!(domains().any(|domain| domain == Some("com.microsoft")));
}

#[test]
fn compiled_models_run_the_same_nodes() {
    let case = magika("magika-compiled");
    let cache = cached(&case.folder.join("cache"));
    // Stored by the first, mapped by the second.
    for _ in 0..2 {
        check_nodes(&run(&case, &case.model, &cache), &case.plain);
    }
    let artifact = case.folder.join("model.ortlet");
    ortlet::compile(&case.model, &artifact, &two_threads()).unwrap();
    check_nodes(&run(&case, &artifact, &two_threads()), &case.plain);
    // The portable model is optimised while it is loaded, and the graph not kept.
    let other = SessionOptions { optimization_level: OptimizationLevel::Basic, ..two_threads() };
    let portable = run(&case, &artifact, &other);
    assert!(portable.nodes.iter().all(|node| node.operator.domain.is_none()));
    assert_ne!(calls(&portable), calls(&run(&case, &artifact, &two_threads())));
    check_sums(&portable);
}

#[test]
fn what_cannot_be_profiled_is_said() {
    let path = model("magika/model.onnx");
    let code = |inputs: &[(&str, Tensor)], run_count| {
        let inputs = inputs.iter().map(|(name, tensor)| (name, tensor));
        profile(&path, inputs, &two_threads(), run_count).unwrap_err().code()
    };
    let bytes = || zeros(DType::I32, &[1, 2048]);
    assert_eq!(code(&[("bytes", bytes())], 0), ErrorCode::InvalidArgument);
    assert_eq!(code(&[("byte", bytes())], 1), ErrorCode::NotFound);
    assert_eq!(code(&[], 1), ErrorCode::TensorMismatch);
    let missing = profile("none.onnx", [("x", &bytes())], &two_threads(), 1).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
    assert!(missing.to_string().starts_with("profile `none.onnx`"), "{missing}");
}

#[test]
fn no_temporary_file_is_left_behind() {
    let folder = folder("operator-profile-temporary");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "profile_well_and_badly", "--ignored"]);
    child.env("TMPDIR", &folder).env("TMP", &folder);
    assert!(child.status().unwrap().success());
    // ONNX Runtime leaves a file of its own, with and without profiling.
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".ses"), "{left:?}");
}

#[test]
#[ignore = "started by the test above"]
fn profile_well_and_badly() {
    let path = model("magika/model.onnx");
    let bytes = zeros(DType::I32, &[1, 2048]);
    profile(&path, [("bytes", &bytes)], &two_threads(), 1).unwrap();
    profile(&path, [("byte", &bytes)], &two_threads(), 1).unwrap_err();
}
