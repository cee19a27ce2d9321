//! Small graphs of blocks, and changes of them.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use std::collections::BTreeMap;

use ortlet::lower::KernelPrecision;
use ortlet::model::{AttributeProto, GraphProto, Model, NodeProto, TensorProto, ValueInfoProto};
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{Session, SessionOptions};

use crate::graphs::{constant, graph, model, node, random, value, whole};
use crate::lowering::{Similarity, counts, lowered, tensor};

pub fn weight(name: &str, dims: &[usize]) -> TensorProto {
    let numbers = random(name.len() as u64 + name.as_bytes()[1] as u64, dims.iter().product());
    constant(name, dims, &numbers.iter().map(|number| number * 0.3).collect::<Vec<_>>())
}

pub fn wholes(name: &str, numbers: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(DType::I64.onnx()),
        dims: vec![numbers.len() as i64],
        int64_data: numbers.to_vec().into(),
        ..Default::default()
    }
}

pub fn with(node: NodeProto, attribute: AttributeProto) -> NodeProto {
    NodeProto { attribute: vec![attribute], ..node }
}

pub fn float(name: &str, number: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(number), r#type: Some(1), ..Default::default() }
}

pub fn turned(from: &str, to: &str, order: &[i64]) -> NodeProto {
    let perm = AttributeProto {
        name: Some("perm".into()),
        ints: order.to_vec(),
        r#type: Some(7),
        ..Default::default()
    };
    with(node("Transpose", &[from], &[to]), perm)
}

/// Self-attention of four heads, with projections and a residual.
pub fn attention() -> GraphProto {
    let mut nodes = Vec::new();
    for (name, order) in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])] {
        let [weight, split, apart] = ["w", "s", "h"].map(|prefix| format!("{prefix}{name}"));
        nodes.push(node("MatMul", &["x", &weight], &[name]));
        nodes.push(node("Reshape", &[name, "split"], &[&split]));
        nodes.push(turned(&split, &apart, &order));
    }
    nodes.extend([
        node("MatMul", &["hq", "hk"], &["scores"]),
        node("Mul", &["scores", "scale"], &["scaled"]),
        with(node("Softmax", &["scaled"], &["p"]), whole("axis", -1)),
        node("MatMul", &["p", "hv"], &["c"]),
        turned("c", "ct", &[0, 2, 1, 3]),
        node("Reshape", &["ct", "join"], &["j"]),
        node("MatMul", &["j", "wo"], &["o"]),
        node("Add", &["o", "x"], &["y"]),
    ]);
    let mut constants: Vec<TensorProto> = ["wq", "wk", "wv", "wo"].map(|name| weight(name, &[64, 64])).into();
    constants.extend([
        wholes("split", &[0, 0, 4, 16]),
        wholes("join", &[0, 0, 64]),
        constant("scale", &[], &[0.25]),
    ]);
    graph(
        nodes,
        vec![value("x", DType::F32, &["b", "s", "64"])],
        vec![value("y", DType::F32, &["", "", ""])],
        constants,
    )
}

/// A layer, GELU, a layer, a residual and a normalization.
pub fn feed_forward() -> GraphProto {
    let nodes = vec![
        node("MatMul", &["x", "wup"], &["u"]),
        node("Add", &["u", "bias"], &["h"]),
        node("Div", &["h", "root"], &["d"]),
        node("Erf", &["d"], &["e"]),
        node("Add", &["e", "one"], &["e1"]),
        node("Mul", &["h", "e1"], &["he"]),
        node("Mul", &["he", "half"], &["a"]),
        node("MatMul", &["a", "wdown"], &["o"]),
        node("Add", &["o", "x"], &["r"]),
        node("LayerNormalization", &["r", "gamma"], &["y"]),
    ];
    let scalar = |name: &str, number: f32| constant(name, &[], &[number]);
    let constants = vec![
        weight("wup", &[64, 128]),
        weight("wdown", &[128, 64]),
        weight("bias", &[128]),
        weight("gamma", &[64]),
        scalar("root", 2.0_f32.sqrt()),
        scalar("one", 1.0),
        scalar("half", 0.5),
    ];
    graph(
        nodes,
        vec![value("x", DType::F32, &["b", "s", "64"])],
        vec![value("y", DType::F32, &["", "", ""])],
        constants,
    )
}

pub fn run(model: &Model, batch: usize, rows: usize) -> Tensor {
    let x = Tensor::from_vec([batch, rows, 64], random(3, batch * rows * 64)).unwrap();
    let inputs = BTreeMap::from([("x".to_owned(), Value::from(x))]);
    let outputs = Session::from_model(model, &SessionOptions::default()).unwrap().run(&inputs).unwrap();
    tensor(&outputs, "y").clone()
}

/// Has a graph lowered after a change, which leaves so many layers, feed-forward blocks, attentions and tables.
pub fn check(what: &str, graph: GraphProto, change: impl FnOnce(&mut GraphProto), expected: [usize; 4]) {
    let mut changed = graph;
    change(&mut changed);
    check_model(what, &model(changed), expected);
}

pub fn check_model(what: &str, plain: &Model, expected: [usize; 4]) {
    let own = lowered(plain, KernelPrecision::Fp32);
    assert_eq!(counts(&own), expected, "{what}: {:#?}", own.blocks);
    if own.blocks.is_empty() {
        assert_eq!(own.model, *plain, "{what}");
    }
    for (batch, rows) in [(1, 64), (3, 5)] {
        let similarity = Similarity { error: 2e-5, cosine: 0.999_99 };
        let what = format!("{what} {batch} {rows}");
        similarity.assert(&what, &run(plain, batch, rows), &run(&own.model, batch, rows));
    }
}

pub fn replace(graph: &mut GraphProto, output: &str, by: Vec<NodeProto>) {
    let at = graph.node.iter().position(|node| node.output[0] == output).unwrap();
    graph.node.splice(at..=at, by);
}

pub fn input_of(graph: &mut GraphProto, output: &str, place: usize, name: &str) {
    let node = graph.node.iter_mut().find(|node| node.output[0] == output).unwrap();
    node.input[place] = name.to_owned();
}

pub fn show(graph: &mut GraphProto, name: &str) {
    graph.output.push(ValueInfoProto { name: Some(name.into()), ..Default::default() });
}
