//! Bindings that cannot be made and calls that make no sense give the error that says what and where.

mod common;
mod graphs;

use common::model;
use graphs::{graph, node, value};
use ortlet::tensor::{DType, TensorViewMut};
use ortlet::{Binder, Binding, Error, ErrorCode, RunOptions, Session, SessionOptions};

fn speech() -> Session {
    Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap()
}

fn small(graph: ortlet::model::GraphProto) -> Session {
    graphs::session(&graphs::model(graph), &SessionOptions::default())
}

/// A binder that lacks nothing.
fn whole<'m>(session: &Session) -> Binder<'m> {
    session.binder().shape("input", [1, 576]).shape("state", [2, 1, 128])
}

fn bound(session: &Session) -> Binding<'static> {
    let mut binding = whole(session).bind().unwrap();
    binding.input_mut("sr").unwrap().as_slice_mut::<i64>().unwrap()[0] = 16_000;
    binding
}

fn check(error: &Error, code: ErrorCode, words: &[&str]) {
    assert_eq!(error.code(), code, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
}

fn check_bind(binder: Binder<'_>, code: ErrorCode, words: &[&str]) {
    check(&binder.bind().unwrap_err(), code, words);
}

#[test]
fn names_that_the_model_does_not_have() {
    let session = speech();
    let code = ErrorCode::NotFound;
    check_bind(whole(&session).shape("inputs", [1]), code, &["input or output `inputs`", "stateN"]);
    let mut numbers = [0.0_f32; 2];
    let memory = TensorViewMut::from_slice([2], &mut numbers).unwrap();
    check_bind(whole(&session).memory("out", memory), code, &["`out`"]);
    check_bind(whole(&session).tie("state", "state"), code, &["output `state`", "stateN"]);
    check_bind(whole(&session).tie("stateN", "stateN"), code, &["input `stateN`", "available: input"]);

    let mut binding = bound(&session);
    check(&binding.input_mut("output").unwrap_err(), code, &["bound input `output`", "sr"]);
    check(&binding.input("x").unwrap_err(), code, &["`x`"]);
    binding.run().unwrap();
    check(&binding.output("state").unwrap_err(), code, &["output `state`", "available: output, stateN"]);
}

#[test]
fn shapes_that_are_missing_or_wrong() {
    let session = speech();
    let binder = session.binder().shape("state", [2, 1, 128]);
    check_bind(binder, ErrorCode::InvalidArgument, &["`input`", "say which to bind"]);
    let code = ErrorCode::TensorMismatch;
    let binder = session.binder().shape("input", [1, 576]).shape("state", [2, 1, 127]);
    check_bind(binder, code, &["`state`", "float32[2, 1, 127]"]);
    let binder = session.binder().shape("input", [576]).shape("state", [2, 1, 128]);
    check_bind(binder, code, &["`input`", "float32[576]"]);
    let output = small(graph(
        vec![node("Neg", &["x"], &["y"])],
        vec![value("x", DType::F32, &["n", "3"])],
        vec![value("y", DType::F32, &["n", "3"])],
        vec![],
    ));
    check_bind(output.binder().shape("x", [2, 3]).shape("y", [2, 4]), code, &["`y`", "float32[2, 4]"]);
    let huge = session.binder().shape("input", [1 << 40, 1 << 40]).shape("state", [2, 1, 128]);
    check_bind(huge, ErrorCode::LimitExceeded, &["input `input`"]);
}

#[test]
fn names_given_twice() {
    let session = speech();
    let code = ErrorCode::InvalidArgument;
    check_bind(whole(&session).shape("input", [1, 576]), code, &["`input`", "given twice"]);
    let mut numbers = [0.0_f32; 576];
    let memory = TensorViewMut::from_slice([1, 576], &mut numbers).unwrap();
    check_bind(whole(&session).memory("input", memory), code, &["`input`", "given twice"]);
    let twice = whole(&session).tie("stateN", "state").tie("stateN", "state");
    check_bind(twice, code, &["tied twice"]);
    check_bind(whole(&session).tie("stateN", "state").tie("output", "state"), code, &["tied twice"]);
}

#[test]
fn ties_that_do_not_fit() {
    let session = speech();
    let code = ErrorCode::TensorMismatch;
    check_bind(whole(&session).tie("output", "state"), code, &["`output`", "as input `state`"]);
    check_bind(whole(&session).tie("stateN", "sr"), code, &["`stateN`", "int64", "as input `sr`"]);
    let mut numbers = [0.0_f32; 256];
    for name in ["state", "stateN"] {
        let memory = TensorViewMut::from_slice([2, 1, 128], &mut numbers).unwrap();
        let binder = session.binder().shape("input", [1, 576]).tie("stateN", "state").memory(name, memory);
        check_bind(binder, ErrorCode::InvalidArgument, &["take turns", "memory"]);
    }
}

#[test]
fn values_that_are_no_tensors_of_numbers() {
    let code = ErrorCode::Unsupported;
    let identity = |input: ortlet::model::ValueInfoProto, output| {
        small(graph(vec![node("Identity", &["x"], &["y"])], vec![input], vec![output], vec![]))
    };
    let strings = identity(value("x", DType::String, &["2"]), value("y", DType::String, &["2"]));
    check_bind(strings.binder(), code, &["input `x`", "string"]);
    let sequences =
        identity(graphs::sequence("x", DType::F32, &["2"]), graphs::sequence("y", DType::F32, &["2"]));
    check_bind(sequences.binder(), code, &["input `x`", "use `run`"]);
    let split = small(graph(
        vec![node("SplitToSequence", &["x"], &["y"])],
        vec![value("x", DType::F32, &["4"])],
        vec![graphs::sequence("y", DType::F32, &["1"])],
        vec![],
    ));
    check_bind(split.binder(), code, &["output `y`", "use `run`"]);
}

#[test]
fn calls_that_make_no_sense() {
    let session = speech();
    let mut binding = bound(&session);
    let code = ErrorCode::InvalidArgument;
    check(&binding.output("output").unwrap_err(), code, &["has not been run"]);
    let options = RunOptions { outputs: Some(vec!["output".into()]), ..RunOptions::default() };
    check(&binding.run_with(&options).unwrap_err(), code, &["`outputs`"]);
    check(&binding.output("output").unwrap_err(), code, &["has not been run"]);
    binding.run().unwrap();
    binding.output("output").unwrap();
}

#[test]
fn what_onnx_runtime_refuses_at_run_is_runtime_failed_and_leaves_the_inputs() {
    // The declared shape is open, but the graph cannot pad so little.
    let session = speech();
    let mut binding = session.bind([("input", vec![1, 1]), ("state", vec![2, 1, 128])]).unwrap();
    for _ in 0..2 {
        binding.input_mut("input").unwrap().as_slice_mut::<f32>().unwrap()[0] = 0.5;
        check(&binding.run().unwrap_err(), ErrorCode::RuntimeFailed, &["run"]);
        assert_eq!(binding.input("input").unwrap().as_slice::<f32>().unwrap(), [0.5]);
    }
}
