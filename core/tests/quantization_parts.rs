//! The parts that quantization is made of compute what NumPy computes and mean to ONNX Runtime what they mean to us.

mod common;
mod graphs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{folder, setting, two_threads};
use graphs::{constant, graph, model, node, value, whole};
use ortlet::model::{Model, OperatorSetIdProto, TensorProto};
use ortlet::quantize::{ActivationScheme, BlockBits, BlockScheme, BlockWeights, RangeMethod, RangeObserver};
use ortlet::tensor::{DType, Tensor};
use serde::Deserialize;

const MICROSOFT: &str = "com.microsoft";

/// Numbers without a visible order, near to normally distributed with the variance 1.
fn normal(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect()
}

/// What the reference script says about these numbers.
fn numpy<T: serde::de::DeserializeOwned>(task: &str, name: &str, numbers: &[f32], arguments: &[usize]) -> T {
    let file: PathBuf = folder(&format!("quantization-{name}")).join("numbers");
    std::fs::write(&file, numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
        .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/quantization.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.arg(script).arg(task).arg(file).args(arguments.iter().map(ToString::to_string));
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn schemes() -> impl Iterator<Item = BlockScheme> {
    [BlockBits::Four, BlockBits::Eight].into_iter().flat_map(|bits| {
        [16, 32, 64, 128, 256].into_iter().flat_map(move |block_size| {
            [true, false].map(|symmetric| BlockScheme { bits, block_size, symmetric })
        })
    })
}

#[derive(Deserialize)]
struct PlainBlocks {
    codes: Vec<u8>,
    scales: Vec<f32>,
    zero_points: Vec<u8>,
}

/// Packs the codes of each row of `row` codes, low bits first.
fn packed(codes: &[u8], row: usize, bits: BlockBits) -> Vec<u8> {
    let of_row = |row: &[u8]| match bits {
        BlockBits::Eight => row.to_vec(),
        BlockBits::Four => row.chunks(2).map(|pair| pair[0] + 16 * pair.get(1).unwrap_or(&0)).collect(),
    };
    codes.chunks(row).flat_map(of_row).collect()
}

#[test]
fn blocks_are_numpys() {
    for (at, scheme) in schemes().enumerate() {
        let (k, n) = [(300, 7), (64, 5), (17, 3)][at % 3];
        let (weights, bits) = (normal(k * n, at as u64), scheme.bits.count());
        let name = format!("blocks-{at}");
        let arguments = [k, n, bits, scheme.block_size, usize::from(scheme.symmetric)];
        let plain: PlainBlocks = numpy("blocks", &name, &weights, &arguments);
        let own = BlockWeights::quantize(&weights, k, n, scheme).unwrap();
        assert_eq!(own.scales(), plain.scales, "{scheme:?}");
        assert_eq!(own.packed(), packed(&plain.codes, scheme.block_size, scheme.bits), "{scheme:?}");
        let zero_points = packed(&plain.zero_points, own.block_count(), scheme.bits);
        assert_eq!(own.zero_points(), (!scheme.symmetric).then_some(&zero_points[..]), "{scheme:?}");
    }
}

fn bytes(name: &str, dims: &[usize], bytes: &[u8]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(DType::U8.onnx()),
        dims: dims.iter().map(|&size| size as i64).collect(),
        raw_data: Some(bytes.to_vec().into()),
        ..Default::default()
    }
}

/// `quantized = a · weights` by `MatMulNBits`, `float = a · weights` by `MatMul` on the dequantized weights.
fn both_products(weights: &BlockWeights, accuracy_level: i64) -> Model {
    let (k, n, blocks) = (weights.k(), weights.n(), weights.block_count());
    let (bits, size) = (weights.scheme().bits.count(), weights.scheme().block_size);
    // Flat or not, both are allowed.
    let shape = if blocks % 2 == 0 { vec![n * blocks] } else { vec![n, blocks] };
    let mut constants = vec![
        constant("w", &[k, n], &weights.dequantize()),
        bytes("b", &[n, blocks, size * bits / 8], weights.packed()),
        constant("scales", &shape, weights.scales()),
    ];
    let mut inputs = vec!["a", "b", "scales"];
    if let Some(zero_points) = weights.zero_points() {
        constants.push(bytes("zero_points", &[n, (blocks * bits).div_ceil(8)], zero_points));
        inputs.push("zero_points");
    }
    let mut quantized = node("MatMulNBits", &inputs, &["quantized"]);
    quantized.domain = Some(MICROSOFT.into());
    let attributes = [
        ("K", k),
        ("N", n),
        ("bits", bits),
        ("block_size", size),
        ("accuracy_level", accuracy_level as usize),
    ];
    quantized.attribute = attributes.map(|(name, number)| whole(name, number as i64)).to_vec();
    let (k, n) = (k.to_string(), n.to_string());
    let mut model = model(graph(
        vec![quantized, node("MatMul", &["a", "w"], &["float"])],
        vec![value("a", DType::F32, &["rows", &k])],
        vec![value("quantized", DType::F32, &["rows", &n]), value("float", DType::F32, &["rows", &n])],
        constants,
    ));
    let domain = Some(MICROSOFT.into());
    model.opset_import.push(OperatorSetIdProto { domain, version: Some(1), ..Default::default() });
    model
}

/// The largest difference of the products, as a part of what the products would be if nothing cancelled out.
fn difference(weights: &BlockWeights, rows: usize, accuracy_level: i64) -> f32 {
    let session = graphs::session(&both_products(weights, accuracy_level), &two_threads());
    let a = normal(rows * weights.k(), 99);
    let outputs = session.run([("a", &Tensor::from_vec([rows, weights.k()], a.clone()).unwrap())]).unwrap();
    let of = |name| outputs.get(name).unwrap().as_tensor().unwrap().as_slice::<f32>().unwrap();
    let (quantized, float, w) = (of("quantized"), of("float"), weights.dequantize());
    let mut largest = 0.0_f32;
    for (at, (quantized, float)) in quantized.iter().zip(float).enumerate() {
        let (row, column) = (at / weights.n(), at % weights.n());
        let terms = (0..weights.k()).map(|k| (a[row * weights.k() + k] * w[k * weights.n() + column]).abs());
        let difference = (quantized - float).abs() / terms.sum::<f32>().max(f32::MIN_POSITIVE);
        assert!(difference.is_finite());
        largest = largest.max(difference);
    }
    largest
}

#[test]
fn onnx_runtime_reads_the_blocks_as_meant() {
    for scheme in schemes() {
        for (k, n) in [(256, 16), (200, 7), (16, 3), (333, 9)] {
            let mut weights = normal(k * n, 5);
            // A block of zeros, one of denormal numbers and one of equal ones.
            for row in 0..16 {
                (weights[row * n], weights[row * n + 1], weights[row * n + 2]) = (0.0, 1e-40, 0.3);
            }
            let weights = BlockWeights::quantize(&weights, k, n, scheme).unwrap();
            for rows in [1, 5] {
                let exact = difference(&weights, rows, 0);
                assert!(exact < 1e-6, "{scheme:?} {k}x{n}, {rows} rows: {exact}");
                // Here ONNX Runtime rounds `a` to 8 bits as well.
                let rounded = difference(&weights, rows, 4);
                assert!(rounded < 0.01, "{scheme:?} {k}x{n}, {rows} rows: {rounded}");
            }
        }
    }
}

#[derive(Deserialize)]
struct PlainRanges {
    min_max: [f32; 2],
    percentiles: BTreeMap<String, [f32; 2]>,
    least_squared_error: BTreeMap<String, f64>,
    entropy: BTreeMap<String, f32>,
}

/// Activations as they occur, by name. No percentage of their number is a whole number.
fn activations() -> Vec<(&'static str, Vec<f32>)> {
    let normal = |seed| normal(10_007, seed);
    let mut outliers = normal(1);
    for (at, value) in outliers.iter_mut().enumerate().filter(|(at, _)| at % 997 == 0) {
        *value *= if at % 2 == 0 { 8.0 } else { 30.0 };
    }
    // So many values that it pays to cut most of the range off.
    let mut rare = normal(8)[..4000].repeat(100);
    rare.extend((1..12).map(|at| (at * 20 - 80) as f32));
    vec![
        ("normal", normal(2)),
        ("relu", normal(3).iter().map(|value| value.max(0.0) * 40.0).collect()),
        ("heavy", normal(4).iter().map(|value| value.powi(5) * 0.01).collect()),
        ("gelu", normal(5).iter().map(|value| value / (1.0 + (-1.7 * value).exp())).collect()),
        ("negative", normal(6).iter().map(|value| -value.exp()).collect()),
        ("offset", normal(7).iter().map(|value| value + 5.0).collect()),
        ("outliers", outliers),
        ("rare", rare),
    ]
}

/// Mean squared error of the values, quantized with the range that the method chose.
fn mean_squared_error(values: &[f32], observer: &RangeObserver, scheme: ActivationScheme) -> f64 {
    let range = observer.range(RangeMethod::MeanSquaredError, scheme).unwrap();
    let parameters = range.scale_and_zero_point(scheme);
    let (first, last) = if scheme == ActivationScheme::SymmetricS8 { (-127.0, 127.0) } else { (0.0, 255.0) };
    let (scale, zero_point) = (f64::from(parameters.scale), f64::from(parameters.zero_point));
    let error = |value: &f32| {
        let code = ((f64::from(*value) / scale).round_ties_even() + zero_point).clamp(first, last);
        (f64::from(*value) - (code - zero_point) * scale).powi(2)
    };
    values.iter().map(error).sum::<f64>() / values.len() as f64
}

#[test]
fn ranges_are_numpys() {
    for (name, values) in activations() {
        let plain: PlainRanges = numpy("ranges", name, &values, &[]);
        let mut observer = RangeObserver::new();
        values.chunks(1000).for_each(|part| observer.observe(part));
        let resolution = observer.resolution();
        for (scheme, key) in [
            (ActivationScheme::AsymmetricU8, "asymmetric_u8"),
            (ActivationScheme::SymmetricS8, "symmetric_s8"),
        ] {
            let range = |method| observer.range(method, scheme).unwrap();
            let full = range(RangeMethod::MinMax);
            assert_eq!([full.min, full.max], plain.min_max, "{name}");
            for (percent, [low, high]) in &plain.percentiles {
                let range = range(RangeMethod::Percentile { percent: percent.parse().unwrap() });
                let (below, above) = (f64::from(low - range.min), f64::from(range.max - high));
                assert!((0.0..=resolution).contains(&below), "{name} {percent}: {range:?}, not {low}");
                assert!((0.0..=resolution).contains(&above), "{name} {percent}: {range:?}, not {high}");
            }
            let (least, own) =
                (plain.least_squared_error[key], mean_squared_error(&values, &observer, scheme));
            assert!(own <= least * 1.05, "{name} {key}: {own}, but {least} is possible");
            let entropy = range(RangeMethod::Entropy);
            let end = plain.entropy[key];
            let expected = [(-end).max(full.min).min(full.max), end.min(full.max).max(full.min)];
            assert_eq!([entropy.min, entropy.max], expected, "{name} {key}");
        }
    }
}
