//! The fixture models: written back as they were, and reported as the onnx package counts them.

mod damage;
mod fixtures;

use std::collections::BTreeMap;

use damage::wire::{self, Field, Value};
use ortlet::model::{Bytes, MemoryFiles, Model, ModelReport, NoExternalData, QuantizationKind, TensorProto};
use ortlet::tensor::DType;

fn model(name: &str) -> Model {
    Model::parse(fixtures::read(name)).unwrap()
}

fn report(name: &str) -> ModelReport {
    model(name).report()
}

#[test]
fn every_fixture_is_valid_and_written_back_byte_for_byte() {
    for (name, bytes) in fixtures::all() {
        let model = Model::parse(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        model.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(model.to_bytes().unwrap() == bytes, "{name}");
        assert_eq!(model.encoded_bytes().unwrap(), bytes.len() as u64, "{name}");
    }
}

/// Adds a field of each wire type, with numbers that ONNX does not use, to each message.
fn add_unknown(tree: &mut wire::Tree, level: u8) {
    for field in tree.iter_mut() {
        if let Value::Message(inner) = &mut field.value {
            add_unknown(inner, level + 1);
        }
    }
    tree.extend([
        Field { number: 1000, value: Value::Varint(u64::from(level)) },
        Field { number: 1001, value: Value::Fixed64([level; 8]) },
        Field { number: 1002, value: Value::Bytes(vec![level; 5]) },
        Field { number: 536_870_911, value: Value::Fixed32([level; 4]) },
        // Known to most messages, but never as a number of 32 bits.
        Field { number: 6, value: Value::Fixed32([level; 4]) },
    ]);
}

#[test]
fn unknown_fields_survive_in_every_message() {
    for (name, bytes) in fixtures::all() {
        let mut tree = wire::parse(&bytes);
        assert_eq!(wire::encode(&tree), bytes, "{name}: the tests' own reader");
        add_unknown(&mut tree, 0);
        let with_unknown = wire::encode(&tree);
        let model = Model::parse(with_unknown.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        model.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(model.to_bytes().unwrap() == with_unknown, "{name}");
        assert!(!model.unknown.is_empty());
    }
}

#[test]
fn fields_in_any_order_mean_the_same() {
    fn reverse(tree: &mut wire::Tree) {
        // Repeated fields keep their order among themselves.
        tree.sort_by_key(|field| std::cmp::Reverse(field.number));
        for field in tree {
            if let Value::Message(inner) = &mut field.value {
                reverse(inner);
            }
        }
    }
    for (name, bytes) in fixtures::all() {
        let mut tree = wire::parse(&bytes);
        reverse(&mut tree);
        assert!(Model::parse(wire::encode(&tree)).unwrap() == Model::parse(bytes).unwrap(), "{name}");
    }
}

#[test]
fn a_message_given_in_parts_is_merged() {
    let bytes = fixtures::read("perceptron");
    let (mut first, mut second) = (wire::parse(&bytes), Vec::new());
    let graph = first.iter_mut().find(|field| field.number == 7).unwrap();
    if let Value::Message(fields) = &mut graph.value {
        second = fields.split_off(fields.len() / 2);
    }
    first.push(Field { number: 7, value: Value::Message(second) });
    assert!(Model::parse(wire::encode(&first)).unwrap() == Model::parse(bytes).unwrap());
}

#[test]
fn reports_agree_with_the_onnx_package() {
    let text = std::fs::read_to_string(fixtures::folder().join("expected.json")).unwrap();
    let expected: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), fixtures::all().len());
    for (name, facts) in expected {
        let report = report(&name);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(serde_json::from_value::<ModelReport>(json.clone()).unwrap(), report, "{name}");
        for (key, fact) in facts {
            assert_eq!(json[&key], fact, "{name}: {key}");
        }
    }
}

/// Kind, nodes, weights covered and share of each scheme.
fn schemes(name: &str) -> Vec<(QuantizationKind, u64, u64, f64)> {
    let report = report(name);
    let schemes = report.quantization.schemes.iter();
    schemes.map(|s| (s.kind, s.node_count, s.weight_count, s.weight_share)).collect()
}

#[test]
fn quantization_is_recognised_with_its_share_of_weights() {
    assert_eq!(schemes("perceptron"), []);
    assert_eq!(schemes("control_flow"), []);
    // 32 x 16 and 16 x 4 weights, 16 biases that stay float.
    let covered = 32 * 16 + 16 * 4;
    let share = covered as f64 / (covered + 16) as f64;
    assert_eq!(schemes("dynamic"), [(QuantizationKind::Dynamic, 4, covered, share)]);
    assert_eq!(schemes("matmul_nbits"), [(QuantizationKind::MatmulNbits, 2, covered, share)]);
    assert_eq!(schemes("float16"), [(QuantizationKind::Float16, 0, covered + 16, 1.0)]);
    // 4 x 3 x 3 x 3 weights and 4 biases.
    assert_eq!(schemes("qdq"), [(QuantizationKind::Qdq, 6, 112, 1.0)]);
    let qoperator = [(QuantizationKind::Qoperator, 1, 112, 1.0), (QuantizationKind::Qdq, 2, 0, 0.0)];
    assert_eq!(schemes("qoperator"), qoperator);
}

#[test]
fn scales_of_quantized_inputs_and_outputs_are_those_of_the_model() {
    for (name, output_scale) in [("qdq", "y"), ("qoperator", "c")] {
        let model = model(name);
        let scale = |value: &str| {
            let tensor = model.graph.as_ref().unwrap().initializer(&format!("{value}_scale")).unwrap();
            let bytes = tensor.data_bytes(&NoExternalData).unwrap();
            vec![f32::from_le_bytes(bytes[..].try_into().unwrap())]
        };
        let quantization = model.report().quantization;
        let [input] = &quantization.inputs[..] else { panic!("{name}: one input is quantized") };
        let [output] = &quantization.outputs[..] else { panic!("{name}: one output is quantized") };
        assert_eq!((input.name.as_str(), output.name.as_str()), ("x", "y"));
        assert_eq!((&input.scales, &output.scales), (&scale("x"), &scale(output_scale)), "{name}");
        assert_eq!((&input.zero_points[..], &output.zero_points[..]), (&[0][..], &[-128][..]), "{name}");
        assert_eq!((input.dtype, input.axis), (Some(DType::I8), None));
    }
}

#[test]
fn inputs_and_outputs_are_reported_with_their_types() {
    let perceptron = report("perceptron");
    assert_eq!(perceptron.inputs[0].to_string(), "x: float32[batch, 32]");
    let json = serde_json::to_value(&perceptron).unwrap();
    let expected = r#"{"name":"x","kind":"tensor","dtype":"float32","shape":["batch",32]}"#;
    assert_eq!(json["inputs"][0], serde_json::from_str::<serde_json::Value>(expected).unwrap());
    let [batch] = &perceptron.dynamic_dims[..] else { panic!("one dynamic dim") };
    assert_eq!(batch.name.as_deref(), Some("batch"));
    let axes: Vec<_> = batch.axes.iter().map(|at| (at.value.as_str(), at.axis)).collect();
    assert_eq!(axes, [("x", 0), ("y", 0)]);
    assert_eq!(perceptron.metadata["labels"], "a,b,c,d");

    let kinds = report("kinds_of_value");
    assert_eq!(kinds.inputs[0].value_type.to_string(), "sequence(float32[n, ?])");
    assert!(kinds.inputs[1].value_type.to_string().starts_with("optional("));
    // `n` of the output, and the axis without name.
    assert_eq!(kinds.dynamic_dims.len(), 2);
}

#[test]
fn the_rest_of_the_report() {
    let flow = report("control_flow");
    assert_eq!(flow.control_flow_counts, BTreeMap::from([("If".into(), 1), ("Loop".into(), 1)]));
    let function = report("function");
    assert_eq!(function.functions, ["local::Twice"]);
    assert_eq!(function.custom_domains, ["com.example"]);
    let overridable = report("overridable");
    assert_eq!((overridable.inputs.len(), overridable.overridable_initializers.len()), (1, 1));
    let external = report("external");
    let [file] = &external.external_files[..] else { panic!("one external file") };
    assert_eq!((file.location.as_str(), file.tensor_count), ("external.bin", 3));
    assert_eq!(external.total_bytes, external.model_bytes + 4 * (32 * 16 + 16 + 16 * 4));
}

#[test]
fn typed_fields_hold_the_same_bytes_as_raw_data() {
    let model = model("data_fields");
    let graph = model.graph.unwrap();
    let data = |tensor: &TensorProto| tensor.data_bytes(&NoExternalData).unwrap();
    let mut compared = 0;
    for tensor in &graph.initializer {
        if let Some(raw) = graph.initializer(&format!("{}_raw", tensor.name())) {
            assert_eq!(data(tensor), data(raw), "{}", tensor.name());
            compared += usize::from(tensor.raw_data.is_none() && raw.raw_data.is_some());
        }
    }
    assert!(compared >= 20, "only {compared} tensors were compared");
    let strings = graph.initializer("t8").unwrap().strings().unwrap();
    assert_eq!(strings, [Bytes::from("one"), Bytes::from("zwei")]);
}

#[test]
fn external_data_is_the_data_that_was_moved_out() {
    let (inside, outside) = (model("perceptron").graph.unwrap(), model("external").graph.unwrap());
    let file = std::fs::read(fixtures::folder().join("external.bin")).unwrap();
    let files = MemoryFiles::from_iter([("external.bin", file)]);
    for tensor in &outside.initializer {
        let original = inside.initializer(tensor.name()).unwrap();
        if original.raw_data.as_ref().unwrap().len() >= 64 {
            assert!(tensor.is_external());
        }
        assert_eq!(tensor.data_bytes(&files).unwrap(), original.data_bytes(&NoExternalData).unwrap());
    }
}
