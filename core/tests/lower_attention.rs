//! What only looks like attention is left alone, and the rest of the graph computes as before.

mod changed_graphs;
mod common;
mod graphs;
mod lowering;

use std::collections::BTreeMap;

use changed_graphs::{attention, check, input_of, replace, show, turned, weight, wholes, with};
use graphs::{constant, graph, model, node, random, value, whole};
use lowering::{Similarity, counts, lowered, tensor};
use ortlet::lower::KernelPrecision;
use ortlet::model::{AttributeProto, GraphProto, Model, NodeProto, OperatorSetIdProto};
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{Session, SessionOptions};

#[test]
fn look_alikes_of_attention() {
    let layers = [4, 0, 0, 0];
    let softmax = |axis| with(node("Softmax", &["scaled"], &["p"]), whole("axis", axis));
    check("softmax over queries", attention(), |g| replace(g, "p", vec![softmax(2)]), layers);
    check("softmax over heads", attention(), |g| replace(g, "p", vec![softmax(1)]), layers);
    check("scores are an output", attention(), |g| show(g, "scaled"), layers);
    check("probabilities are an output", attention(), |g| show(g, "p"), layers);
    check(
        "probabilities read twice",
        attention(),
        |g| {
            g.node.push(node("ReduceSum", &["p"], &["sum"]));
            show(g, "sum");
        },
        layers,
    );
    check(
        "scale after the softmax",
        attention(),
        |g| {
            replace(
                g,
                "p",
                vec![
                    with(node("Softmax", &["scaled"], &["p0"]), whole("axis", -1)),
                    node("Mul", &["p0", "scale"], &["p"]),
                ],
            );
        },
        layers,
    );
    check(
        "scale that only a run knows",
        attention(),
        |g| {
            g.node.insert(0, with(node("ReduceMax", &["x"], &["max"]), whole("keepdims", 0)));
            input_of(g, "scaled", 1, "max");
        },
        layers,
    );
    check(
        "scale by row",
        attention(),
        |g| {
            g.initializer.push(weight("factors", &[4, 1, 1]));
            input_of(g, "scaled", 1, "factors");
        },
        layers,
    );
    // Columns of a head apart from each other.
    check(
        "another order of heads",
        attention(),
        |g| {
            g.initializer.push(wholes("wrong", &[0, 0, 16, 4]));
            for (name, split, apart, order) in [
                ("q", "sq", "hq", [0, 3, 1, 2]),
                ("k", "sk", "hk", [0, 3, 2, 1]),
                ("v", "sv", "hv", [0, 3, 1, 2]),
            ] {
                replace(g, split, vec![node("Reshape", &[name, "wrong"], &[split])]);
                replace(g, apart, vec![turned(split, apart, &order)]);
            }
        },
        layers,
    );
    check(
        "values that were not turned",
        attention(),
        |g| {
            g.initializer.push(wholes("wrong", &[0, 4, -1, 16]));
            replace(g, "sv", vec![]);
            replace(g, "hv", vec![node("Reshape", &["v", "wrong"], &["hv"])]);
        },
        [4, 0, 1, 0],
    );
}

#[test]
fn masks_that_are_none() {
    let masked = |g: &mut GraphProto, mask: NodeProto| {
        replace(g, "p", vec![mask, with(node("Softmax", &["masked"], &["p"]), whole("axis", -1))]);
    };
    // What the mask leaves out differs from what an addition leaves out.
    check(
        "a small number instead of scores",
        attention(),
        |g| {
            g.initializer.push(constant("low", &[], &[-1e4]));
            g.node.insert(0, node("Greater", &["scale", "scale"], &["no"]));
            g.initializer.push(wholes("square", &[1, 1]));
            g.node.insert(1, node("Reshape", &["no", "square"], &["none"]));
            masked(g, node("Where", &["none", "low", "scaled"], &["masked"]));
        },
        [4, 0, 0, 0],
    );
    check(
        "the lowest number instead of scores",
        attention(),
        |g| {
            g.initializer.push(constant("low", &[], &[f32::MIN]));
            g.node.insert(0, node("Greater", &["scale", "scale"], &["no"]));
            g.initializer.push(wholes("square", &[1, 1]));
            g.node.insert(1, node("Reshape", &["no", "square"], &["none"]));
            masked(g, node("Where", &["none", "low", "scaled"], &["masked"]));
        },
        [2, 0, 1, 0],
    );
    check(
        "scale after the mask",
        attention(),
        |g| {
            g.initializer.push(constant("mask", &[1, 1], &[1.0]));
            g.node.retain(|node| node.output[0] != "scaled");
            let at = g.node.iter().position(|node| node.output[0] == "p").unwrap();
            g.node.insert(at, node("Mul", &["masked", "scale"], &["scaled"]));
            g.node.insert(at, node("Add", &["scores", "mask"], &["masked"]));
        },
        [4, 0, 0, 0],
    );
}

/// Runs a model of x and a mask of batch 2 and 6 keys, in which the second row has no key at all.
fn with_padding(model: &Model, dtype: DType, shape: &[usize]) -> Tensor {
    let x = Tensor::from_vec([2, 6, 64], random(3, 2 * 6 * 64)).unwrap();
    let kept = [1_u8, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let rows: Vec<u8> = kept.chunks(6).flat_map(|kept| kept.repeat(6)).collect();
    let mask = match dtype {
        // The same for each query.
        DType::Bool => Tensor::from_bytes(dtype, shape, &rows).unwrap(),
        DType::F32 => {
            let added = |(at, &kept): (usize, &u8)| match kept {
                1 => 0.0,
                _ => [f32::MIN, f32::NEG_INFINITY][at % 2],
            };
            Tensor::from_vec(shape, rows.iter().enumerate().map(added).collect()).unwrap()
        }
        _ => Tensor::from_vec(shape, kept.iter().map(|&kept| i32::from(kept)).collect()).unwrap(),
    };
    let inputs = BTreeMap::from([("x".to_owned(), Value::from(x)), ("mask".to_owned(), Value::from(mask))]);
    let outputs = Session::from_model(model, &SessionOptions::default()).unwrap().run(&inputs).unwrap();
    tensor(&outputs, "y").clone()
}

fn domain(name: &str, version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto { domain: Some(name.into()), version: Some(version), ..Default::default() }
}

#[test]
fn rows_without_keys_are_what_they_were() {
    let microsoft = |mut node: NodeProto| {
        node.domain = Some("com.microsoft".into());
        with(node, whole("num_heads", 4))
    };
    let heads = |node: NodeProto| {
        let attribute: Vec<AttributeProto> =
            ["q_num_heads", "kv_num_heads"].map(|name| whole(name, 4)).into();
        NodeProto { attribute, ..node }
    };
    let of = |nodes, mask: DType, dims: &[&str], version: i64| {
        let constants = vec![weight("wqkv", &[64, 192]), weight("bqkv", &[192])];
        let inputs = vec![value("x", DType::F32, &["b", "s", "64"]), value("mask", mask, dims)];
        let graph: GraphProto = graph(nodes, inputs, vec![value("y", DType::F32, &["", "", ""])], constants);
        let opset_import = vec![domain("", version), domain("com.microsoft", 1)];
        Model { opset_import, ir_version: Some(10), ..model(graph) }
    };
    let padding = ["b", "s"];
    let cases = [
        (
            "padding",
            of(
                vec![microsoft(node("Attention", &["x", "wqkv", "bqkv", "mask"], &["y"]))],
                DType::I32,
                &padding,
                17,
            ),
            [1, 0, 1, 0],
        ),
        (
            "apart",
            of(
                vec![microsoft(node("MultiHeadAttention", &["x", "x", "x", "", "mask"], &["y"]))],
                DType::I32,
                &padding,
                17,
            ),
            [0, 0, 1, 0],
        ),
        (
            "standard",
            of(
                vec![heads(node("Attention", &["x", "x", "x", "mask"], &["y"]))],
                DType::Bool,
                &["b", "1", "s", "s"],
                23,
            ),
            [0, 0, 1, 0],
        ),
        (
            "added",
            of(
                vec![heads(node("Attention", &["x", "x", "x", "mask"], &["y"]))],
                DType::F32,
                &["b", "1", "s", "s"],
                23,
            ),
            [0, 0, 1, 0],
        ),
    ];
    for (name, plain, expected) in cases {
        let own = lowered(&plain, KernelPrecision::Fp32);
        assert_eq!(counts(&own), expected, "{name}");
        let (dtype, shape): (DType, &[usize]) = match name {
            "standard" => (DType::Bool, &[2, 1, 6, 6]),
            "added" => (DType::F32, &[2, 1, 6, 6]),
            _ => (DType::I32, &[2, 6]),
        };
        let run = |model: &Model| with_padding(model, dtype, shape);
        Similarity { error: 2e-5, cosine: 0.999_99 }.assert(name, &run(&plain), &run(&own.model));
    }
}
