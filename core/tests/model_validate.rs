//! What passes validation and what does not. Each case was tried with ONNX Runtime 1.31, which refuses all that are
//! refused here.

use ortlet::model::{
    AttributeProto, GraphProto, Model, NodeProto, OperatorSetIdProto, TensorProto, TensorTypeProto,
    TypeProto, TypeValue, ValueInfoProto,
};

fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.into()),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: outputs.iter().map(ToString::to_string).collect(),
        ..NodeProto::default()
    }
}

fn value(name: &str) -> ValueInfoProto {
    let tensor = TensorTypeProto { elem_type: Some(1), ..TensorTypeProto::default() };
    let r#type = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: Some(name.into()), r#type: Some(r#type), ..ValueInfoProto::default() }
}

/// A tensor of two floats with `bytes` bytes of data.
fn tensor(name: &str, bytes: usize) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(1),
        dims: vec![2],
        raw_data: Some(vec![0; bytes].into()),
        ..TensorProto::default()
    }
}

/// A graph with the input `x` and the output `y`.
fn graph(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> GraphProto {
    GraphProto {
        node,
        initializer,
        input: vec![value("x")],
        output: vec![value("y")],
        ..GraphProto::default()
    }
}

fn model(graph: GraphProto) -> Model {
    let opset = OperatorSetIdProto { version: Some(17), ..OperatorSetIdProto::default() };
    Model { ir_version: Some(8), opset_import: vec![opset], graph: Some(graph), ..Model::default() }
}

/// An `If` whose only branch has these nodes and the output `o`.
fn branch(nodes: Vec<NodeProto>, initializer: Vec<TensorProto>, output: &str) -> NodeProto {
    let inner = GraphProto { node: nodes, initializer, output: vec![value("o")], ..GraphProto::default() };
    let then = AttributeProto {
        name: Some("then_branch".into()),
        g: Some(Box::new(inner)),
        ..AttributeProto::default()
    };
    NodeProto { attribute: vec![then], ..node("If", &["x"], &[output]) }
}

fn refuse(what: &str, model: &Model, message: &str) {
    let error = model.validate().expect_err(what).to_string();
    assert!(error.contains(message), "{what}: {error}");
}

fn pass(what: &str, graph: GraphProto) {
    model(graph).validate().unwrap_or_else(|error| panic!("{what}: {error}"));
}

fn relu() -> GraphProto {
    graph(vec![node("Relu", &["x"], &["y"])], vec![])
}

#[test]
fn a_model_has_versions_and_a_graph() {
    model(relu()).validate().unwrap();
    refuse("no IR version", &Model { ir_version: None, ..model(relu()) }, "IR version");
    refuse("no operator set", &Model { opset_import: vec![], ..model(relu()) }, "operator set");
    refuse("no graph", &Model { graph: None, ..model(relu()) }, "no graph");
    refuse("nothing", &Model::default(), "IR version");
    // ONNX Runtime runs some operators of sets older than it promises.
    let mut old = model(relu());
    old.opset_import[0].version = Some(6);
    old.ir_version = Some(3);
    old.validate().unwrap();
}

#[test]
fn order_and_duplicates_that_onnx_runtime_tolerates_pass() {
    pass("unsorted", graph(vec![node("Relu", &["a"], &["y"]), node("Relu", &["x"], &["a"])], vec![]));
    let add = || node("Add", &["x", "w"], &["y"]);
    pass("an initializer twice", graph(vec![add()], vec![tensor("w", 8), tensor("w", 8)]));
    pass("a damaged one replaced", graph(vec![add()], vec![tensor("w", 4), tensor("w", 8)]));
    let mut twice = relu();
    twice.output.push(value("y"));
    pass("an output twice", twice);
    let mut unconnected = relu();
    unconnected.node.push(NodeProto::default());
    pass("a node connected to nothing", unconnected);
}

#[test]
fn values_are_made_once_and_before_they_are_needed() {
    let refuse = |what, nodes, message| refuse(what, &model(graph(nodes, vec![tensor("w", 8)])), message);
    let relu = || node("Relu", &["x"], &["y"]);
    refuse("twice", vec![relu(), relu()], "node 1 (Relu): invalid model: output `y` is already made");
    refuse("like an input", vec![relu(), node("Relu", &["x"], &["x"])], "`x` is already made");
    refuse("like an initializer", vec![relu(), node("Relu", &["x"], &["w"])], "`w` is already made");
    refuse("unknown", vec![relu(), node("Relu", &["q"], &["z"])], "`q` is made by no node");
    refuse("missing output", vec![node("Relu", &["x"], &["z"])], "`y` is made by no node");
    refuse("no operator", vec![relu(), node("", &["x"], &["z"])], "without operator");
    let cycle = vec![relu(), node("Add", &["a", "x"], &["b"]), node("Relu", &["b"], &["a"])];
    refuse("cycle", cycle, "node 1 (Add): invalid model: the node needs its own output");
    let mut twice = self::relu();
    twice.input.push(value("x"));
    self::refuse("input twice", &model(twice), "two graph inputs");
}

#[test]
fn only_data_that_an_output_needs_is_judged() {
    let relu = || node("Relu", &["x"], &["y"]);
    let bad = || vec![tensor("w", 4)];
    pass("unused", graph(vec![relu()], bad()));
    pass("useless", graph(vec![relu(), node("Identity", &["w"], &["z"])], bad()));
    let needed = graph(vec![node("Add", &["x", "w"], &["y"])], bad());
    refuse("needed", &model(needed), "initializer: invalid model: tensor `w` needs 8 bytes, but has 4");
    let constant = |output: &str| {
        let value = AttributeProto {
            name: Some("value".into()),
            t: Some(Box::new(tensor("", 12))),
            ..AttributeProto::default()
        };
        NodeProto { attribute: vec![value], ..node("Constant", &[], &[output]) }
    };
    pass("unused constant", graph(vec![relu(), constant("c")], vec![]));
    let needed = graph(vec![constant("c"), node("Add", &["x", "c"], &["y"])], vec![]);
    refuse(
        "constant",
        &model(needed),
        "node 0 (Constant): invalid model: tensor `` needs 8 bytes, but has 12",
    );
    let typeless = TensorProto { data_type: Some(99), ..tensor("w", 8) };
    refuse("type", &model(graph(vec![relu()], vec![typeless])), "unsupported element type 99");
}

#[test]
fn graphs_inside_of_nodes_see_the_values_around_them() {
    let abs = |input: &str| vec![node("Abs", &[input], &["o"])];
    let late = vec![branch(abs("late"), vec![], "y"), node("Relu", &["x"], &["late"])];
    pass("made later", graph(late, vec![]));
    pass(
        "the same name inside",
        graph(vec![node("Relu", &["x"], &["o"]), branch(abs("x"), vec![], "y")], vec![]),
    );
    pass("an initializer outside", graph(vec![branch(abs("w"), vec![], "y")], vec![tensor("w", 8)]));
    let around = graph(vec![branch(abs("w"), vec![], "y")], vec![tensor("w", 4)]);
    refuse("damaged outside", &model(around), "tensor `w` needs 8 bytes");
    let inside = |output| {
        graph(vec![node("Relu", &["x"], &["y"]), branch(abs("w"), vec![tensor("w", 4)], output)], vec![])
    };
    pass("damaged inside, but useless", inside("z"));
    let mut needed = inside("z");
    needed.output.push(value("z"));
    refuse("damaged inside", &model(needed), "node 1 (If): graph `then_branch`: initializer: invalid model");
    let unknown = graph(vec![branch(abs("q"), vec![], "y")], vec![]);
    refuse(
        "unknown",
        &model(unknown),
        "node 0 (If): graph `then_branch`: node 0 (Abs): invalid model: input `q`",
    );
    let own = graph(vec![branch(abs("y"), vec![], "y")], vec![]);
    refuse("its own output", &model(own), "needs its own output");
}

#[test]
fn inputs_have_a_type() {
    let mut untyped = relu();
    untyped.input.push(ValueInfoProto { r#type: None, ..value("z") });
    refuse("input", &model(untyped), "graph input `z` has no type");
    let mut by_initializer = graph(vec![node("Add", &["x", "w"], &["y"])], vec![tensor("w", 8)]);
    by_initializer.input.push(ValueInfoProto { r#type: None, ..value("w") });
    pass("typed by its initializer", by_initializer);
    let mut output = relu();
    output.output[0].r#type = None;
    pass("output without type", output);
}
