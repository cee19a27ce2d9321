//! Simplified models give the results of the models that they were, by plain onnxruntime.

mod common;
mod graphs;
mod rewrites;

use common::folder;
use graphs::{constant, graph, model, node, random, value, whole};
use ortlet::model::{AttributeProto, Model, NodeProto, TensorProto};
use ortlet::quantize::{RewriteKind, SimplifyReport, lift_opset, simplify};
use ortlet::tensor::DType;
use rewrites::{Cases, real_models};
use serde_json::{Value, json};

/// Sums in another order, factors rounded together: some units in the last place of the largest number. Real models
/// add up many layers of that, and end in a `Sigmoid` of large negative numbers, which makes errors of them relative.
const TOLERANCE: f64 = 2e-6;
const TOLERANCE_REAL: f64 = 1e-4;

/// A small model, what should be done to it, and the range of its inputs.
struct Form {
    name: &'static str,
    model: Model,
    kinds: Vec<RewriteKind>,
    inputs: Value,
}

fn kinds(report: &SimplifyReport) -> Vec<RewriteKind> {
    let mut kinds: Vec<RewriteKind> = report.rewrites.iter().map(|rewrite| rewrite.kind).collect();
    kinds.dedup();
    kinds
}

fn check(name: &str, forms: Vec<Form>) {
    let mut cases = Cases::new(folder(name));
    for form in forms {
        let (simple, report) = simplify(&form.model).unwrap();
        assert_eq!(kinds(&report), form.kinds, "{}: {report:#?}", form.name);
        if form.kinds.is_empty() {
            assert_eq!(simple, form.model, "{}", form.name);
        }
        cases.add(form.name, &form.model, &simple, &form.inputs, TOLERANCE);
    }
    cases.compare();
}

fn weights(name: &str, dims: &[usize]) -> TensorProto {
    constant(name, dims, &random(dims.len() as u64 + 7, dims.iter().product()))
}

fn scalar(name: &str, number: f32) -> TensorProto {
    constant(name, &[], &[number])
}

fn numbers(name: &str, dtype: DType, dims: &[i64], values: &[i64]) -> TensorProto {
    let bytes = values.iter().flat_map(|value| match dtype {
        DType::I64 => value.to_le_bytes().to_vec(),
        DType::I32 => (*value as i32).to_le_bytes().to_vec(),
        _ => vec![*value as u8],
    });
    TensorProto {
        name: Some(name.into()),
        data_type: Some(dtype.onnx()),
        dims: dims.to_vec(),
        raw_data: Some(bytes.collect::<Vec<u8>>().into()),
        ..Default::default()
    }
}

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..Default::default() }
}

fn with(node: NodeProto, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { attribute, ..node }
}

/// A model of x and y with inputs from -4 to 4.
fn form(
    name: &'static str,
    shape: &[usize],
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    rank: usize,
    kinds: &[RewriteKind],
) -> Form {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
    let y = value("y", DType::F32, &vec![""; rank]);
    Form {
        name,
        model: model(graph(nodes, vec![value("x", DType::F32, &dims)], vec![y], constants)),
        kinds: kinds.to_vec(),
        inputs: json!({ "x": { "shape": shape, "low": -4, "high": 4 } }),
    }
}

/// The chain with `Pow`, the factors where the letters say; constants may be off.
fn gelu(name: &'static str, order: &str, factors: [f32; 4], kinds: &[RewriteKind]) -> Form {
    let [cube, root, one, half] = factors;
    let mut nodes = match order.contains('p') {
        true => vec![node("Pow", &["x", "three"], &["x3"]), node("Mul", &["x3", "cube"], &["cx3"])],
        false => vec![
            node("Mul", &["x", "x"], &["x2"]),
            node("Mul", &["cube", "x2"], &["cx2"]),
            node("Mul", &["cx2", "x"], &["cx3"]),
        ],
    };
    if order.contains('f') {
        // root * x * (1 + cube * x * x)
        nodes = vec![
            node("Mul", &["x", "x"], &["x2"]),
            node("Mul", &["cube", "x2"], &["cx2"]),
            node("Add", &["cx2", "one"], &["inner"]),
            node("Mul", &["x", "root"], &["rx"]),
            node("Mul", &["rx", "inner"], &["u"]),
        ];
    } else {
        nodes.extend([node("Add", &["cx3", "x"], &["inner"]), node("Mul", &["inner", "root"], &["u"])]);
    }
    nodes.extend([node("Tanh", &["u"], &["t"]), node("Add", &["one", "t"], &["w"])]);
    nodes.extend(match order.contains('h') {
        true => [node("Mul", &["half", "x"], &["hx"]), node("Mul", &["hx", "w"], &["y"])],
        false => [node("Mul", &["half", "w"], &["hw"]), node("Mul", &["x", "hw"], &["y"])],
    });
    if order.contains('l') {
        let last = nodes.len() - 2;
        nodes[last] = node("Mul", &["x", "w"], &["xw"]);
        nodes[last + 1] = node("Div", &["xw", "two"], &["y"]);
    }
    let all = [("cube", cube), ("root", root), ("one", one), ("half", half), ("three", 3.0), ("two", 2.0)];
    let reads = |name: &str| nodes.iter().any(|node| node.input.iter().any(|input| input == name));
    let constants = all.iter().filter(|(name, _)| reads(name)).map(|(name, number)| scalar(name, *number));
    let constants = constants.collect();
    form(name, &[2, 3, 50], nodes, constants, 3, kinds)
}

#[test]
fn tanh_gelu_in_every_form() {
    let usual = [0.044_715, 0.797_884_6, 1.0, 0.5];
    let fused = [RewriteKind::TanhGelu];
    let mut forms = vec![
        gelu("pow", "p", usual, &fused),
        gelu("mul", "", usual, &fused),
        gelu("half-first", "ph", usual, &fused),
        gelu("factored", "f", usual, &fused),
        gelu("halved-last", "l", usual, &fused),
        gelu("rounded", "p", [0.044_715_002, 0.797_884_6, 1.0, 0.5], &fused),
        gelu("other-cube", "p", [0.044, 0.797_884_6, 1.0, 0.5], &[]),
        gelu("other-root", "p", [0.044_715, 0.8, 1.0, 0.5], &[]),
        gelu("other-one", "p", [0.044_715, 0.797_884_6, 1.01, 0.5], &[]),
        gelu("other-half", "p", [0.044_715, 0.797_884_6, 1.0, 0.51], &[]),
    ];
    for form in &mut forms[..2] {
        let graph = form.model.graph.as_ref().unwrap();
        let simple = simplify(&form.model).unwrap().0;
        assert_eq!(simple.nodes().map(|at| at.node.op_type()).collect::<Vec<_>>(), ["FastGelu"]);
        assert_eq!(simple.graph.as_ref().unwrap().output, graph.output);
    }
    // A value in between is read elsewhere, or an output.
    let mut read = gelu("second-reader", "p", usual, &[]);
    let graph = read.model.graph.as_mut().unwrap();
    graph.node.push(node("Neg", &["w"], &["z"]));
    graph.output.push(value("z", DType::F32, &["2", "3", "50"]));
    forms.push(read);
    let mut output = gelu("output-within", "p", usual, &[]);
    output.model.graph.as_mut().unwrap().output.push(value("t", DType::F32, &["2", "3", "50"]));
    forms.push(output);
    // A constant of more dimensions stretches the result.
    let mut stretched = gelu("stretched", "p", usual, &[]);
    stretched.model.graph.as_mut().unwrap().initializer[0].dims = vec![1; 4];
    stretched.model.graph.as_mut().unwrap().output[0] = value("y", DType::F32, &["1", "2", "3", "50"]);
    forms.push(stretched);
    let mut standard = gelu("standard", "p", usual, &fused);
    standard.model.opset_import[0].version = Some(20);
    standard.model.ir_version = Some(9);
    let simple = simplify(&standard.model).unwrap().0;
    assert_eq!(simple.graph.as_ref().unwrap().node[0].op_type(), "Gelu");
    assert_eq!(simple.opset_import, standard.model.opset_import);
    forms.push(standard);
    check("simplify-gelu", forms);
}

/// `x` of whole numbers, compared with 0, 1, 2, ... or `counted`, times a matrix of 5 rows.
fn compared(name: &'static str, dtype: DType, counted: &[i64], kinds: &[RewriteKind]) -> Form {
    let nodes = vec![
        node("Unsqueeze", &["x", "axes"], &["column"]),
        node("Equal", &["column", "all"], &["is"]),
        with(node("Cast", &["is"], &["hot"]), vec![whole("to", 1)]),
        node("MatMul", &["hot", "w"], &["y"]),
    ];
    let constants = vec![
        numbers("axes", DType::I64, &[1], &[-1]),
        numbers("all", dtype, &[1, 5], counted),
        weights("w", &[5, 3]),
    ];
    let outputs = vec![value("y", DType::F32, &["2", "6", "3"])];
    Form {
        name,
        model: model(graph(nodes, vec![value("x", dtype, &["2", "6"])], outputs, constants)),
        kinds: kinds.to_vec(),
        inputs: json!({ "x": { "shape": [2, 6], "values": [0, 1, 2, 3, 4, 5, 6, 255, 100, 4, 0, 2] } }),
    }
}

/// `OneHot` of numbers on both sides of zero.
fn operator(name: &'static str, on: f32, axis: i64, kinds: &[RewriteKind]) -> Form {
    let nodes = vec![
        with(node("OneHot", &["x", "depth", "values"], &["hot"]), vec![whole("axis", axis)]),
        node("MatMul", &["hot", "w"], &["y"]),
    ];
    let constants = vec![
        numbers("depth", DType::I64, &[], &[5]),
        constant("values", &[2], &[0.0, on]),
        weights("w", &[5, 3]),
    ];
    let outputs = vec![value("y", DType::F32, &["", "", "3"])];
    Form {
        name,
        model: model(graph(nodes, vec![value("x", DType::I64, &["2", "5"])], outputs, constants)),
        kinds: kinds.to_vec(),
        inputs: json!({ "x": { "shape": [2, 5], "values": [0, 4, 5, 9, -1, -5, -6, 1000, 2, -3] } }),
    }
}

#[test]
fn one_hot_vectors_times_a_matrix() {
    let rows = [RewriteKind::OneHot];
    let all = [0, 1, 2, 3, 4];
    let mut forms = vec![
        compared("int32", DType::I32, &all, &rows),
        compared("int64", DType::I64, &all, &rows),
        compared("uint8", DType::U8, &all, &rows),
        compared("not-all", DType::I64, &[0, 1, 2, 4, 3], &[]),
        operator("operator", 1.0, -1, &rows),
        operator("other-value", 2.0, -1, &[]),
        operator("other-axis", 1.0, 1, &[]),
    ];
    let mut read = compared("second-reader", DType::I64, &all, &[]);
    read.model.graph.as_mut().unwrap().output.push(value("hot", DType::F32, &["2", "6", "5"]));
    forms.push(read);
    // The axis might be of another size than one.
    let mut open = compared("open-axis", DType::I64, &all, &[]);
    let graph = open.model.graph.as_mut().unwrap();
    graph.node.remove(0);
    graph.node[0].input[0] = "x".into();
    graph.initializer.remove(0);
    graph.input[0] = value("x", DType::I64, &["2", "6", "n"]);
    open.inputs = json!({ "x": { "shape": [2, 6, 5], "low": 0, "high": 5 } });
    graph.output[0] = value("y", DType::F32, &["2", "6", "3"]);
    forms.push(open);
    // Zero times infinity is not zero.
    let mut infinite = compared("infinite", DType::I64, &all, &[]);
    infinite.model.graph.as_mut().unwrap().initializer[2] = constant("w", &[5, 3], &[f32::INFINITY; 15]);
    forms.push(infinite);
    check("simplify-one-hot", forms);
}

/// The pieces of a hard swish: `Clip(x + three, 0, six)`, then as the letters say.
fn hard(name: &'static str, order: &str, [three, six]: [f32; 2], kinds: &[RewriteKind]) -> Form {
    let mut nodes =
        vec![node("Add", &["three", "x"], &["sum"]), node("Clip", &["sum", "zero", "six"], &["clipped"])];
    let ends = match order {
        "swish" => vec![node("Mul", &["x", "clipped"], &["m"]), node("Div", &["m", "six"], &["y"])],
        "divided" => vec![node("Div", &["clipped", "six"], &["d"]), node("Mul", &["d", "x"], &["y"])],
        "sixth" => vec![node("Mul", &["clipped", "sixth"], &["y"])],
        _ => vec![node("Mul", &["x", "clipped"], &["y"])],
    };
    nodes.extend(ends);
    let all = [("three", three), ("six", six), ("zero", 0.0), ("sixth", 1.0 / 6.0)];
    let reads = |name: &str| nodes.iter().any(|node| node.input.iter().any(|input| input == name));
    let constants: Vec<_> =
        all.iter().filter(|(name, _)| reads(name)).map(|(name, number)| scalar(name, *number)).collect();
    form(name, &[2, 3, 50], nodes, constants, 3, kinds)
}

#[test]
fn hard_sigmoids_in_every_form() {
    let found = [RewriteKind::HardSigmoid];
    let mut forms = vec![
        hard("swish", "swish", [3.0, 6.0], &found),
        hard("divided", "divided", [3.0, 6.0], &found),
        hard("sixth", "sixth", [3.0, 6.0], &found),
        hard("no-sixth", "none", [3.0, 6.0], &[]),
        hard("other-three", "swish", [3.5, 6.0], &[]),
        hard("other-six", "swish", [3.0, 6.5], &[]),
    ];
    // The 3 is not taken for a bias.
    let mut behind = hard("behind-a-layer", "sixth", [3.0, 6.0], &found);
    let graph = behind.model.graph.as_mut().unwrap();
    graph.node.insert(0, node("MatMul", &["input", "w"], &["product"]));
    graph.node.insert(1, node("Add", &["product", "b"], &["x"]));
    graph.initializer.extend([weights("w", &[50, 50]), weights("b", &[50])]);
    graph.input = vec![value("input", DType::F32, &["2", "3", "50"])];
    behind.inputs = json!({ "input": { "shape": [2, 3, 50], "low": -1, "high": 1 } });
    forms.push(behind);
    check("simplify-hard", forms);
}

/// `y` of a convolution of an image of 4 channels to 6, and what follows.
fn image(
    name: &'static str,
    after: Vec<NodeProto>,
    more: Vec<TensorProto>,
    rank: usize,
    kinds: &[RewriteKind],
) -> Form {
    let conv = with(node("Conv", &["x", "w", "b"], &["c"]), vec![list("pads", &[1, 1, 1, 1])]);
    let nodes = std::iter::once(conv).chain(after).collect();
    let constants = [weights("w", &[6, 4, 3, 3]), weights("b", &[6])].into_iter().chain(more).collect();
    form(name, &[2, 4, 7, 7], nodes, constants, rank, kinds)
}

#[test]
fn constants_behind_a_layer_become_part_of_it() {
    let fold = [RewriteKind::FoldIntoWeights];
    let per_channel = |name| weights(name, &[6, 1, 1]);
    let normalize = node("BatchNormalization", &["c", "scale", "bias", "mean", "variance"], &["y"]);
    let positive = constant("variance", &[6], &[0.5, 1.0, 2.0, 0.1, 3.0, 1.5]);
    let statistics = vec![weights("scale", &[6]), weights("bias", &[6]), weights("mean", &[6]), positive];
    let mut read =
        image("second-reader", vec![node("Mul", &["c", "k"], &["y"])], vec![per_channel("k")], 4, &[]);
    read.model.graph.as_mut().unwrap().output.push(value("c", DType::F32, &["2", "6", "7", "7"]));
    check(
        "simplify-fold",
        vec![
            image("mul", vec![node("Mul", &["k", "c"], &["y"])], vec![per_channel("k")], 4, &fold),
            image("add", vec![node("Add", &["c", "k"], &["y"])], vec![per_channel("k")], 4, &fold),
            image("sub", vec![node("Sub", &["c", "k"], &["y"])], vec![per_channel("k")], 4, &fold),
            image("div", vec![node("Div", &["c", "k"], &["y"])], vec![scalar("k", 3.0)], 4, &fold),
            image("normalize", vec![normalize], statistics, 4, &fold),
            // Along another axis, of more dimensions, from the other side.
            image("by-column", vec![node("Mul", &["c", "k"], &["y"])], vec![weights("k", &[7])], 4, &[]),
            image(
                "stretched",
                vec![node("Mul", &["c", "k"], &["y"])],
                vec![weights("k", &[3, 1, 1, 1, 1])],
                5,
                &[],
            ),
            image("turned", vec![node("Div", &["k", "c"], &["y"])], vec![scalar("k", 3.0)], 4, &[]),
            read,
        ],
    );
}

#[test]
fn means_of_pixels_and_what_does_nothing() {
    let pool = |name, axes: &[i64], keep: i64, rank, kinds: &[RewriteKind]| {
        let mean = with(node("ReduceMean", &["c", "axes"], &["y"]), vec![whole("keepdims", keep)]);
        let axes = numbers("axes", DType::I64, &[axes.len() as i64], axes);
        image(name, vec![mean], vec![axes], rank, kinds)
    };
    let turn =
        |input, output, perm: &[i64]| with(node("Transpose", &[input], &[output]), vec![list("perm", perm)]);
    let turns = |name, back: &[i64], kinds: &[RewriteKind]| {
        let nodes = vec![turn("c", "t", &[0, 2, 3, 1]), turn("t", "u", back), node("Relu", &["u"], &["y"])];
        image(name, nodes, vec![], 4, kinds)
    };
    let relu = || node("Relu", &["i"], &["y"]);
    let mut forms = vec![
        pool("pool", &[2, 3], 1, 4, &[RewriteKind::GlobalAveragePool]),
        pool("pool-from-the-end", &[-1, -2], 1, 4, &[RewriteKind::GlobalAveragePool]),
        pool("flat", &[2, 3], 0, 2, &[]),
        pool("rows", &[3], 1, 4, &[]),
        turns("there-and-back", &[0, 3, 1, 2], &[RewriteKind::TransposePair]),
        image(
            "identity",
            vec![node("Identity", &["c"], &["i"]), relu()],
            vec![],
            4,
            &[RewriteKind::Identity],
        ),
        image(
            "times-one",
            vec![node("Mul", &["c", "k"], &["i"]), relu()],
            vec![scalar("k", 1.0)],
            4,
            &[RewriteKind::FoldIntoWeights],
        ),
        image("dropout", vec![node("Dropout", &["c"], &["i"]), relu()], vec![], 4, &[RewriteKind::Dropout]),
        image(
            "unused",
            vec![node("Neg", &["c"], &["i"]), node("Relu", &["c"], &["y"])],
            vec![],
            4,
            &[RewriteKind::UnusedNode],
        ),
    ];
    // An output keeps its name, whatever it is made of.
    forms.push(image("named-output", vec![node("Identity", &["c"], &["y"])], vec![], 4, &[]));
    check("simplify-rest", forms);
}

#[test]
fn real_models_stay_the_same() {
    let mut cases = Cases::new(folder("simplify-real"));
    for (name, plain, inputs) in real_models() {
        let (simple, report) = simplify(&lift_opset(&plain, 13).unwrap()).unwrap();
        assert!(report.node_count_after <= report.node_count_before, "{name}");
        cases.add(name, &plain, &simple, &inputs, TOLERANCE_REAL);
    }
    cases.compare();
}
