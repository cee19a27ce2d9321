//! Quantized models: weights against NumPy, results within the bounds that the scales imply, what stays as it is.

mod common;
mod damage;
mod fixtures;
mod graphs;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{folder, model as real_model, setting};
use graphs::{constant, graph, model, node, products, random, session, value, whole};
use ortlet::model::{AttributeProto, MemoryFiles, Model, NodeProto, StringStringEntryProto, TensorProto};
use ortlet::quantize::{LayerOutcome, quantize_with};
use ortlet::tensor::{DType, Shape, Tensor};
use ortlet::{ErrorCode, QuantizeMode, QuantizeOptions, QuantizeReport, Session, SessionOptions, quantize};

/// Every size is worth it.
fn options() -> QuantizeOptions {
    QuantizeOptions { min_weight_elements: 0, ..Default::default() }
}

fn int8(model: &Model, options: &QuantizeOptions) -> (Model, QuantizeReport) {
    quantize(model, QuantizeMode::Int8Dynamic, None, options).unwrap()
}

/// Why the only layer of a model was skipped.
fn reason(model: &Model, options: &QuantizeOptions) -> String {
    let (same, report) = int8(model, options);
    assert_eq!(&same, model);
    assert_eq!((report.quantized_count, report.skipped_count), (0, 1), "{report:?}");
    match &report.layers[0].outcome {
        LayerOutcome::Skipped { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

fn number(name: &str, number: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(number), r#type: Some(1), ..Default::default() }
}

fn named(name: &str, node: NodeProto) -> NodeProto {
    NodeProto { name: Some(name.into()), ..node }
}

/// `y = x · w`
fn product(weight: TensorProto) -> Model {
    product_of(vec![named("dense", node("MatMul", &["x", "w"], &["y"]))], vec![weight])
}

fn product_of(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Model {
    let (x, y) = (value("x", DType::F32, &["m", "k"]), value("y", DType::F32, &["", ""]));
    model(graph(nodes, vec![x], vec![y], constants))
}

fn of_type(dtype: DType, dims: &[i64], bytes: usize) -> TensorProto {
    TensorProto {
        name: Some("w".into()),
        data_type: Some(dtype.onnx()),
        dims: dims.to_vec(),
        raw_data: Some(vec![0; bytes].into()),
        ..Default::default()
    }
}

fn run(session: &Session, shape: &[usize], x: &[f32]) -> Vec<f32> {
    let x = Tensor::from_vec(shape, x.to_vec()).unwrap();
    let outputs = session.run([("x", x.view())]).unwrap();
    outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
}

fn save(folder: &Path, name: &str, model: &Model) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, model.to_bytes().unwrap()).unwrap();
    path
}

/// Has NumPy and onnx judge quantized models; gives how many layers were compared in each.
fn compare_with_numpy(reduced: bool, pairs: &[(PathBuf, PathBuf)]) -> Vec<usize> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/quantized.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.arg(script).arg(if reduced { "reduced" } else { "full" });
    pairs.iter().for_each(|(plain, small)| {
        python.arg(plain).arg(small);
    });
    let said = python.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

/// `y = alpha · x · w + beta · b`, the weight transposed, the bias in each of the forms that broadcast.
fn gemm(alpha: f32, beta: f32, bias_dims: &[usize]) -> Model {
    let (depth, columns) = (12, 5);
    let mut gemm = named("dense", node("Gemm", &["x", "w", "b"], &["y"]));
    gemm.attribute = vec![whole("transB", 1), number("alpha", alpha), number("beta", beta)];
    let weight = constant("w", &[columns, depth], &random(3, depth * columns));
    let bias = constant("b", bias_dims, &random(4, bias_dims.iter().product()));
    product_of(vec![gemm], vec![weight, bias])
}

/// A table, a product of its rows, and the same weight once more as a `Constant` of an inner graph's own.
fn mixed() -> Model {
    let branch = |name: &str| AttributeProto {
        name: Some(name.into()),
        r#type: Some(5),
        g: Some(Box::new(graph(
            vec![named(&format!("in-{name}"), node("MatMul", &["rows", "w"], &[name]))],
            vec![],
            vec![value(name, DType::F32, &["m", "8"])],
            vec![],
        ))),
        ..Default::default()
    };
    let choice = NodeProto {
        attribute: vec![branch("then_branch"), branch("else_branch")],
        ..node("If", &["flag"], &["chosen"])
    };
    let mut weight = node("Constant", &[], &["w"]);
    weight.attribute = vec![AttributeProto {
        name: Some("value".into()),
        r#type: Some(4),
        t: Some(Box::new(constant("", &[16, 8], &random(7, 128)))),
        ..Default::default()
    }];
    let nodes = vec![
        weight,
        named("words", node("Gather", &["table", "ids"], &["rows"])),
        choice,
        named("outside", node("MatMul", &["rows", "w"], &["outer"])),
        node("Add", &["chosen", "outer"], &["y"]),
    ];
    let inputs = vec![value("ids", DType::I64, &["m"]), value("flag", DType::Bool, &[])];
    let table = constant("table", &[30, 16], &random(6, 480));
    model(graph(nodes, inputs, vec![value("y", DType::F32, &["m", "8"])], vec![table]))
}

#[test]
fn weights_and_scales_are_numpys_and_onnx_accepts_the_models() {
    let folder = folder("quantize-numpy");
    let mut old = product(constant("w", &[9, 4], &random(2, 36)));
    old.ir_version = Some(3);
    old.graph.as_mut().unwrap().input.push(value("w", DType::F32, &["9", "4"]));
    let models = [
        (product(constant("w", &[1, 1], &[0.3])), 1),
        (product(constant("w", &[31, 17], &random(1, 31 * 17))), 1),
        (product(constant("w", &[2, 3], &[0.0, 1e-44, 3e38, 0.0, -1e-45, -3e38])), 1),
        (gemm(1.0, 1.0, &[5]), 1),
        (gemm(-0.37, 0.5, &[1, 5]), 1),
        (mixed(), 4),
        (products(6), 1),
        (old, 1),
    ];
    for (reduced, standard) in [(false, false), (true, true)] {
        let options =
            QuantizeOptions { reduce_range: Some(reduced), standard_operators: standard, ..options() };
        let paths = models.iter().enumerate().map(|(index, (plain, _))| {
            let (small, report) = int8(plain, &options);
            assert_eq!(report.skipped_count, 0, "{report:?}");
            let name = |kind: &str| format!("{index}-{reduced}-{kind}.onnx");
            (save(&folder, &name("float"), plain), save(&folder, &name("int8"), &small))
        });
        let paths: Vec<_> = paths.collect();
        let expected: Vec<usize> = models.iter().map(|(_, layers)| *layers).collect();
        assert_eq!(compare_with_numpy(reduced, &paths), expected);
        paths.iter().for_each(|(_, small)| drop(Session::load(small, &SessionOptions::default()).unwrap()));
    }
}

/// What the largest magnitude becomes at least, if its neighbour is as large.
const HALF_LIMIT: f64 = 63.5;

/// Whether the range is reduced for this processor.
fn is_reduced() -> bool {
    let plain = product(constant("w", &[2, 1], &[1.0, 1.0]));
    let reduced = QuantizeOptions { reduce_range: Some(true), ..options() };
    int8(&plain, &options()).0 == int8(&plain, &reduced).0
}

/// What the largest magnitude becomes at least, on this processor.
fn device_limit() -> f64 {
    if is_reduced() { HALF_LIMIT } else { 127.0 }
}

/// The largest error that each result may have: weights are off by half their scale, activations by their scale.
fn bounds(x: &[f32], weights: &[f32], columns: usize, limit: f64) -> Vec<f64> {
    let depth = weights.len() / columns;
    let ends = x.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
    let step = f64::from(ends.1 - ends.0) / 255.0;
    let column = |column: usize| weights.iter().skip(column).step_by(columns).map(|&w| f64::from(w).abs());
    let of = |row: &[f32], index: usize| {
        let half = column(index).fold(0.0, f64::max) / limit / 2.0;
        row.iter()
            .zip(column(index))
            .map(|(&x, w)| f64::from(x).abs() * half + step * (w + half))
            .sum::<f64>()
    };
    let slack = 1.0 + 1e-4;
    x.chunks(depth).flat_map(|row| (0..columns).map(move |index| of(row, index) * slack + 1e-6)).collect()
}

fn exact(x: &[f32], weights: &[f32], columns: usize) -> Vec<f64> {
    let dot = |row: &[f32], column: usize| {
        let weights = weights.iter().skip(column).step_by(columns);
        row.iter().zip(weights).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum::<f64>()
    };
    let rows = x.chunks(weights.len() / columns);
    rows.flat_map(|row| (0..columns).map(move |column| dot(row, column))).collect()
}

#[test]
fn results_stay_within_the_bounds_that_the_scales_imply() {
    let shapes = [
        (1, 1, 1),
        (1, 64, 1),
        (5, 1, 7),
        (1, 300, 65),
        (33, 300, 17),
        (0, 16, 8),
        (64, 384, 129),
        (3, 2, 2),
    ];
    for (seed, (rows, depth, columns)) in shapes.into_iter().enumerate() {
        let (x, w) = (random(seed as u64 + 50, rows * depth), random(seed as u64 + 90, depth * columns));
        for (reduce_range, standard) in [(None, false), (None, true), (Some(true), false)] {
            let options = QuantizeOptions { reduce_range, standard_operators: standard, ..options() };
            let limit = if reduce_range.is_some() { HALF_LIMIT } else { device_limit() };
            let (small, _) = int8(&product(constant("w", &[depth, columns], &w)), &options);
            let y = run(&session(&small, &SessionOptions::default()), &[rows, depth], &x);
            assert_eq!(y.len(), rows * columns);
            let (expected, bounds) = (exact(&x, &w, columns), bounds(&x, &w, columns, limit));
            for (index, ((y, expected), bound)) in y.iter().zip(&expected).zip(&bounds).enumerate() {
                let error = (f64::from(*y) - expected).abs();
                assert!(error <= *bound, "{rows}x{depth}x{columns} at {index}: {error} > {bound}");
            }
        }
    }
}

/// On processors without VNNI, two such products add up to more than 16 bits hold, unless the range is reduced.
#[test]
fn sums_of_the_largest_products_do_not_saturate_in_the_reduced_range() {
    let (rows, depth, columns) = (5, 131, 24);
    let x: Vec<f32> = (0..rows * depth).map(|at| if at % 7 == 3 { 0.0 } else { 255.0 }).collect();
    let w: Vec<f32> = (0..depth * columns)
        .map(|at| [127.0, -127.0, 3.0][(at / columns + at) / (1 + at % columns) % 3])
        .collect();
    let options = QuantizeOptions { reduce_range: Some(true), ..options() };
    let (small, _) = int8(&product(constant("w", &[depth, columns], &w)), &options);
    let y = run(&session(&small, &SessionOptions::default()), &[rows, depth], &x);
    let (expected, bounds) = (exact(&x, &w, columns), bounds(&x, &w, columns, HALF_LIMIT));
    for ((y, expected), bound) in y.iter().zip(&expected).zip(&bounds) {
        assert!((f64::from(*y) - expected).abs() <= *bound, "{y} instead of {expected}");
    }
}

#[test]
fn activations_may_have_any_rank() {
    let (x, w) = (random(21, 24), random(22, 4 * 3));
    for (shape, dims) in
        [(&[4][..], &["k"][..]), (&[6, 4], &["", ""]), (&[1, 2, 3, 4], &["a", "b", "c", "k"])]
    {
        let mut plain = product(constant("w", &[4, 3], &w));
        let graph = plain.graph.as_mut().unwrap();
        graph.input = vec![value("x", DType::F32, dims)];
        graph.output[0] = value("y", DType::F32, &vec![""; shape.len()]);
        let x = &x[..shape.iter().product()];
        for standard in [false, true] {
            let (small, _) = int8(&plain, &QuantizeOptions { standard_operators: standard, ..options() });
            let y = run(&session(&small, &SessionOptions::default()), shape, x);
            let (expected, bounds) = (exact(x, &w, 3), bounds(x, &w, 3, device_limit()));
            assert_eq!(y.len(), expected.len());
            let errors = y.iter().zip(&expected).map(|(y, expected)| (f64::from(*y) - expected).abs());
            assert!(errors.zip(&bounds).all(|(error, bound)| error <= *bound), "{shape:?}");
        }
    }
}

#[test]
fn what_was_made_for_a_skipped_layer_is_not_kept() {
    let mut plain = gemm(1.0, 0.5, &[5]);
    let graph = plain.graph.as_mut().unwrap();
    graph.node.push(node("MatMul", &["x", "v"], &["z"]));
    graph.initializer[1].float_data = vec![f32::NAN; 5].into();
    graph.initializer.push(constant("v", &[12, 5], &random(9, 60)));
    graph.output.push(value("z", DType::F32, &["", ""]));
    // Once the bias is the reason, once the weight.
    let mut other = plain.clone();
    let constants = &mut other.graph.as_mut().unwrap().initializer;
    constants[0].float_data = vec![f32::INFINITY; 60].into();
    constants[1].float_data = vec![1.0; 5].into();
    for model in [plain, other] {
        let (small, report) = int8(&model, &options());
        assert_eq!((report.quantized_count, report.skipped_count), (1, 1));
        let graph = small.graph.unwrap();
        let names: Vec<_> = graph.initializer.iter().map(TensorProto::name).collect();
        assert_eq!(names, ["w", "b", "v_int8", "v_scale"]);
    }
}

#[test]
fn gemm_keeps_its_factors_and_every_form_of_bias() {
    let x = random(11, 4 * 12);
    for (alpha, beta, bias) in [
        (1.0, 1.0, &[5][..]),
        (2.5, 1.0, &[1, 5]),
        (-0.5, 0.25, &[5]),
        (1.0, -3.0, &[4, 1]),
        (0.0, 1.0, &[]),
        (1.0, 0.0, &[4, 5]),
    ] {
        let plain = gemm(alpha, beta, bias);
        let expected = run(&session(&plain, &SessionOptions::default()), &[4, 12], &x);
        for standard in [false, true] {
            let (small, report) =
                int8(&plain, &QuantizeOptions { standard_operators: standard, ..options() });
            assert_eq!(report.quantized_count, 1);
            let y = run(&session(&small, &SessionOptions::default()), &[4, 12], &x);
            let tolerance = 12.0 * alpha.abs() * (1.0 / 254.0 + 2.0 / 255.0) + 1e-5;
            for (y, expected) in y.iter().zip(&expected) {
                assert!((y - expected).abs() <= tolerance, "{alpha} {beta} {bias:?}: {y} {expected}");
            }
        }
    }
}

#[test]
fn shared_weights_are_stored_once_and_old_ones_go_when_nobody_reads_them() {
    let plain = mixed();
    let (small, report) = int8(&plain, &options());
    for flag in [true, false] {
        let (ids, flag) = (
            Tensor::from_vec([3], vec![0_i64, 29, -5]).unwrap(),
            Tensor::from_vec(Shape::new(&[]), vec![flag]).unwrap(),
        );
        let [y, expected] = [&small, &plain].map(|model| {
            let session = session(model, &SessionOptions::default());
            let outputs = session.run([("ids", ids.view()), ("flag", flag.view())]).unwrap();
            outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
        });
        // Two sums of 16 products of numbers up to 1, each of which is off by this much at most.
        let tolerance = 2.0 * 16.0 * (1.0 / 254.0 + 1.0 / 254.0 + 2.0 / 255.0);
        assert!(y.iter().zip(&expected).all(|(y, expected)| (y - expected).abs() <= tolerance));
    }
    let graph = small.graph.as_ref().unwrap();
    let names: Vec<_> = graph.initializer.iter().map(TensorProto::name).collect();
    assert_eq!(names, ["table_int8", "table_scale", "weight_int8", "weight_scale"]);
    assert!(!small.nodes().any(|at| at.node.op_type() == "Constant"));
    assert_eq!(
        (report.parameter_bytes_before, report.parameter_bytes_after),
        (4 * (480 + 128), 480 + 4 * 30 + 128 + 4 * 8)
    );
    // One of the readers stays as it is, and so does what it reads.
    let (small, report) =
        int8(&plain, &QuantizeOptions { exclude: vec!["in-else_branch".into()], ..options() });
    assert_eq!((report.quantized_count, report.skipped_count), (3, 1));
    assert!(small.nodes().any(|at| at.node.op_type() == "Constant"));
    let (_, without) = int8(&plain, &QuantizeOptions { embeddings: false, ..options() });
    assert_eq!(without.layers.len(), 3);
    // What is quantized already is left alone.
    let (same, _) = int8(&small, &QuantizeOptions { exclude: vec!["in-else_branch".into()], ..options() });
    assert!(same == small);
}

#[test]
fn names_do_not_collide() {
    let nodes =
        vec![node("Relu", &["x"], &["w_int8"]), named("w_scale", node("MatMul", &["w_int8", "w"], &["y"]))];
    let (small, report) = int8(&product_of(nodes, vec![constant("w", &[2, 2], &random(1, 4))]), &options());
    assert_eq!(report.quantized_count, 1);
    let names: Vec<_> = small.graph.as_ref().unwrap().initializer.iter().map(TensorProto::name).collect();
    assert_eq!(names, ["w_int8_1", "w_scale_1"]);
    session(&small, &SessionOptions::default());
}

#[test]
fn what_cannot_be_quantized_stays_and_the_report_says_why() {
    let dense = |numbers: [f32; 2]| product(constant("w", &[1, 2], &numbers));
    for (model, words) in [
        (dense([1.0, f32::NAN]), "an element that is NaN"),
        (dense([f32::NEG_INFINITY, 0.0]), "an element that is -inf"),
        (product(of_type(DType::F16, &[1, 2], 4)), "float16, not float32"),
        (product(of_type(DType::F64, &[1, 2], 16)), "float64, not float32"),
        (product(constant("w", &[1, 1, 2], &[1.0, 2.0])), "3 dimensions"),
        (product(constant("w", &[0, 2], &[])), "is empty"),
        (product_of(vec![node("MatMul", &["x", "x"], &["y"])], vec![]), "no constant"),
        (gemm(f32::INFINITY, 1.0, &[5]), "alpha"),
        (product(of_type(DType::F32, &[70_000, 1], 280_000)), "could overflow"),
    ] {
        let said = reason(&model, &options());
        assert!(said.contains(words), "{said}");
    }
    let small = reason(&dense([1.0, 2.0]), &QuantizeOptions::default());
    assert_eq!(small, "its weight has 2 elements, fewer than 1024");
    // An input with a default is the caller's to give.
    let mut overridable = dense([1.0, 2.0]);
    overridable.graph.as_mut().unwrap().input.push(value("w", DType::F32, &["1", "2"]));
    assert!(reason(&overridable, &options()).contains("no constant"));
}

#[test]
fn models_without_layers_are_unchanged() {
    let plain = product_of(vec![node("Relu", &["x"], &["y"])], vec![]);
    let (same, report) = int8(&plain, &options());
    assert_eq!((same, report.layers.len()), (plain, 0));
    assert_eq!(report.verdict, "No layer was quantized; the model is as it was.");
}

#[test]
fn external_weights_are_read_by_the_resolver() {
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.into()),
        value: Some(value.into()),
        ..Default::default()
    };
    let outside = |location: &str| {
        let mut weight = of_type(DType::F32, &[2, 1], 0);
        weight.raw_data = None;
        weight.data_location = Some(1);
        weight.external_data = vec![entry("location", location)];
        product(weight)
    };
    assert!(reason(&outside("w.bin"), &options()).contains("outside of the model"));
    let bytes = [0.5_f32, -1.0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let files = MemoryFiles::from_iter([("w.bin", bytes), ("short.bin", vec![0; 7])]);
    let quantize = |model| quantize_with(&model, QuantizeMode::Int8Dynamic, None, &options(), &files);
    let (small, _) = quantize(outside("w.bin")).unwrap();
    let values = small.graph.as_ref().unwrap().initializer("w_int8").unwrap();
    assert_eq!(values.raw_data.as_deref(), Some(&[64, -127_i8 as u8][..]));
    assert_eq!(quantize(outside("missing.bin")).unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(quantize(outside("short.bin")).unwrap_err().code(), ErrorCode::InvalidModel);
}

#[test]
fn damaged_models_and_wrong_options_give_errors() {
    let failure = |model: &Model, options: &QuantizeOptions| {
        quantize(model, QuantizeMode::Int8Dynamic, None, options).unwrap_err().code()
    };
    for weight in [
        of_type(DType::F32, &[2, 2], 15),
        of_type(DType::F32, &[-1, 4], 16),
        of_type(DType::F32, &[i64::MAX, i64::MAX], 16),
        TensorProto { data_type: Some(99), ..of_type(DType::F32, &[2, 2], 16) },
    ] {
        assert!(matches!(
            failure(&product(weight), &options()),
            ErrorCode::InvalidModel | ErrorCode::Unsupported
        ));
    }
    let good = product(constant("w", &[1, 2], &[1.0, 2.0]));
    let unknown = QuantizeOptions { exclude: vec!["nobody".into()], ..options() };
    assert_eq!(failure(&good, &unknown), ErrorCode::NotFound);
    let mut old = good.clone();
    old.opset_import[0].version = Some(9);
    let standard = QuantizeOptions { standard_operators: true, ..options() };
    assert_eq!(failure(&old, &standard), ErrorCode::Unsupported);
    assert_eq!(int8(&old, &options()).1.quantized_count, 1);
    assert!(
        serde_json::from_str::<QuantizeOptions>(r#"{"reduce_range": true}"#).unwrap().reduce_range.unwrap()
    );
    assert!(serde_json::from_str::<QuantizeOptions>(r#"{"reduced": true}"#).is_err());
}

#[test]
fn damaged_models_give_clean_errors_or_valid_models() {
    for (seed, (name, bytes)) in fixtures::all().into_iter().enumerate() {
        for variant in damage::damaged(&bytes, seed as u64 + 400) {
            let Ok(model) = Model::parse(variant.bytes) else { continue };
            match quantize(&model, QuantizeMode::Int8Dynamic, None, &options()) {
                Ok((small, _)) => small.validate().unwrap(),
                Err(error) => {
                    let clean = [ErrorCode::InvalidModel, ErrorCode::Unsupported, ErrorCode::LimitExceeded];
                    assert!(clean.contains(&error.code()), "{name}: {}: {error}", variant.name);
                }
            }
        }
    }
}

#[test]
fn one_weight_with_many_factors_does_not_grow_without_bound() {
    let gemm = |index: usize| NodeProto {
        attribute: vec![number("alpha", index as f32 + 2.0)],
        ..node("Gemm", &["x", "w"], &[&format!("y{index}")])
    };
    let nodes = (0..50).map(gemm).chain([node("Identity", &["y0"], &["y"])]).collect();
    let plain = product_of(nodes, vec![constant("w", &[8, 8], &random(1, 64))]);
    let (small, report) = int8(&plain, &options());
    assert_eq!((report.quantized_count, report.skipped_count), (8, 42));
    assert_eq!(small.graph.unwrap().initializer.len(), 1 + 2 * 8);
}

#[test]
fn every_operator_set_from_seven_on_is_served() {
    let folder = folder("quantize-opsets");
    let x = random(5, 4 * 12);
    let expected = run(&session(&gemm(0.5, 1.0, &[5]), &SessionOptions::default()), &[4, 12], &x);
    let pairs = [7, 8, 9, 10, 11, 13, 17, 21].map(|version| {
        let at_version = |mut model: Model| {
            model.opset_import[0].version = Some(version);
            model
        };
        let (dense, _) = int8(&at_version(gemm(0.5, 1.0, &[5])), &options());
        let y = run(&session(&dense, &SessionOptions::default()), &[4, 12], &x);
        y.iter().zip(&expected).for_each(|(y, expected)| assert!((y - expected).abs() < 0.08, "{version}"));
        let plain = at_version(mixed());
        let (small, _) = int8(&plain, &options());
        session(&small, &SessionOptions::default());
        let name = |kind: &str| format!("{version}-{kind}.onnx");
        (save(&folder, &name("float"), &plain), save(&folder, &name("int8"), &small))
    });
    assert_eq!(compare_with_numpy(is_reduced(), &pairs), [4; 8]);
}

#[test]
fn rows_of_a_table_are_within_half_a_scale() {
    let table = random(8, 40 * 6);
    let gather = node("Gather", &["table", "ids"], &["y"]);
    let (inputs, outputs) = (value("ids", DType::I64, &["n", "m"]), value("y", DType::F32, &["n", "m", "6"]));
    let plain =
        model(graph(vec![gather], vec![inputs], vec![outputs], vec![constant("table", &[40, 6], &table)]));
    let session = session(&int8(&plain, &options()).0, &SessionOptions::default());
    for ids in [vec![], vec![0_i64, 39, -1, -40, 7, 7]] {
        let tensor = Tensor::from_vec([2, ids.len() / 2], ids.clone()).unwrap();
        let outputs = session.run([("ids", tensor.view())]).unwrap();
        let y = outputs["y"].as_tensor().unwrap();
        assert_eq!(y.shape().dims(), [2, ids.len() / 2, 6]);
        for (y, id) in y.as_slice::<f32>().unwrap().chunks(6).zip(&ids) {
            let row = &table[id.rem_euclid(40) as usize * 6..][..6];
            let half = row.iter().fold(0.0, |largest: f32, x| largest.max(x.abs())) / 254.0;
            assert!(y.iter().zip(row).all(|(y, x)| (y - x).abs() <= half * 1.0001), "{y:?} {row:?}");
        }
    }
}

#[test]
fn real_models_stay_valid() {
    let folder = folder("quantize-real");
    let mut pairs = Vec::new();
    for name in ["magika/model.onnx", "silero-vad/silero_vad.onnx", "rapidocr/PP-OCRv6_rec_small.onnx"] {
        let plain = Model::open(real_model(name)).unwrap();
        let (small, report) = int8(&plain, &options());
        println!("{name}: {}", report.verdict);
        let saved = save(&folder, &name.replace('/', "-"), &small);
        Session::load(&saved, &SessionOptions::default()).unwrap();
        pairs.push((real_model(name), saved));
    }
    compare_with_numpy(is_reduced(), &pairs);
}

/// The mean of a sentence's token vectors.
fn sentence(session: &Session, ids: &[i64]) -> Vec<f64> {
    let tensor = |values: Vec<i64>| Tensor::from_vec([1, ids.len()], values).unwrap();
    let (ids, ones, zeros) = (tensor(ids.to_vec()), tensor(vec![1; ids.len()]), tensor(vec![0; ids.len()]));
    let inputs =
        [("input_ids", ids.view()), ("attention_mask", ones.view()), ("token_type_ids", zeros.view())];
    let outputs = session.run(inputs).unwrap();
    let states = outputs["last_hidden_state"].as_tensor().unwrap().as_slice::<f32>().unwrap();
    let mut sum = vec![0.0; 384];
    states.chunks(384).for_each(|token| sum.iter_mut().zip(token).for_each(|(s, &t)| *s += f64::from(t)));
    sum
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn minilm_becomes_a_quarter_and_means_the_same() {
    let path = real_model("minilm/model.onnx");
    let plain = Model::open(&path).unwrap();
    let (small, report) = int8(&plain, &QuantizeOptions::default());
    let folder = folder("quantize-minilm");
    let saved = save(&folder, "int8.onnx", &small);
    // 36 products and the table of words.
    assert_eq!(compare_with_numpy(is_reduced(), &[(path.clone(), saved.clone())]), [37]);
    assert_eq!(report.quantized_count, 37);
    let (before, after) = (plain.encoded_bytes().unwrap(), small.encoded_bytes().unwrap());
    assert!(after * 10 < before * 3, "{before} {after}");

    let options = SessionOptions::default();
    let (plain, small) = (Session::load(path, &options).unwrap(), Session::load(saved, &options).unwrap());
    let sentences: [&[i64]; 4] = [
        &[101, 2023, 2003, 1037, 3231, 102],
        &[101, 1996, 4937, 4350, 2006, 1996, 13523, 102],
        &[101, 2129, 2079, 1045, 2735, 2125, 1996, 2422, 1029, 102],
        &[101, 7592, 102],
    ];
    let cosines = sentences.map(|ids| cosine(&sentence(&plain, ids), &sentence(&small, ids)));
    println!("{before} -> {after} bytes, cosines {cosines:?}; {}", report.verdict);
    assert!(cosines.iter().all(|&cosine| cosine > 0.98), "{cosines:?}");
}
