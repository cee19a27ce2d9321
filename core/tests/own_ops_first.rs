//! The first sessions of a process, all at once: each is created and computes what it should.

mod graphs;
mod own_ops;
mod process;

use std::env;
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;

use graphs::{constant, graph, node, random, value};
use ortlet::Session;
use ortlet::lower::{DOMAIN, Learned, LowerOptions, lower};
use ortlet::model::{Model, NoExternalData};
use ortlet::runtime::Runtime;
use ortlet::tensor::DType;
use own_ops::{assert_close, reference, run, tensor, threads};

/// Set for a process that loads ONNX Runtime before it creates sessions.
const LOADED: &str = "ORTLET_TEST_LOADED";
/// Several, because two threads do not meet in every process.
const PROCESSES: usize = 10;
const THREADS: usize = 16;
const ROWS: usize = 3;
const K: usize = 64;
const N: usize = 48;

/// `y = relu(x w)`.
fn ordinary(w: &[f32]) -> Model {
    let [k, n] = [K, N].map(|size| size.to_string());
    graphs::model(graph(
        vec![node("MatMul", &["x", "w"], &["m"]), node("Relu", &["m"], &["y"])],
        vec![value("x", DType::F32, &["rows", &k])],
        vec![value("y", DType::F32, &["rows", &n])],
        vec![constant("w", &[K, N], w)],
    ))
}

#[test]
#[ignore = "run by processes_begin_with_many_sessions"]
fn begins_with_many_sessions() {
    let (w, x) = (random(1, K * N), random(2, ROWS * K));
    let mut expected = reference::product(&x, &w, None, K, N);
    reference::activate("relu", &mut expected);
    let ordinary = ordinary(&w);
    let lowered = lower(&ordinary, &LowerOptions::default(), &Learned::default(), &NoExternalData).unwrap();
    assert!(lowered.model.nodes().any(|at| at.node.domain() == DOMAIN));
    if env::var_os(LOADED).is_some() {
        Runtime::load(&Default::default()).unwrap();
    }
    let (x, start) = (tensor(&[ROWS, K], &x), Barrier::new(THREADS));
    thread::scope(|scope| {
        for number in 0..THREADS {
            let model = if number % 2 == 0 { &lowered.model } else { &ordinary };
            let (x, start, expected) = (&x, &start, &expected);
            scope.spawn(move || {
                start.wait();
                let session = Session::from_model(model, &threads(1)).unwrap();
                let y = run(&session, &[("x", x)]).unwrap();
                assert_close(y.as_slice().unwrap(), expected, 2e-5, "one of the first sessions");
            });
        }
    });
}

/// With several versions of ONNX Runtime, none of which guards its list of domains. What Ortlet does about that is looked
/// at by the tests of `engine::runtime::own_operators`; here it would only sometimes be noticed.
#[test]
fn processes_begin_with_many_sessions() {
    let place = |name| PathBuf::from(env::var_os(name).expect("run `cargo xtask test`"));
    let others = place("ORTLET_TEST_RUNTIMES");
    for runtime in [place("ORTLET_RUNTIME"), others.join("1.24.1"), others.join("1.27.0")] {
        for number in 0..PROCESSES {
            let mut child = process::child("begins_with_many_sessions");
            child.env("ORTLET_RUNTIME", &runtime);
            if number % 2 == 0 {
                child.env(LOADED, "1");
            }
            let output = child.output().unwrap();
            let words =
                [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
            let is_right = output.status.success() && words[0].contains("1 passed");
            assert!(is_right, "{}: {}: {}", runtime.display(), output.status, words.concat());
        }
    }
}
