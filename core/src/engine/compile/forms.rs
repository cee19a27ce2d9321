//! Tests of artifacts that hold a portable model and the lowered form of it for this device.

use std::fs;
use std::path::PathBuf;

use ortlet_kernels::{LinearWeights, PackOptions, pack_linear};
use serde_json::json;

use crate::artifact::Artifact;
use crate::engine::compile::command::Forms;
use crate::engine::compile::{Store, compile_into, compile_model};
use crate::engine::runtime::{SessionOptions, Threads};
use crate::engine::session::{Origin, Session};
use crate::model::{
    Dimension, GraphProto, Model, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, TypeValue, ValueInfoProto,
};
use crate::tensor::{DType, Tensor};

const K: usize = 40;
const N: usize = 48;

fn values(factor: f32) -> Vec<f32> {
    (0..K * N).map(|at| ((at * 37 % 101) as f32 - 50.0) * factor).collect()
}

fn constant(name: &str, dtype: DType, dims: Vec<i64>, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(dtype.onnx()),
        dims,
        raw_data: Some(bytes.into()),
        ..Default::default()
    }
}

/// `y` of one operator on `x` and the constant `w`.
fn model(domain: &str, op_type: &str, w: TensorProto) -> Model {
    let value = |name: &str| {
        let dim = vec![Dimension::Param("rows".into()).into(), Dimension::Unknown.into()];
        let shape = Some(TensorShapeProto { dim, ..Default::default() });
        let tensor = TensorTypeProto { elem_type: Some(1), shape, ..Default::default() };
        let of = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() };
        ValueInfoProto { name: Some(name.into()), r#type: Some(of), ..Default::default() }
    };
    let node = NodeProto {
        op_type: Some(op_type.into()),
        domain: Some(domain.into()),
        input: vec!["x".into(), "w".into()],
        output: vec!["y".into()],
        ..Default::default()
    };
    let graph = GraphProto {
        name: Some("graph".into()),
        node: vec![node],
        input: vec![value("x")],
        output: vec![value("y")],
        initializer: vec![w],
        ..Default::default()
    };
    let import = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.into()),
        version: Some(version),
        ..Default::default()
    };
    let opset_import = vec![import("", 18), import("ai.ortlet", 1)];
    Model { ir_version: Some(8), graph: Some(graph), opset_import, ..Default::default() }
}

fn portable() -> Model {
    let bytes = values(0.01).iter().flat_map(|value| value.to_le_bytes()).collect();
    model("", "MatMul", constant("w", DType::F32, vec![K as i64, N as i64], bytes))
}

/// Not quite the same weights, so that one knows whose results they are.
fn lowered() -> Model {
    let values = values(0.02);
    let weights = LinearWeights { k: K, n: N, values: &values, bias: None };
    let options = PackOptions::new(ortlet_kernels::Format::Fp32);
    let blob = pack_linear(&weights, &options).unwrap();
    model("ai.ortlet", "Linear", constant("w", DType::U8, vec![blob.len() as i64], blob.to_vec()))
}

fn options() -> SessionOptions {
    SessionOptions { threads: Threads::Count(1), ..Default::default() }
}

fn run(session: &Session) -> Vec<f32> {
    let x = Tensor::from_vec([3, K], (0..3 * K).map(|at| at as f32).collect()).unwrap();
    let y = session.run([("x", &x)]).unwrap().remove("y").unwrap().into_tensor().unwrap();
    y.as_slice::<f32>().unwrap().to_vec()
}

/// A folder with the original model, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = std::env::temp_dir().join(format!("ortlet-forms-{name}-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("m.onnx"), portable().to_bytes().unwrap()).unwrap();
        Self(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// That the file runs as the lowered model here, and as the portable one with options that it was not made for.
fn assert_has_both_forms(path: &std::path::Path) {
    let session = Session::load(path, &options()).unwrap();
    assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:?}", session.report());
    assert_eq!(run(&session), run(&Session::of_model(&lowered(), &options()).unwrap()));

    let others = SessionOptions { dims: [("rows".into(), 3)].into(), ..options() };
    let session = Session::load(path, &others).unwrap();
    let report = session.report();
    assert_eq!(report.origin, Origin::ArtifactPortable);
    assert_eq!(report.portable_reason.as_deref(), Some("made with other session options"));
    assert_eq!(run(&session), run(&Session::of_model(&portable(), &options()).unwrap()));

    // What leaves Ortlet is the portable model.
    let model = Model::parse(Artifact::open(path).unwrap().portable_model()).unwrap();
    assert_eq!(model.nodes().map(|at| at.node.op_type()).collect::<Vec<_>>(), ["MatMul"]);
}

#[test]
fn the_device_gets_the_lowered_model_and_others_the_portable_one() {
    let (portable, lowered) = (portable(), lowered());
    let forms = Forms { portable: &portable, lowered: Some(&lowered) };
    let place = Place::new("artifact");
    let (path, target) = (place.0.join("m.onnx"), place.0.join("m.ortlet"));
    let report = compile_model(&path, forms, &target, &options(), json!(null)).unwrap();
    let alone = compile_model(&path, &portable, &place.0.join("p.ortlet"), &options(), json!(null)).unwrap();
    assert_eq!(report.key, alone.key, "both are of the same original");
    assert_has_both_forms(&target);

    let store = Store::open(&place.0.join("cache"));
    compile_into(&store, "name", &path, forms, &options(), json!(null)).unwrap();
    assert_has_both_forms(&store.artifact("name"));
}
