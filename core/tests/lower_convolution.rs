//! Convolutions along one axis become one operator, with the changes of axes around them, and look-alikes do not.

mod changed_graphs;
mod common;
mod graphs;
mod lowering;

use changed_graphs::{run, turned, weight, wholes, with};
use graphs::{constant, graph, model, node, value, whole};
use lowering::{Similarity, lowered};
use ortlet::lower::{BlockKind, KernelPrecision};
use ortlet::model::{AttributeProto, GraphProto, NodeProto};
use ortlet::tensor::DType;

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..Default::default() }
}

fn word(name: &str, text: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(text.to_owned().into()),
        r#type: Some(3),
        ..Default::default()
    }
}

/// `x` is `[batch, rows, 64]`; its rows are channels to begin with.
fn of(nodes: Vec<NodeProto>, weights: &[(&str, &[usize])], rank: usize, rows: &str) -> GraphProto {
    let mut constants: Vec<_> = weights.iter().map(|(name, dims)| weight(name, dims)).collect();
    constants.extend([wholes("last", &[3]), wholes("two", &[2]), constant("half", &[], &[0.5])]);
    let inputs = vec![value("x", DType::F32, &["b", rows, "64"])];
    graph(nodes, inputs, vec![value("y", DType::F32, &vec![""; rank])], constants)
}

fn conv(inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { attribute, ..node("Conv", inputs, &[output]) }
}

/// Has a graph lowered, and says how many nodes are left.
fn check(what: &str, graph: GraphProto, is_block: bool, rows: usize) -> usize {
    let plain = model(graph);
    let own = lowered(&plain, KernelPrecision::Fp32);
    let kinds: Vec<BlockKind> = own.blocks.iter().map(|block| block.kind).collect();
    let expected: &[BlockKind] = if is_block { &[BlockKind::Convolution1d] } else { &[] };
    assert_eq!(kinds, expected, "{what}: {:#?}", own.blocks);
    for batch in [1, 3] {
        let similarity = Similarity { error: 2e-5, cosine: 0.999_99 };
        similarity.assert(
            &format!("{what} {batch}"),
            &run(&plain, batch, rows),
            &run(&own.model, batch, rows),
        );
    }
    own.model.nodes().count()
}

#[test]
fn channels_first_and_last() {
    let plain = || conv(&["x", "w0", "b0"], "y", vec![]);
    let weights: [(&str, &[usize]); 2] = [("w0", &[24, 12, 5]), ("b0", &[24])];
    assert_eq!(check("plain", of(vec![plain()], &weights, 3, "12"), true, 12), 1);
    let moved = vec![list("strides", &[3]), list("pads", &[2, 1]), list("kernel_shape", &[5])];
    let nodes = vec![conv(&["x", "w0", "b0"], "c", moved), node("Relu", &["c"], &["y"])];
    assert_eq!(check("stride, padding, Relu", of(nodes, &weights, 3, "12"), true, 12), 1);
    let weights: [(&str, &[usize]); 2] = [("w0", &[24, 64, 3]), ("b0", &[1, 24, 1])];
    let nodes = vec![
        turned("x", "t", &[0, 2, 1]),
        conv(&["t", "w0"], "c", vec![]),
        node("Add", &["c", "b0"], &["s"]),
        turned("s", "y", &[0, 2, 1]),
    ];
    assert_eq!(check("channels last", of(nodes, &weights, 3, "s"), true, 9), 1);
}

#[test]
fn along_one_of_two_axes_with_a_maximum() {
    let weights: [(&str, &[usize]); 2] = [("w0", &[24, 64, 5, 1]), ("b0", &[1, 24, 1])];
    let nodes = vec![
        node("Unsqueeze", &["x", "last"], &["u"]),
        turned("u", "t", &[0, 2, 1, 3]),
        conv(&["t", "w0"], "c", vec![]),
        node("Squeeze", &["c", "last"], &["q"]),
        node("Add", &["b0", "q"], &["s"]),
        node("Relu", &["s"], &["r"]),
        node("GlobalMaxPool", &["r"], &["m"]),
        node("Squeeze", &["m", "two"], &["y"]),
    ];
    assert_eq!(check("with a maximum", of(nodes.clone(), &weights, 2, "s"), true, 9), 1);
    // What the maximum is taken of is needed: nothing is fused behind it.
    let mut shown = of(nodes, &weights, 2, "s");
    shown.output.push(value("r", DType::F32, &["", "", ""]));
    assert_eq!(check("shown", shown, true, 9), 3);
}

#[test]
fn look_alikes_of_convolutions() {
    let alone = |attribute: Vec<AttributeProto>, weights: &[usize]| {
        of(vec![conv(&["x", "w0"], "y", attribute)], &[("w0", weights)], 3, "12")
    };
    check("dilation", alone(vec![list("dilations", &[2])], &[24, 12, 5]), false, 12);
    check("groups", alone(vec![whole("group", 2)], &[48, 6, 5]), false, 12);
    check("padding by itself", alone(vec![word("auto_pad", "SAME_UPPER")], &[24, 12, 5]), false, 12);
    check("one place", alone(vec![], &[96, 12, 1]), false, 12);
    check("small", alone(vec![], &[4, 12, 5]), false, 12);
    let square: [(&str, &[usize]); 1] = [("w0", &[24, 12, 3, 3])];
    let nodes = vec![
        node("Unsqueeze", &["x", "last"], &["u"]),
        conv(&["u", "w0"], "y", vec![list("pads", &[0, 1, 0, 1])]),
    ];
    check("two axes", of(nodes, &square, 4, "12"), false, 12);
    let line: [(&str, &[usize]); 1] = [("w0", &[24, 12, 3, 1])];
    let nodes = vec![
        node("Unsqueeze", &["x", "last"], &["u"]),
        conv(&["u", "w0"], "y", vec![list("pads", &[0, 1, 0, 1])]),
    ];
    check("padding of the other axis", of(nodes, &line, 4, "12"), false, 12);
    // A bias for places is none for channels; the convolution by itself is a block.
    let weights: [(&str, &[usize]); 2] = [("w0", &[24, 12, 5]), ("b0", &[60])];
    let nodes = vec![conv(&["x", "w0"], "c", vec![]), node("Add", &["c", "b0"], &["y"])];
    assert_eq!(check("bias for places", of(nodes, &weights, 3, "12"), true, 12), 2);
    let average =
        vec![conv(&["x", "w0"], "c", vec![]), with(node("ReduceMax", &["c"], &["y"]), list("axes", &[1]))];
    let mut graph = of(average, &weights[..1], 3, "12");
    graph.node[1] = node("Neg", &["c"], &["y"]);
    assert_eq!(check("something else behind", graph, true, 12), 2);
}
