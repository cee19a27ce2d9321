//! Calibrations hold what NumPy finds in the values that plain ONNX Runtime computes, whatever memory they may take.

mod common;
mod graphs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::{folder, setting, two_threads};
use graphs::{constant, graph, model, node, value};
use ortlet::model::{Model, StringStringEntryProto};
use ortlet::quantize::{ActivationScheme, Calibration, Calibrator, RangeMethod};
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{
    CalibrateObserver, CalibrateOptions, CalibrateProgress, CancelToken, ErrorCode, Sample, Samples,
    SessionOptions, calibrate,
};
use serde::Deserialize;

fn options() -> CalibrateOptions {
    CalibrateOptions { session: two_threads(), ..Default::default() }
}

/// Numbers without a visible order, from -1 to 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * 12.9898).sin() * 43_758.547 % 1.0).collect()
}

/// A convolution, a norm, two products, and a part that no output needs.
fn small() -> Model {
    model(graph(
        vec![
            node("Conv", &["x", "kernel"], &["conv"]),
            node("Relu", &["conv"], &["relu"]),
            node("GlobalAveragePool", &["relu"], &["pooled"]),
            node("Flatten", &["pooled"], &["flat"]),
            node("MatMul", &["flat", "up"], &["wide"]),
            node("Tanh", &["wide"], &["tanh"]),
            node("Gemm", &["tanh", "down", "bias"], &["y"]),
            node("Shape", &["relu"], &["shape"]),
            node("Exp", &["conv"], &["unused"]),
        ],
        vec![value("x", DType::F32, &["n", "2", "9", "9"])],
        vec![value("y", DType::F32, &["n", "5"]), value("shape", DType::I64, &["4"])],
        vec![
            constant("kernel", &[6, 2, 3, 3], &numbers(108)),
            constant("up", &[6, 40], &numbers(240)),
            constant("down", &[40, 5], &numbers(200)),
            constant("bias", &[5], &numbers(5)),
        ],
    ))
}

#[derive(Deserialize)]
struct Plain {
    count: u64,
    min: f32,
    max: f32,
    percentiles: [f32; 2],
    shape: Vec<usize>,
    #[serde(default)]
    max_magnitude: Vec<f32>,
    #[serde(default)]
    sum_of_squares: Vec<f64>,
    #[serde(default)]
    row_count: u64,
}

/// Has the reference script make batches in the folder; gives what it says about the watched values.
fn reference(model: &Path, samples: &Path, watched: &[&str]) -> BTreeMap<String, Plain> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/calibration.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.arg(script).arg(model).arg(samples).arg(serde_json::to_string(watched).unwrap());
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn close(found: f64, expected: f64, name: &str) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1e-3), "{name}: {found}, not {expected}");
}

fn compare(calibration: &Calibration, plain: &BTreeMap<String, Plain>, left_sides: &[&str]) {
    assert_eq!(calibration.sample_count, 3);
    assert!(calibration.tensors.keys().eq(plain.keys()));
    for (name, plain) in plain {
        let own = &calibration.tensors[name];
        assert_eq!((own.range.count(), &own.shape), (plain.count, &plain.shape), "{name}");
        close(own.range.min().unwrap().into(), plain.min.into(), name);
        close(own.range.max().unwrap().into(), plain.max.into(), name);
        let percentile = RangeMethod::Percentile { percent: 98.0 };
        let range = own.range.range(percentile, ActivationScheme::AsymmetricU8).unwrap();
        let slack = own.range.resolution() * 1.01 + 1e-5;
        let [low, high] = plain.percentiles;
        assert!(f64::from(range.max - high).abs() <= slack, "{name}: {range:?}, not {high}");
        assert!(f64::from(range.min - low).abs() <= slack, "{name}: {range:?}, not {low}");
        assert_eq!(own.channels.is_some(), left_sides.contains(&name.as_str()), "{name}");
        if let Some(channels) = &own.channels {
            assert_eq!(
                (channels.count, channels.max_magnitude.len()),
                (plain.row_count, plain.max_magnitude.len())
            );
            for (own, plain) in channels.max_magnitude.iter().zip(&plain.max_magnitude) {
                close((*own).into(), (*plain).into(), name);
            }
            for (own, plain) in channels.sum_of_squares.iter().zip(&plain.sum_of_squares) {
                close(*own, *plain, name);
            }
        }
    }
}

/// A model, its file, and a folder of batches for it with what NumPy says of them.
struct Case {
    model: Model,
    samples: PathBuf,
    plain: BTreeMap<String, Plain>,
}

impl Case {
    fn new(name: &str, model: Model) -> Self {
        let folder = folder(&format!("calibrate-{name}"));
        let (file, samples) = (folder.join("model.onnx"), folder.join("samples"));
        std::fs::create_dir_all(&samples).unwrap();
        std::fs::write(&file, model.to_bytes().unwrap()).unwrap();
        let calibrator = Calibrator::new(&model).unwrap();
        let watched: Vec<_> = calibrator.watched().collect();
        let plain = reference(&file, &samples, &watched);
        Self { model, samples, plain }
    }

    fn calibrate(&self, options: &CalibrateOptions) -> Calibration {
        calibrate(&self.model, &Samples::Folder(self.samples.clone()), options).unwrap()
    }
}

#[test]
fn statistics_are_numpys_of_plain_onnx_runtimes_values() {
    let case = Case::new("small", small());
    assert_eq!(case.plain.len(), 8);
    let left_sides = ["flat", "tanh"];
    let whole = case.calibrate(&options());
    compare(&whole, &case.plain, &left_sides);
    // Each value by runs of its own.
    let told = Arc::new(Mutex::new(Vec::<CalibrateProgress>::new()));
    let listener = told.clone();
    let progress = Some(CalibrateObserver::new(move |at| listener.lock().unwrap().push(at.clone())));
    let one_by_one = case.calibrate(&CalibrateOptions { max_bytes: 1, progress, ..options() });
    compare(&one_by_one, &case.plain, &left_sides);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1 + 7 * 3);
    assert!(
        told.windows(2).all(|pair| pair[0].done < pair[1].done && pair[0].elapsed_ns <= pair[1].elapsed_ns)
    );
    assert_eq!((told[0].left_ns, told[21].done, told[21].left_ns), (None, 1.0, Some(0)));
    assert!(told[1].left_ns.is_some_and(|left| left > 0));
    // The same samples give the same, whether they are read or in memory.
    assert_eq!(case.calibrate(&options()), whole);
}

#[test]
fn real_models_are_calibrated_in_any_memory() {
    let case = Case::new("magika", Model::open(common::model("magika/model.onnx")).unwrap());
    let sides = |calibration: &Calibration| {
        let with_channels = calibration.tensors.iter().filter(|(_, tensor)| tensor.channels.is_some());
        with_channels.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let whole = case.calibrate(&options());
    let left_sides = sides(&whole);
    assert!(!left_sides.is_empty());
    let left_sides: Vec<_> = left_sides.iter().map(String::as_str).collect();
    compare(&whole, &case.plain, &left_sides);
    compare(&case.calibrate(&CalibrateOptions { max_bytes: 3 << 20, ..options() }), &case.plain, &left_sides);
}

fn batch(rows: usize, change: impl Fn(&mut Vec<f32>)) -> Sample {
    let mut x = numbers(rows * 162);
    change(&mut x);
    vec![("x".into(), Tensor::from_vec([rows, 2, 9, 9], x).unwrap().into())]
}

fn good() -> Sample {
    batch(1, |_| {})
}

#[test]
fn batches_in_memory_are_as_good_as_files() {
    let case = Case::new("memory", small());
    let read = |at: usize| {
        let file = std::fs::File::open(case.samples.join(format!("{at}.npz"))).unwrap();
        let mut archive = ortlet::tensor::npy::Archive::new(file).unwrap();
        vec![("x".to_owned(), Value::from(archive.read("x", None).unwrap()))]
    };
    let batches: Vec<Sample> = (0..3).map(read).collect();
    assert_eq!(calibrate(&case.model, &batches.into(), &options()).unwrap(), case.calibrate(&options()));
}

#[test]
fn external_data_is_read_from_its_folder() {
    let folder = folder("calibrate-external");
    let bytes: Vec<u8> = numbers(108).iter().flat_map(|number| number.to_le_bytes()).collect();
    std::fs::write(folder.join("weights.bin"), bytes).unwrap();
    let mut model = small();
    let kernel = &mut model.graph.as_mut().unwrap().initializer[0];
    kernel.float_data = Vec::new().into();
    kernel.data_location = Some(1);
    let (key, value) = (Some("location".to_owned()), Some("weights.bin".to_owned()));
    kernel.external_data = vec![StringStringEntryProto { key, value, ..Default::default() }];
    let samples = Samples::from(vec![good()]);
    assert!(calibrate(&model, &samples, &options()).is_err());
    let session = SessionOptions { external_data_folder: Some(folder), ..two_threads() };
    let found = calibrate(&model, &samples, &CalibrateOptions { session, ..options() }).unwrap();
    assert_eq!(found, calibrate(&small(), &samples, &options()).unwrap());
}

#[test]
fn a_calibration_can_be_cancelled_at_any_time() {
    let samples = Samples::from(vec![good(), good(), good()]);
    for calls in [0, 1, 2] {
        let cancel = CancelToken::new();
        let (token, count) = (cancel.clone(), Mutex::new(0));
        let observe = move |_: &CalibrateProgress| {
            let mut count = count.lock().unwrap();
            if *count == calls {
                token.cancel();
            }
            *count += 1;
        };
        let progress = Some(CalibrateObserver::new(observe));
        let options = CalibrateOptions { cancel: Some(cancel), progress, ..options() };
        assert_eq!(
            calibrate(&small(), &samples, &options).unwrap_err().code(),
            ErrorCode::Cancelled,
            "{calls}"
        );
    }
}

fn refused(samples: impl Into<Samples>, code: ErrorCode, words: &[&str]) {
    let error = calibrate(&small(), &samples.into(), &options()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    words.iter().for_each(|word| assert!(error.to_string().contains(word), "{error} lacks {word}"));
}

#[test]
fn batches_that_do_not_fit_are_named() {
    let needed = ["samples", "`x: float32[n, 2, 9, 9]`", ".npz"];
    refused(Samples::None, ErrorCode::InvalidArgument, &needed);
    refused(Vec::<Sample>::new(), ErrorCode::InvalidArgument, &needed);
    let second = |bad: Sample| vec![good(), bad];
    let nan = batch(2, |x| x[162 + 81 + 9 + 2] = f32::NAN);
    refused(second(nan), ErrorCode::InvalidArgument, &["batch 1", "`x`", "NaN", "[1, 1, 1, 2]"]);
    let infinite = batch(1, |x| x[1] = f32::NEG_INFINITY);
    refused(second(infinite), ErrorCode::InvalidArgument, &["batch 1", "`x`", "infinite", "[0, 0, 0, 1]"]);
    let named = |name: &str, tensor: Tensor| vec![(name.to_owned(), Value::from(tensor))];
    let tensor = |dims: &[usize]| Tensor::zeros(DType::F32, dims).unwrap();
    refused(second(named("y", tensor(&[1, 2, 9, 9]))), ErrorCode::NotFound, &["batch 1", "`y`", "x"]);
    refused(second(vec![]), ErrorCode::TensorMismatch, &["batch 1", "`x`"]);
    refused(second(named("x", tensor(&[1, 2, 9]))), ErrorCode::TensorMismatch, &["batch 1", "`x`"]);
    refused(second(named("x", tensor(&[1, 3, 9, 9]))), ErrorCode::TensorMismatch, &["batch 1", "`x`"]);
    let integers = Tensor::zeros(DType::I64, [1, 2, 9, 9]).unwrap();
    refused(second(named("x", integers)), ErrorCode::TensorMismatch, &["batch 1", "int64"]);
    refused(second([good(), good()].concat()), ErrorCode::InvalidArgument, &["batch 1", "twice"]);
    let nothing = CalibrateOptions { max_bytes: 0, ..options() };
    let error = calibrate(&small(), &vec![good()].into(), &nothing).unwrap_err();
    assert!(error.to_string().contains("max_bytes"), "{error}");
}

#[test]
fn folders_that_hold_no_batches_are_named() {
    let folder = folder("calibrate-folders");
    let of = |name: &str| Samples::Folder(folder.join(name));
    refused(of("nowhere"), ErrorCode::NotFound, &["nowhere"]);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("a.npz"), bytes).unwrap();
    };
    std::fs::create_dir_all(folder.join("empty")).unwrap();
    std::fs::write(folder.join("empty/a.txt"), "").unwrap();
    refused(of("empty"), ErrorCode::InvalidArgument, &["no .npz file", "empty"]);
    std::fs::create_dir_all(folder.join("folder/a.npz")).unwrap();
    refused(of("folder"), ErrorCode::Integrity, &["a.npz"]);
    write("text", b"PK\x03\x04 no archive");
    refused(of("text"), ErrorCode::Integrity, &["a.npz"]);
    refused(of("text/a.npz"), ErrorCode::Io, &["a.npz"]);
    let case = Case::new("damage", small());
    let sound = std::fs::read(case.samples.join("0.npz")).unwrap();
    for cut in [0, 1, 100, sound.len() / 2, sound.len() - 1] {
        write("cut", &sound[..cut]);
        refused(of("cut"), ErrorCode::Integrity, &["a.npz"]);
    }
    // The data of `x` begins somewhere before its end; a flipped bit there is found by the checksum.
    let end = sound.windows(4).rposition(|word| word == b"PK\x01\x02").unwrap();
    let data =
        sound.windows(8).position(|word| word == b"x.npy\x93NU" || word.starts_with(b"x.npy")).unwrap();
    let mut flipped = sound.clone();
    flipped[(data + 400).min(end - 20)] ^= 1;
    write("flipped", &flipped);
    refused(of("flipped"), ErrorCode::Integrity, &["a.npz"]);
    // A header that promises more than there is.
    let (shape, huge) = (b"(1, 2, 9, 9)", b"(1, 2, 9e99)");
    let place = sound.windows(shape.len()).position(|text| text == shape).unwrap();
    for lie in [b"(9, 9, 9, 9)", b"(9999999999)", huge] {
        let mut lying = sound.clone();
        lying[place..place + lie.len()].copy_from_slice(lie);
        write("lying", &lying);
        refused(of("lying"), ErrorCode::Integrity, &["a.npz", "`x`"]);
    }
}
