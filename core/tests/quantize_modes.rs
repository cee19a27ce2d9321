//! Every mode on every form of layer: valid, near to the original by plain onnxruntime, on the oldest runtime too; and
//! which layers get which form.

mod common;
mod graphs;
mod rewrites;

use std::path::{Path, PathBuf};

use common::{child, folder, setting, two_threads};
use graphs::{constant, graph, model, node, random, value, whole};
use ortlet::model::{AttributeProto, Model, NodeProto, TensorProto};
use ortlet::quantize::{Calibration, LayerOutcome, QuantizeReport, RangeMethod};
use ortlet::tensor::{DType, Tensor};
use ortlet::{
    CalibrateOptions, ErrorCode, QuantizeMode, QuantizeOptions, Sample, Samples, Session, SessionOptions,
    calibrate, quantize,
};
use rewrites::Cases;
use serde_json::{Value, json};

const MODES: [QuantizeMode; 5] = [
    QuantizeMode::Int8Dynamic,
    QuantizeMode::Int8Static,
    QuantizeMode::Weights8,
    QuantizeMode::Weights4,
    QuantizeMode::Float16,
];

/// Where the child finds the models that its parent has written.
const PLACE: &str = "ORTLET_TEST_PLACE";

/// Every size is worth it.
fn options() -> QuantizeOptions {
    QuantizeOptions { min_weight_elements: 0, block_size: 16, ..Default::default() }
}

fn weights(name: &str, dims: &[usize]) -> TensorProto {
    constant(name, dims, &random(dims.iter().sum::<usize>() as u64, dims.iter().product()))
}

fn number(name: &str, number: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(number), r#type: Some(1), ..Default::default() }
}

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..Default::default() }
}

fn layer(op_type: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { name: Some("layer".into()), attribute, ..node(op_type, inputs, &["y"]) }
}

/// A model of x and y with one layer, called `layer`.
struct Form {
    name: &'static str,
    model: Model,
    shape: Vec<usize>,
}

fn form(
    name: &'static str,
    shape: &[usize],
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    rank: usize,
) -> Form {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
    let (x, y) = (value("x", DType::F32, &dims), value("y", DType::F32, &vec![""; rank]));
    Form { name, model: model(graph(nodes, vec![x], vec![y], constants)), shape: shape.to_vec() }
}

fn products() -> Vec<Form> {
    let gemm = |name, attributes: Vec<AttributeProto>, weight: &[usize], bias: &[usize]| {
        let constants = vec![weights("w", weight), weights("b", bias)];
        form(name, &[5, 64], vec![layer("Gemm", &["x", "w", "b"], attributes)], constants, 2)
    };
    let turned = || whole("transB", 1);
    vec![
        form(
            "matmul",
            &[5, 64],
            vec![layer("MatMul", &["x", "w"], vec![])],
            vec![weights("w", &[64, 48])],
            2,
        ),
        form("vector", &[64], vec![layer("MatMul", &["x", "w"], vec![])], vec![weights("w", &[64, 48])], 1),
        form(
            "one-column",
            &[5, 64],
            vec![layer("MatMul", &["x", "w"], vec![])],
            vec![weights("w", &[64, 1])],
            2,
        ),
        form("odd", &[2, 3, 33], vec![layer("MatMul", &["x", "w"], vec![])], vec![weights("w", &[33, 7])], 3),
        form(
            "added-bias",
            &[2, 3, 64],
            vec![
                NodeProto { output: vec!["p".into()], ..layer("MatMul", &["x", "w"], vec![]) },
                node("Add", &["b", "p"], &["y"]),
            ],
            vec![weights("w", &[64, 48]), weights("b", &[48])],
            3,
        ),
        gemm("gemm", vec![], &[64, 48], &[48]),
        gemm("gemm-turned", vec![turned()], &[48, 64], &[1, 48]),
        gemm("gemm-factors", vec![turned(), number("alpha", -0.4), number("beta", 0.5)], &[48, 64], &[5, 1]),
    ]
}

/// With 64 channels: ONNX Runtime 1.24 computes nonsense of fewer than 64 products on processors with AMX.
fn convolutions() -> Vec<Form> {
    let conv = |name, shape: &[usize], weight: &[usize], attributes: Vec<AttributeProto>| {
        let constants = vec![weights("w", weight), weights("b", &weight[..1])];
        form(name, shape, vec![layer("Conv", &["x", "w", "b"], attributes)], constants, shape.len())
    };
    vec![
        conv("pixel", &[2, 64, 6, 5], &[24, 64, 1, 1], vec![]),
        conv("pixel-steps", &[1, 64, 7, 5], &[24, 64, 1, 1], vec![list("strides", &[2, 3])]),
        conv("line", &[2, 64, 20], &[24, 64, 3], vec![list("pads", &[1, 1])]),
        conv("line-lopsided", &[1, 64, 20], &[24, 64, 4], vec![list("pads", &[3, 0])]),
        conv("line-steps", &[1, 64, 21], &[24, 64, 3], vec![list("strides", &[2]), list("pads", &[2, 1])]),
        conv("line-wide", &[1, 64, 21], &[24, 64, 3], vec![list("dilations", &[3]), list("strides", &[2])]),
        conv(
            "row",
            &[1, 64, 4, 12],
            &[24, 64, 1, 5],
            vec![list("pads", &[0, 2, 0, 2]), list("strides", &[2, 1])],
        ),
        conv("column", &[1, 64, 12, 1], &[24, 64, 5, 1], vec![]),
    ]
}

fn samples(form: &Form) -> Vec<Sample> {
    let count = form.shape.iter().product();
    let sample = |seed| {
        let x = random(seed, count).into_iter().map(|number| number * 2.0).collect();
        vec![("x".to_owned(), Tensor::from_vec(form.shape.as_slice(), x).unwrap().into())]
    };
    (1..40).map(sample).collect()
}

/// The ranges of all values; nothing is cut off, so that bounds hold.
fn learn(form: &Form) -> Calibration {
    calibrate(&form.model, &Samples::from(samples(form)), &CalibrateOptions::default()).unwrap()
}

fn inputs(form: &Form) -> Value {
    json!({ "x": { "shape": form.shape, "low": -1.9, "high": 1.9 } })
}

/// By how much of the largest magnitude results may be off: sums of products whose factors are off by half a step.
fn tolerance(mode: QuantizeMode) -> f64 {
    match mode {
        QuantizeMode::Float16 => 1e-3,
        QuantizeMode::Weights4 => 0.12,
        QuantizeMode::Weights8 => 0.012,
        _ => 0.03,
    }
}

fn quantized(form: &Form, mode: QuantizeMode, options: &QuantizeOptions) -> (Model, QuantizeReport) {
    let calibration = learn(form);
    let named = [("layer".to_owned(), mode)].into();
    let options = QuantizeOptions { range_method: RangeMethod::MinMax, layers: named, ..options.clone() };
    quantize(&form.model, mode, Some(&calibration), &options).unwrap()
}

fn is_for(mode: QuantizeMode, form: &Form) -> bool {
    let is_conv = form.model.nodes().any(|at| at.node.op_type() == "Conv");
    match mode {
        QuantizeMode::Weights8 | QuantizeMode::Weights4 => !is_conv,
        // Its bias is one for each row.
        QuantizeMode::Int8Static => form.name != "gemm-factors",
        _ => true,
    }
}

#[test]
fn every_mode_is_near_to_the_original_in_every_form() {
    let place = folder("quantize-modes");
    let mut cases = Cases::new(place.clone());
    for form in products().into_iter().chain(convolutions()) {
        for mode in MODES.into_iter().filter(|mode| is_for(*mode, &form)) {
            let (small, report) = quantized(&form, mode, &options());
            let row = report.layers.iter().find(|row| row.node == "layer").unwrap();
            let LayerOutcome::Quantized { mode: done, .. } = row.outcome else {
                panic!("{} {mode:?}: {row:?}", form.name)
            };
            assert_eq!(done, mode);
            assert!(report.parameter_bytes_after < report.parameter_bytes_before, "{} {mode:?}", form.name);
            cases.add(form.name, &form.model, &small, &inputs(&form), tolerance(mode));
        }
    }
    cases.compare();
    // The oldest runtime that is supported computes the same from the same files.
    let old = setting("ORTLET_TEST_RUNTIMES").join("1.24.1");
    let models: Vec<PathBuf> = cases.rewritten();
    let expected: Vec<Value> = models.iter().map(|path| json!({ "path": path, "y": run(path) })).collect();
    std::fs::write(place.join("expected.json"), Value::from(expected).to_string()).unwrap();
    let status =
        child("runs_them_on_the_oldest_runtime").env(PLACE, &place).env("ORTLET_RUNTIME", old).status();
    assert!(status.unwrap().success());
}

/// What a model gives for fixed numbers.
fn run(path: &Path) -> Vec<f32> {
    let session = Session::load(path, &two_threads()).unwrap();
    let shape = session.inputs()[0].value_type.clone();
    let ortlet::tensor::ValueType::Tensor { shape, .. } = shape else { panic!("no tensor") };
    let shape = shape.fixed().unwrap();
    let x = Tensor::from_vec(shape.dims(), random(77, shape.dims().iter().product())).unwrap();
    let outputs = session.run([("x", &x)]).unwrap();
    outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
}

#[test]
#[ignore = "started by the test above"]
fn runs_them_on_the_oldest_runtime() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let text = std::fs::read_to_string(place.join("expected.json")).unwrap();
    for case in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
        let path = case["path"].as_str().unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["y"].clone()).unwrap();
        let found = run(Path::new(path));
        let largest = expected.iter().fold(0.0_f32, |largest, y| largest.max(y.abs()));
        let error = expected.iter().zip(&found).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        // Rounding of sums; a code more or less where a product lies on an edge.
        assert!(error <= 0.012 * largest, "{path}: {error} of {largest}");
    }
}

#[test]
fn tables_are_near_in_every_mode() {
    let mut cases = Cases::new(folder("quantize-tables"));
    for (columns, mode) in
        [(64, 0), (48, 1), (64, 2), (64, 3), (48, 3), (64, 4)].map(|(n, at)| (n, MODES[at]))
    {
        let constants = vec![weights("w", &[30, columns])];
        let mut form = form("table", &[7], vec![layer("Gather", &["w", "x"], vec![])], constants, 2);
        form.model.graph.as_mut().unwrap().input = vec![value("x", DType::I64, &["7"])];
        if mode == QuantizeMode::Int8Static {
            continue;
        }
        let (small, report) = quantize(&form.model, mode, None, &options()).unwrap();
        assert_eq!(report.quantized_count, 1, "{mode:?}: {report:?}");
        let inputs = json!({ "x": { "shape": [7], "low": 0, "high": 30 } });
        cases.add("table", &form.model, &small, &inputs, tolerance(mode));
    }
    cases.compare();
}

/// Two layers and what lies between them; each can have a form of its own.
fn pair() -> Form {
    let nodes = vec![
        NodeProto { name: Some("first".into()), ..node("MatMul", &["x", "w"], &["h"]) },
        node("Relu", &["h"], &["r"]),
        NodeProto { name: Some("second".into()), ..node("MatMul", &["r", "v"], &["y"]) },
    ];
    form("pair", &[5, 64], nodes, vec![weights("w", &[64, 96]), weights("v", &[96, 32])], 2)
}

#[test]
fn each_layer_can_have_a_form_of_its_own() {
    let (form, mut cases) = (pair(), Cases::new(folder("quantize-mixed")));
    let calibration = learn(&form);
    for first in MODES {
        for second in MODES {
            let layers = [("first".to_owned(), first), ("second".to_owned(), second)].into();
            let options = QuantizeOptions { layers, ..options() };
            let (small, report) =
                quantize(&form.model, QuantizeMode::Float16, Some(&calibration), &options).unwrap();
            let done: Vec<_> = report.layers.iter().map(|row| (row.node.as_str(), &row.outcome)).collect();
            let [
                ("first", LayerOutcome::Quantized { mode: a, .. }),
                ("second", LayerOutcome::Quantized { mode: b, .. }),
            ] = done[..]
            else {
                panic!("{first:?} {second:?}: {done:?}")
            };
            assert_eq!((*a, *b), (first, second));
            cases.add("pair", &form.model, &small, &inputs(&form), tolerance(first) + tolerance(second));
        }
    }
    cases.compare();
    // Excluded layers stay, and so does what only they would need.
    for mode in MODES {
        let options = QuantizeOptions { exclude: vec!["first".into(), "second".into()], ..options() };
        let (same, report) = quantize(&form.model, mode, Some(&calibration), &options).unwrap();
        assert_eq!((same, report.quantized_count), (form.model.clone(), 0), "{mode:?}");
    }
}

#[test]
fn a_bias_is_taken_in_where_nothing_else_could_notice() {
    let build = |bias: &[usize], more: Option<NodeProto>, is_output: bool| {
        let product = NodeProto { output: vec!["p".into()], ..layer("MatMul", &["x", "w"], vec![]) };
        let mut nodes = vec![product, node("Add", &["p", "b"], &["y"])];
        let rank = 2.max(bias.len());
        let mut outputs = vec![value("y", DType::F32, &vec![""; rank])];
        if let Some(more) = more {
            nodes.push(more);
            outputs.push(value("z", DType::F32, &["", ""]));
        }
        if is_output {
            outputs.push(value("p", DType::F32, &["", ""]));
        }
        let x = vec![value("x", DType::F32, &["5", "64"])];
        model(graph(nodes, x, outputs, vec![weights("w", &[64, 48]), weights("b", bias)]))
    };
    let operators = |model: &Model, options: &QuantizeOptions| {
        let (small, _) = quantize(model, QuantizeMode::Int8Dynamic, None, options).unwrap();
        Session::from_model(&small, &SessionOptions::default()).unwrap();
        small.nodes().map(|at| at.node.op_type().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(operators(&build(&[48], None, false), &options()), ["DynamicQuantizeMatMul"]);
    let added = ["DynamicQuantizeMatMul", "Add"];
    assert_eq!(operators(&build(&[48], None, true), &options()), added);
    assert_eq!(operators(&build(&[1], None, false), &options()), added);
    assert_eq!(operators(&build(&[1, 48], None, false), &options()), added);
    assert_eq!(operators(&build(&[2, 5, 48], None, false), &options()), added);
    assert_eq!(operators(&build(&[48], Some(node("Relu", &["p"], &["z"])), false), &options())[..2], added);
    let mut named = build(&[48], None, false);
    named.graph.as_mut().unwrap().node[1].name = Some("sum".into());
    let excluded = QuantizeOptions { exclude: vec!["sum".into()], ..options() };
    assert_eq!(operators(&named, &excluded), added);
}

#[test]
fn outlier_channels_are_multiplied_as_floats() {
    let mut cases = Cases::new(folder("quantize-split"));
    let (width, columns, outliers) = (64, 48, [3_usize, 40]);
    // Two channels are a hundred times larger than the others.
    let factors: Vec<f32> =
        (0..width).map(|channel| if outliers.contains(&channel) { 100.0 } else { 1.0 }).collect();
    for (name, op_type, attributes, dims) in [
        ("product", "MatMul", vec![], [width, columns]),
        ("turned", "Gemm", vec![whole("transB", 1), number("alpha", 0.5)], [columns, width]),
    ] {
        let nodes = vec![node("Mul", &["x", "f"], &["h"]), layer(op_type, &["h", "w"], attributes)];
        let constants = vec![constant("f", &[width], &factors), weights("w", &dims)];
        let form = form(name, &[6, width], nodes, constants, 2);
        let calibration = learn(&form);
        let of = |count: usize| {
            let options = QuantizeOptions { outlier_channels: count, ..options() };
            quantize(&form.model, QuantizeMode::Int8Dynamic, Some(&calibration), &options).unwrap().0
        };
        let (whole, split, too_few) = (of(0), of(4), of(1));
        let count =
            |model: &Model, op_type: &str| model.nodes().filter(|at| at.node.op_type() == op_type).count();
        assert_eq!((count(&whole, "MatMul"), count(&split, "MatMul"), count(&too_few, "MatMul")), (0, 1, 0));
        let indices = split.graph.as_ref().unwrap().initializer("w_outlier_channels").unwrap();
        assert_eq!(indices.raw_data.as_deref().unwrap(), [3_i64, 40].map(i64::to_le_bytes).concat());
        // The large channels dominate the sum, so as a share of it the rest is computed with much smaller steps.
        cases.add(name, &form.model, &whole, &inputs(&form), 0.03);
        cases.add(name, &form.model, &split, &inputs(&form), 0.0015);
    }
    cases.compare();
}

#[test]
fn weights_of_every_kind_give_valid_models_or_stay() {
    let kinds: [(&str, Vec<f32>); 7] = [
        ("zero", vec![0.0; 64 * 8]),
        ("constant", vec![0.7; 64 * 8]),
        ("denormal", vec![1e-42; 64 * 8]),
        ("huge", random(3, 64 * 8).iter().map(|number| number * 1e37).collect()),
        ("nan", vec![f32::NAN; 64 * 8]),
        ("infinite", vec![f32::INFINITY; 64 * 8]),
        (
            "mixed",
            random(4, 64 * 8)
                .iter()
                .enumerate()
                .map(|(at, number)| number * 10_f32.powi(at as i32 % 30 - 15))
                .collect(),
        ),
    ];
    for (name, numbers) in kinds {
        let constants = vec![constant("w", &[64, 8], &numbers)];
        let form = form("kind", &[3, 64], vec![layer("MatMul", &["x", "w"], vec![])], constants, 2);
        let calibration = learn(&form);
        for mode in MODES {
            let (small, report) = quantize(&form.model, mode, Some(&calibration), &options()).unwrap();
            let session = Session::from_model(&small, &SessionOptions::default()).unwrap();
            let x = Tensor::from_vec([3, 64], random(9, 3 * 64)).unwrap();
            let outputs = session.run([("x", &x)]).unwrap();
            let y = outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap();
            let is_finite = numbers.iter().all(|number| number.is_finite());
            if is_finite && name != "huge" {
                assert!(y.iter().all(|y| y.is_finite()), "{name} {mode:?}");
            } else if !is_finite {
                assert_eq!((report.quantized_count, &small), (0, &form.model), "{name} {mode:?}");
            }
        }
    }
    // Nothing to multiply, and nothing to store.
    for dims in [[0, 8], [64, 0]] {
        let constants = vec![constant("w", &dims, &[])];
        let form = form("empty", &[3, dims[0]], vec![layer("MatMul", &["x", "w"], vec![])], constants, 2);
        for mode in MODES.into_iter().filter(|mode| *mode != QuantizeMode::Int8Static) {
            assert_eq!(quantize(&form.model, mode, None, &options()).unwrap().0, form.model, "{mode:?}");
        }
    }
}

#[test]
fn what_is_quantized_already_stays() {
    let form = pair();
    let calibration = learn(&form);
    for before in MODES {
        let (once, _) = quantize(&form.model, before, Some(&calibration), &options()).unwrap();
        for after in [QuantizeMode::Int8Dynamic, QuantizeMode::Weights8, QuantizeMode::Int8Static] {
            // A `float16` store leaves products of floats, which are for every mode.
            if before == QuantizeMode::Float16 {
                continue;
            }
            let (twice, report) = quantize(&once, after, Some(&calibration), &options()).unwrap();
            assert_eq!(report.quantized_count, 0, "{before:?} {after:?}: {report:?}");
            assert_eq!(twice, once);
        }
    }
}

#[test]
fn wrong_options_are_named() {
    let form = pair();
    let fails = |mode, options: QuantizeOptions| quantize(&form.model, mode, None, &options).unwrap_err();
    let wrong = QuantizeOptions { block_size: 24, ..options() };
    let error = fails(QuantizeMode::Weights4, wrong);
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("block_size"), "{error}");
    let unknown =
        QuantizeOptions { layers: [("third".to_owned(), QuantizeMode::Float16)].into(), ..options() };
    let error = fails(QuantizeMode::Int8Dynamic, unknown);
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(error.to_string().contains("third") && error.to_string().contains("first"), "{error}");
    let error = fails(QuantizeMode::Int8Static, options());
    assert!(error.to_string().contains("samples"), "{error}");
    let json = serde_json::to_string(&QuantizeOptions { block_size: 64, ..options() }).unwrap();
    assert_eq!(serde_json::from_str::<QuantizeOptions>(&json).unwrap().block_size, 64);
    assert!(serde_json::from_str::<QuantizeOptions>(r#"{ "blocksize": 64 }"#).is_err());
}

#[test]
fn convolutions_that_do_not_fit_say_why() {
    let reason = |weight: &[usize], attributes: Vec<AttributeProto>, groups: usize| {
        let mut attributes = attributes;
        attributes.push(whole("group", groups as i64));
        let shape: Vec<usize> =
            std::iter::once(1).chain([weight[1] * groups]).chain(vec![9; weight.len() - 2]).collect();
        let nodes = vec![layer("Conv", &["x", "w"], attributes)];
        let form = form("conv", &shape, nodes, vec![weights("w", weight)], shape.len());
        let options =
            QuantizeOptions { layers: [("layer".to_owned(), QuantizeMode::Int8Dynamic)].into(), ..options() };
        let (same, report) = quantize(&form.model, QuantizeMode::Int8Dynamic, None, &options).unwrap();
        assert_eq!(same, form.model);
        match &report.layers[0].outcome {
            LayerOutcome::Skipped { reason } => reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(reason(&[8, 4, 3, 3], vec![], 1).contains("several axes"));
    assert!(reason(&[8, 4, 1, 1], vec![], 2).contains("groups"));
    assert!(reason(&[8, 4, 1, 1], vec![list("pads", &[1, 0, 1, 0])], 1).contains("pads"));
    assert!(reason(&[8, 4, 3, 1], vec![list("pads", &[0, 1, 0, 1])], 1).contains("pads"));
    let same = AttributeProto {
        name: Some("auto_pad".into()),
        s: Some(b"SAME_UPPER".to_vec().into()),
        r#type: Some(3),
        ..Default::default()
    };
    assert!(reason(&[8, 4, 3], vec![same], 1).contains("padding"));
}
