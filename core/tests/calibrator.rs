//! What a calibrator watches, and what it says of values that are handed to it; nothing is run.

mod graphs;

use graphs::{constant, graph, model, node, value, whole};
use ortlet::ErrorCode;
use ortlet::model::{AttributeProto, Model, NodeProto};
use ortlet::quantize::{Calibration, Calibrator};
use ortlet::tensor::{DType, TensorView};

fn renamed(mut node: NodeProto, domain: &str) -> NodeProto {
    node.domain = Some(domain.into());
    node
}

/// Values of all sorts.
fn varied() -> Model {
    let mut cast = node("Cast", &["shape"], &["sizes"]);
    cast.attribute.push(whole("to", DType::F32.onnx().into()));
    let mut gemm = node("Gemm", &["h", "w"], &["g"]);
    gemm.attribute.push(whole("transA", 1));
    let scalar = AttributeProto { name: Some("value_float".into()), f: Some(2.0), ..Default::default() };
    let mut two = node("Constant", &[], &["two"]);
    two.attribute.push(scalar);
    model(graph(
        vec![
            // Unsorted on purpose.
            node("Add", &["p", "sizes_of_one"], &["y"]),
            node("MatMul", &["x", "folded"], &["h"]),
            node("Transpose", &["w"], &["folded"]),
            gemm,
            node("Relu", &["g"], &["r"]),
            node("MatMul", &["r", "w"], &["p"]),
            node("Shape", &["r"], &["shape"]),
            cast,
            node("ReduceSum", &["sizes"], &["size"]),
            two,
            node("Mul", &["two", "size"], &["sizes_of_one"]),
            node("Relu", &["x"], &["unused"]),
            renamed(node("Mystery", &["r"], &["mystery"]), "example.org"),
            node("QuantizeLinear", &["mystery", "scale"], &["q"]),
            node("DequantizeLinear", &["q", "scale"], &["z"]),
        ],
        vec![value("x", DType::F32, &["n", "2"]), value("ids", DType::I64, &[])],
        vec![value("y", DType::F32, &["", "2"]), value("z", DType::F32, &["", "2"])],
        vec![constant("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), constant("scale", &[], &[0.5])],
    ))
}

#[test]
fn floats_that_change_and_matter_are_watched() {
    let model = varied();
    let calibrator = Calibrator::new(&model).unwrap();
    let mut watched: Vec<_> = calibrator.watched().collect();
    assert_eq!(watched[0], "x");
    let place = |name| watched.iter().position(|other| *other == name);
    assert!(place("h") < place("g") && place("r") < place("p") && place("sizes") < place("size"));
    watched.sort_unstable();
    // Not: integers, constants, what leads nowhere, what nobody knows the type of, what is dequantized.
    assert_eq!(watched, ["g", "h", "p", "r", "size", "sizes", "sizes_of_one", "x", "y"]);
    let outputs = |model: &Model| {
        let graph = model.graph.as_ref().unwrap();
        graph.output.iter().map(|output| output.name().to_owned()).collect::<Vec<_>>()
    };
    let mut more = outputs(&calibrator.model());
    assert_eq!(more[..2], ["y", "z"]);
    more.sort_unstable();
    assert_eq!(more, ["g", "h", "p", "r", "size", "sizes", "sizes_of_one", "y", "z"]);
    calibrator.model().validate().unwrap();
    let part = calibrator.part(&["r", "y"]);
    assert_eq!(
        (outputs(&part), part.graph.as_ref().unwrap().output[1].r#type.is_some()),
        (vec!["r".into(), "y".into()], true)
    );
    assert!(!part.nodes().any(|at| ["Mystery", "QuantizeLinear"].contains(&at.node.op_type())));
    let part = calibrator.part(&["h"]);
    assert_eq!((part.nodes().count(), part.graph.as_ref().unwrap().initializer.len()), (2, 1));
    part.validate().unwrap();
    let (shapes, names) = calibrator.shapes().unwrap();
    shapes.validate().unwrap();
    assert!(names.iter().map(|(value, _)| value.as_str()).eq(calibrator.computed()));
    assert_eq!(outputs(&shapes), names.into_iter().map(|(_, shape)| shape).collect::<Vec<_>>());
}

fn of(calibrator: Calibrator, observations: &[(&str, &[usize], &[f32])]) -> Calibration {
    let mut calibrator = calibrator;
    for (name, dims, values) in observations {
        calibrator.observe(name, &TensorView::from_slice(*dims, values).unwrap()).unwrap();
    }
    calibrator.end_sample();
    calibrator.finish().unwrap()
}

#[test]
fn channels_are_of_left_sides_only() {
    let new = || Calibrator::new(&varied()).unwrap();
    let rows: &[f32] = &[1.0, -5.0, -2.0, 4.0, f32::NAN, f32::NEG_INFINITY];
    let calibration = of(
        new(),
        &[("x", &[3, 2], rows), ("r", &[1, 2], &[3.0, 0.5]), ("r", &[], &[1.0]), ("h", &[1, 2], &[7.0, 8.0])],
    );
    let x = &calibration.tensors["x"];
    assert_eq!((x.range.min(), x.range.max(), x.range.nan_count()), (Some(-5.0), Some(4.0), 1));
    assert_eq!(x.shape, [3, 2]);
    let channels = x.channels.as_ref().unwrap();
    assert_eq!(channels.count, 3);
    assert_eq!(
        (&channels.max_magnitude[..], &channels.sum_of_squares[..]),
        (&[2.0, 5.0][..], &[5.0, 41.0][..])
    );
    // Its last axis was not always of one length; and the left side of a product that is transposed has none.
    assert_eq!((&calibration.tensors["r"].channels, &calibration.tensors["h"].channels), (&None, &None));
    assert_eq!(calibration.tensors.len(), 3);
    // In any order, and never again.
    for dims in [[&[1_usize, 2][..], &[2, 1]], [&[2, 1], &[1, 2]], [&[1, 2], &[0]]] {
        let observe = |dims: &[usize]| vec![1.0_f32; dims.iter().product()];
        let (first, second) = (observe(dims[0]), observe(dims[1]));
        let all = [("x", dims[0], &first[..]), ("x", dims[1], &second), ("x", dims[0], &first)];
        assert_eq!(of(new(), &all).tensors["x"].channels, None);
    }
}

#[test]
fn what_is_no_observation_is_refused_or_ignored() {
    let mut calibrator = Calibrator::new(&varied()).unwrap();
    let numbers = TensorView::from_slice([1], &[1_i64]).unwrap();
    calibrator.observe("h", &numbers).unwrap();
    let error = calibrator.observe("unused", &numbers).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(error.to_string().contains("`unused`"), "{error}");
    assert_eq!(calibrator.clone().finish().unwrap_err().code(), ErrorCode::InvalidArgument);
    calibrator.retain(|name| name == "h");
    assert_eq!(calibrator.watched().collect::<Vec<_>>(), ["h"]);
    assert!(calibrator.observe("x", &numbers).is_err());
    calibrator.end_sample();
    assert!(calibrator.finish().unwrap().tensors.is_empty());
    assert_eq!(Calibrator::new(&Model::default()).unwrap_err().code(), ErrorCode::InvalidModel);
}

#[test]
fn a_calibration_comes_back_from_json() {
    let values: Vec<f32> = (0..600).map(|at| (at as f32 * 0.37).sin() * 3.0).collect();
    let calibration = of(Calibrator::new(&varied()).unwrap(), &[("x", &[300, 2], &values)]);
    let json = serde_json::to_string(&calibration).unwrap();
    assert_eq!(serde_json::from_str::<Calibration>(&json).unwrap(), calibration);
}
