//! Wrong calls give the error that says what and where, before ONNX Runtime sees them.

mod common;

use std::collections::BTreeMap;

use common::{folder, model};
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::tensor::{DType, Tensor, TensorView, Value};
use ortlet::{Error, ErrorCode, OptimizationLevel, Provider, RunOptions, Session, SessionOptions, Threads};

fn magika(options: &SessionOptions) -> ortlet::Result<Session> {
    Session::load(model("magika/model.onnx"), options)
}

fn check(error: &Error, code: ErrorCode, words: &[&str]) {
    assert_eq!(error.code(), code, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn files_that_are_no_models() {
    let load = |path: &std::path::Path| Session::load(path, &SessionOptions::default()).unwrap_err();
    let place = folder("session_errors");
    check(&load(&place.join("none.onnx")), ErrorCode::NotFound, &["file", "none.onnx"]);
    check(&load(&place), ErrorCode::InvalidArgument, &["is a folder"]);

    let file = place.join("some.onnx");
    for (content, code) in [
        (&b""[..], ErrorCode::InvalidModel),
        (b"hello", ErrorCode::InvalidModel),
        (b"PK\x03\x04........", ErrorCode::Unsupported),
        (b"1234ORTM", ErrorCode::RuntimeFailed),
    ] {
        std::fs::write(&file, content).unwrap();
        check(&load(&file), code, &["some.onnx"]);
        let from_bytes = Session::from_bytes(content, &SessionOptions::default()).unwrap_err();
        check(&from_bytes, code, &[]);
    }
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_io_errors() {
    use std::os::unix::fs::symlink;
    let link = folder("session_errors_io").join("loop.onnx");
    symlink(&link, &link).unwrap();
    let error = Session::load(&link, &SessionOptions::default()).unwrap_err();
    check(&error, ErrorCode::Io, &["cannot read", "loop.onnx"]);
    assert!(error.details()["os_code"].is_number());
    check(&ortlet::model::Model::open(&link).unwrap_err(), ErrorCode::Io, &["loop.onnx"]);
}

#[test]
fn inputs_are_checked_by_name_type_rank_and_shape() {
    let session = magika(&SessionOptions::default()).unwrap();
    let good = Tensor::zeros(DType::I32, [1, 2048]).unwrap();
    let run = |name: &str, tensor: &Tensor| session.run([(name, tensor)]).unwrap_err();

    check(&run("byte", &good), ErrorCode::NotFound, &["input `byte`", "available: bytes"]);
    let floats = Tensor::zeros(DType::F32, [1, 2048]).unwrap();
    check(
        &run("bytes", &floats),
        ErrorCode::TensorMismatch,
        &["`bytes`", "int32[", "2048]", "float32[1, 2048]"],
    );
    let rank = Tensor::zeros(DType::I32, [2048]).unwrap();
    check(&run("bytes", &rank), ErrorCode::TensorMismatch, &["got int32[2048]"]);
    let size = Tensor::zeros(DType::I32, [1, 2047]).unwrap();
    check(&run("bytes", &size), ErrorCode::TensorMismatch, &["got int32[1, 2047]"]);

    let sequence = Value::Sequence(vec![good.clone().into()]);
    let error = session.run([("bytes", &sequence)]).unwrap_err();
    check(&error, ErrorCode::TensorMismatch, &["got sequence of 1"]);
    let error = session.run([("bytes", &good), ("bytes", &good)]).unwrap_err();
    check(&error, ErrorCode::InvalidArgument, &["given twice"]);
    let error = session.run(BTreeMap::<String, Tensor>::new().iter()).unwrap_err();
    check(&error, ErrorCode::TensorMismatch, &["`bytes`", "got nothing"]);
    assert!(session.run([("bytes", &good)]).is_ok(), "usable after every error");
}

#[test]
fn outputs_are_selected_by_name() {
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap();
    let inputs: [(&str, Tensor); 3] = [
        ("input", Tensor::zeros(DType::F32, [1, 576]).unwrap()),
        ("state", Tensor::zeros(DType::F32, [2, 1, 128]).unwrap()),
        ("sr", Tensor::from_vec([], vec![16000_i64]).unwrap()),
    ];
    let run = |names: &[&str]| {
        let outputs = Some(names.iter().map(ToString::to_string).collect());
        session.run_with(
            inputs.iter().map(|(name, tensor)| (name, tensor)),
            &RunOptions { outputs, ..RunOptions::default() },
        )
    };
    let outputs = run(&["stateN", "output"]).unwrap();
    assert_eq!(outputs.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["stateN", "output"]);
    assert_eq!(run(&["output"]).unwrap().len(), 1);
    check(&run(&["out"]).unwrap_err(), ErrorCode::NotFound, &["output `out`", "available: output, stateN"]);
    check(&run(&["output", "output"]).unwrap_err(), ErrorCode::InvalidArgument, &["twice"]);
}

#[test]
fn what_onnx_runtime_refuses_at_run_is_runtime_failed() {
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap();
    // The declared shape is open, but the graph cannot pad so little.
    let input = Tensor::zeros(DType::F32, [1, 1]).unwrap();
    let state = Tensor::zeros(DType::F32, [2, 1, 128]).unwrap();
    let rate = Tensor::from_vec([], vec![16000_i64]).unwrap();
    let error = session.run([("input", &input), ("state", &state), ("sr", &rate)]).unwrap_err();
    check(&error, ErrorCode::RuntimeFailed, &["ONNX Runtime failed to run"]);
}

#[test]
fn options_are_checked() {
    let fail = |options: SessionOptions| magika(&options).unwrap_err();
    let base = SessionOptions::default;
    for count in [0, 100_000] {
        let options = SessionOptions { threads: Threads::Count(count), ..base() };
        check(&fail(options), ErrorCode::InvalidArgument, &["`threads`"]);
    }
    let provider = SessionOptions { providers: vec![Provider::new("tpu")], ..base() };
    check(&fail(provider), ErrorCode::NotFound, &["execution provider `tpu`", "available: ", "cpu"]);
    let mut cpu = Provider::new("cpu");
    cpu.options.insert("speed".into(), "11".into());
    let options = SessionOptions { providers: vec![cpu], ..base() };
    check(&fail(options), ErrorCode::InvalidArgument, &["no option `speed`"]);
    let dims = SessionOptions { dims: [("batch".into(), 0)].into(), ..base() };
    check(&fail(dims), ErrorCode::InvalidArgument, &["dims.batch"]);
    let nul = SessionOptions { config: [("a\0b".into(), "1".into())].into(), ..base() };
    check(&fail(nul), ErrorCode::InvalidArgument, &["NUL"]);
    let long = SessionOptions { config: [("k".repeat(2000), "1".into())].into(), ..base() };
    check(&fail(long), ErrorCode::InvalidArgument, &["config."]);
}

#[test]
fn options_take_effect() {
    let minilm = |options| Session::load(model("minilm/model.onnx"), &options).unwrap();
    let dims = [("batch".to_owned(), 1), ("seq".to_owned(), 8)].into();
    let session = minilm(SessionOptions { dims, ..Default::default() });
    assert_eq!(session.inputs()[0].to_string(), "input_ids: int64[1, 8]");
    let ids = Tensor::zeros(DType::I64, [1, 9]).unwrap();
    let error = session.run([("input_ids", &ids)]).unwrap_err();
    check(&error, ErrorCode::TensorMismatch, &["int64[1, 8]", "int64[1, 9]"]);

    for level in [OptimizationLevel::None, OptimizationLevel::Basic, OptimizationLevel::Layout] {
        let options = SessionOptions { optimization_level: level, ..Default::default() };
        assert!(magika(&options).is_ok(), "{level:?}");
    }
    // A configuration entry reaches ONNX Runtime: this one makes it read the file as another format.
    let config = [("session.load_model_format".to_owned(), "ORT".to_owned())].into();
    assert!(magika(&SessionOptions { config, ..Default::default() }).is_err());
}

#[test]
fn provider_libraries_that_are_none() {
    let runtime = Runtime::load(&RuntimeOptions::default()).unwrap();
    let error = runtime.register_provider_library("none", "/nowhere/provider.so").unwrap_err();
    check(&error, ErrorCode::NotFound, &["provider library", "/nowhere/provider.so"]);
    let error = runtime.register_provider_library("none", runtime.path()).unwrap_err();
    check(&error, ErrorCode::RuntimeFailed, &["register a provider library"]);
}

#[test]
fn hostile_sizes_are_limits() {
    let error = Tensor::zeros(DType::F32, [1 << 40, 1 << 40]).unwrap_err();
    check(&error, ErrorCode::LimitExceeded, &["elements of a tensor"]);
    let bytes = [0_u8; 4];
    let error = TensorView::from_bytes(DType::F32, [usize::MAX], &bytes).unwrap_err();
    check(&error, ErrorCode::LimitExceeded, &[]);
}
