//! Models of old operator sets compute the same in the terms of later ones.

mod common;
mod graphs;
mod rewrites;

use std::path::PathBuf;

use common::{folder, setting};
use graphs::{constant, graph, model, node, value, whole};
use ortlet::ErrorCode;
use ortlet::model::{
    AttributeProto, FunctionProto, Model, NodeProto, OperatorSetIdProto, TensorProto, TypeValue,
};
use ortlet::quantize::lift_opset;
use ortlet::tensor::DType;
use rewrites::{Cases, real_models};
use serde_json::json;

fn opset(model: &Model) -> i64 {
    let standard = model.opset_import.iter().find(|opset| opset.domain().is_empty());
    standard.and_then(|opset| opset.version).unwrap_or(0)
}

/// The ONNX project's tests in these folders that are older than set 13. `StringNormalizer` is left out: it needs a
/// locale that not every machine has, and did not change.
fn old_tests() -> Vec<(String, PathBuf, Model)> {
    let mut found = Vec::new();
    for kind in ["pytorch-operator", "pytorch-converted", "simple", "node"] {
        for test in
            std::fs::read_dir(setting("ORTLET_TEST_ONNX").join("backend/test/data").join(kind)).unwrap()
        {
            let path = test.unwrap().path();
            let Ok(bytes) = std::fs::read(path.join("model.onnx")) else { continue };
            let model = Model::parse(bytes).unwrap();
            let trains = model.opset_import.iter().any(|opset| opset.domain().contains("training"));
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if (1..13).contains(&opset(&model)) && !trains && !name.contains("strnorm") {
                found.push((name, path.join("test_data_set_0"), model));
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

#[test]
fn the_onnx_projects_old_tests_pass_when_lifted() {
    let mut cases = Cases::new(folder("lift-onnx"));
    let mut refused = Vec::new();
    // ONNX Runtime runs it neither lifted nor as it is: it has a zero point for each channel.
    let cannot_run = "test_convinteger_with_padding";
    for (name, data, plain) in old_tests().into_iter().filter(|test| test.0 != cannot_run) {
        match lift_opset(&plain, 13) {
            Ok(lifted) => {
                assert_eq!(opset(&lifted), 13);
                cases.add(&name, &plain, &lifted, &json!(data), 1e-3);
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::Unsupported, "{name}: {error}");
                refused.push(name);
            }
        }
    }
    // Slopes along another axis, set 1, an operator that became another one.
    let expected = [
        "test_PReLU_1d_multiparam",
        "test_PReLU_2d_multiparam",
        "test_PReLU_3d_multiparam",
        "test_not_2d",
        "test_not_3d",
        "test_not_4d",
        "test_scan_sum",
    ];
    assert_eq!(refused, expected);
    assert!(cases.rewritten().len() >= 190, "{}", cases.rewritten().len());
    cases.compare();
}

/// One node of an old set, with x as its first input.
struct Old {
    version: i64,
    node: NodeProto,
    shape: &'static [u32],
    constants: Vec<TensorProto>,
}

fn old(version: i64, op_type: &str, shape: &'static [u32], attributes: Vec<AttributeProto>) -> Old {
    let node = NodeProto { attribute: attributes, ..node(op_type, &["x"], &["y"]) };
    Old { version, node, shape, constants: vec![] }
}

impl Old {
    fn with(mut self, constant: TensorProto) -> Self {
        self.node.input.push(constant.name().to_owned());
        self.constants.push(constant);
        self
    }

    fn outputs(mut self, names: &[&str]) -> Self {
        self.node.output = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    fn model(&self) -> Model {
        let dims: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
        let outputs = self.node.output.iter().enumerate().map(|(index, name)| {
            let is_index = self.node.op_type() == "TopK" && index == 1;
            let mut output = value(name, if is_index { DType::I64 } else { DType::F32 }, &[]);
            // Only here can the checker of onnx not tell the shape itself.
            if self.node.op_type().ends_with("max") {
                return value(name, DType::F32, &dims);
            }
            if let Some(TypeValue::Tensor(tensor)) = output.r#type.as_mut().and_then(|t| t.value.as_mut()) {
                tensor.shape = None;
            }
            output
        });
        let outputs = outputs.collect();
        let x = value("x", DType::F32, &dims);
        let mut model = model(graph(vec![self.node.clone()], vec![x], outputs, self.constants.clone()));
        model.opset_import[0].version = Some(self.version);
        model
    }
}

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..Default::default() }
}

fn number(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(f), r#type: Some(1), ..Default::default() }
}

fn numbers(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), floats: floats.to_vec(), r#type: Some(6), ..Default::default() }
}

fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(text.to_owned().into()),
        r#type: Some(3),
        ..Default::default()
    }
}

fn every_change() -> Vec<Old> {
    let image: &[u32] = &[1, 2, 4, 6];
    let mut forms = vec![
        old(7, "Clip", image, vec![number("min", -0.5), number("max", 0.25)]),
        old(8, "Clip", image, vec![number("max", 0.25)]),
        old(10, "Clip", image, vec![number("min", 0.1)]),
        old(9, "Clip", image, vec![]),
        old(7, "Pad", image, vec![list("pads", &[0, 0, 1, 2, 0, 0, 3, -1])]),
        old(10, "Pad", image, vec![list("pads", &[0, 1, 1, 2, 0, 0, 3, 0]), number("value", 0.5)]),
        old(10, "Pad", image, vec![list("pads", &[0, 0, 1, 2, 0, 0, 3, 0]), text("mode", "reflect")]),
        old(7, "Slice", image, vec![list("starts", &[1, -4]), list("ends", &[9, -1]), list("axes", &[1, 3])]),
        old(9, "Slice", image, vec![list("starts", &[0, 1]), list("ends", &[1, 2])]),
        old(7, "TopK", image, vec![whole("k", 2), whole("axis", 2)]).outputs(&["y", "at"]),
        old(7, "Squeeze", image, vec![list("axes", &[0])]),
        old(11, "Squeeze", image, vec![]),
        old(7, "Unsqueeze", image, vec![list("axes", &[4, 0])]),
        old(11, "Unsqueeze", image, vec![list("axes", &[-1])]),
        old(7, "ReduceSum", image, vec![list("axes", &[1, 3]), whole("keepdims", 0)]),
        old(12, "ReduceSum", image, vec![]),
        old(7, "Split", image, vec![list("split", &[1, 5]), whole("axis", 3)]).outputs(&["y", "z"]),
        old(11, "Split", image, vec![whole("axis", 1)]).outputs(&["y", "z"]),
        old(7, "Dropout", image, vec![number("ratio", 0.3)]),
        old(12, "Dropout", image, vec![]),
        old(7, "Upsample", image, vec![numbers("scales", &[1.0, 1.0, 2.0, 1.5])]),
        old(8, "Upsample", image, vec![numbers("scales", &[1.0, 1.0, 2.0, 2.0]), text("mode", "linear")]),
        old(9, "Upsample", image, vec![]).with(constant("scales", &[4], &[1.0, 1.0, 1.7, 2.0])),
        old(10, "Resize", image, vec![]).with(constant("scales", &[4], &[1.0, 1.0, 1.7, 2.3])),
        old(10, "Resize", image, vec![]).with(constant("scales", &[4], &[1.0, 1.0, 0.6, 0.5])),
        old(10, "Resize", image, vec![text("mode", "linear")]).with(constant(
            "scales",
            &[4],
            &[1.0, 1.0, 0.6, 1.5],
        )),
    ];
    for op_type in ["Softmax", "LogSoftmax", "Hardmax"] {
        forms.push(old(7, op_type, image, vec![]));
        forms.push(old(11, op_type, image, vec![whole("axis", -1)]));
        forms.push(old(11, op_type, image, vec![whole("axis", -2)]));
        forms.push(old(12, op_type, image, vec![whole("axis", 3)]));
        forms.push(old(9, op_type, image, vec![whole("axis", 0)]));
        forms.push(old(9, op_type, &[3, 4], vec![]));
    }
    let statistics = ["scale", "offset", "mean", "variance"];
    let normalization = old(7, "BatchNormalization", image, vec![whole("spatial", 1)]);
    forms.push(
        statistics.into_iter().fold(normalization, |node, name| node.with(constant(name, &[2], &[0.4, 1.7]))),
    );
    forms
}

#[test]
fn every_operator_that_changed_computes_the_same() {
    let mut cases = Cases::new(folder("lift-forms"));
    for form in every_change() {
        let plain = form.model();
        let inputs = json!({ "x": { "shape": form.shape, "low": -1, "high": 1 } });
        // Every set on the way, and both ways to get there.
        let lifted = lift_opset(&plain, 13).unwrap();
        cases.add(form.node.op_type(), &plain, &lifted, &inputs, 1e-6);
        let halfway = lift_opset(&plain, 11).unwrap();
        cases.add(form.node.op_type(), &plain, &halfway, &inputs, 1e-6);
        assert_eq!(opset(&halfway), form.version.max(11));
        lift_opset(&halfway, 13).unwrap();
    }
    cases.compare();
}

/// A branch of an `If`, and the model around it.
fn branches() -> Model {
    let branch = |name: &str, axis: i64| AttributeProto {
        name: Some(name.into()),
        r#type: Some(5),
        g: Some(Box::new(graph(
            vec![NodeProto { attribute: vec![whole("axis", axis)], ..node("Softmax", &["x"], &[name]) }],
            vec![],
            vec![value(name, DType::F32, &["2", "3", "4"])],
            vec![],
        ))),
        ..Default::default()
    };
    let choice = NodeProto {
        attribute: vec![branch("then_branch", 1), branch("else_branch", 2)],
        ..node("If", &["flag"], &["y"])
    };
    let inputs = vec![value("x", DType::F32, &["2", "3", "4"]), value("flag", DType::Bool, &[])];
    let mut model =
        model(graph(vec![choice], inputs, vec![value("y", DType::F32, &["2", "3", "4"])], vec![]));
    model.opset_import[0].version = Some(11);
    model
}

#[test]
fn graphs_inside_of_nodes_are_lifted() {
    let mut cases = Cases::new(folder("lift-branches"));
    let plain = branches();
    for flag in [false, true] {
        let inputs = json!({
            "x": { "shape": [2, 3, 4], "low": -1, "high": 1 },
            "flag": { "shape": [], "values": [flag] },
        });
        cases.add("if", &plain, &lift_opset(&plain, 13).unwrap(), &inputs, 1e-6);
    }
    cases.compare();
}

/// What an error says, which has to be `unsupported`.
fn refused(model: &Model, to: i64) -> String {
    let error = lift_opset(model, to).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported, "{error}");
    error.to_string()
}

#[test]
fn what_cannot_be_lifted_is_named() {
    let mut plain = old(9, "Relu", &[2], vec![]).model();
    assert!(refused(&plain, 14).contains("13 is the last"));
    assert_eq!(lift_opset(&plain, 9).unwrap(), plain);
    assert_eq!(lift_opset(&plain, 7).unwrap(), plain);
    plain.opset_import[0].version = Some(5);
    assert!(refused(&plain, 13).contains("6 is the oldest"));
    let masked = old(9, "Dropout", &[2], vec![]).outputs(&["y", "mask"]).model();
    assert!(refused(&masked, 13).contains("`y`: unsupported Dropout"), "{}", refused(&masked, 13));
    let crop = old(9, "ScaledTanh", &[2], vec![]).model();
    assert!(refused(&crop, 13).contains("ScaledTanh"));
    let mixed = old(10, "Resize", &[2, 2], vec![]).with(constant("scales", &[2], &[0.5, 2.0])).model();
    assert!(refused(&mixed, 13).contains("grows or shrinks"));
    let along = old(6, "Add", &[2, 3, 4], vec![whole("broadcast", 1), whole("axis", 1)]);
    assert!(refused(&along.with(constant("b", &[3], &[1.0; 3])).model(), 13).contains("axis 1"));
    for op_type in ["Pad", "Slice", "TopK", "Upsample"] {
        assert!(refused(&old(8, op_type, &[2], vec![]).model(), 13).contains(op_type));
    }
}

#[test]
fn bounds_have_the_type_of_what_they_bound() {
    for dtype in [DType::F16, DType::F64] {
        let mut plain = old(10, "Clip", &[2], vec![number("max", 0.25)]).model();
        let graph = plain.graph.as_mut().unwrap();
        graph.input = vec![value("x", dtype, &["2"])];
        let lifted = lift_opset(&plain, 13).unwrap();
        assert_eq!(lifted.tensors().next().unwrap().dtype().unwrap(), dtype);
        // Nothing tells the type of what an operator of somebody else makes.
        plain
            .graph
            .as_mut()
            .unwrap()
            .node
            .insert(0, NodeProto { domain: Some("mine".into()), ..node("Make", &["x"], &["made"]) });
        plain.graph.as_mut().unwrap().node[1].input[0] = "made".into();
        assert!(refused(&plain, 13).contains("type of `made` is not known"));
    }
}

#[test]
fn functions_are_left_alone_or_refused() {
    let mut plain = old(11, "Relu", &[2], vec![]).model();
    let domain = OperatorSetIdProto { domain: Some("mine".into()), version: Some(1), ..Default::default() };
    plain.opset_import.push(domain);
    let mut function = FunctionProto {
        name: Some("Twice".into()),
        domain: Some("mine".into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        node: vec![node("Add", &["x", "x"], &["y"])],
        opset_import: plain.opset_import[..1].to_vec(),
        ..Default::default()
    };
    plain.functions = vec![function.clone()];
    let lifted = lift_opset(&plain, 13).unwrap();
    assert_eq!(lifted.functions[0].node, function.node);
    assert_eq!(lifted.functions[0].opset_import[0].version, Some(13));
    assert_eq!(lifted.opset_import[1], plain.opset_import[1]);
    function.node = vec![node("Softmax", &["x"], &["y"])];
    plain.functions = vec![function];
    let said = refused(&plain, 13);
    assert!(said.contains("Twice") && said.contains("Softmax"), "{said}");
}

#[test]
fn real_models_are_lifted_and_stay_the_same() {
    let mut cases = Cases::new(folder("lift-real"));
    for (name, plain, inputs) in real_models() {
        let lifted = lift_opset(&plain, 13).unwrap();
        if opset(&plain) >= 13 {
            assert_eq!(lifted, plain);
        } else {
            assert_eq!(opset(&lifted), 13);
            cases.add(name, &plain, &lifted, &inputs, 1e-6);
        }
    }
    assert_eq!(cases.rewritten().len(), 3);
    cases.compare();
}
