//! The end of a process while threads of Ortlet's are at work: it ends as it was told to, and at once.

mod common;

use std::env;
use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

use common::model;
use ortlet::tensor::Tensor;
use ortlet::{Profile, RunOptions, Session, SessionOptions};

/// Set for the process that ends: how, and how long after its last run in microseconds.
const CHILD: &str = "ORTLET_TEST_PROCESS_END";
const CODE: i32 = 42;

#[test]
fn a_process_ends() {
    let Ok(order) = env::var(CHILD) else { return };
    let (kind, delay_us) = order.split_once(' ').unwrap();
    let profile = if kind == "battery" { Profile::Battery } else { Profile::Latency };
    let options = SessionOptions { profile, ..SessionOptions::default() };
    let session = Session::load(model("magika/model.onnx"), &options).unwrap();
    let bytes = Tensor::from_vec([1, 2048], vec![7_i32; 2048]).unwrap();
    session.run([("bytes", &bytes)]).unwrap();
    let futures: Vec<_> = match kind {
        "async" => {
            (0..20).map(|_| session.run_async([("bytes", bytes.clone())], RunOptions::default())).collect()
        }
        _ => Vec::new(),
    };
    sleep(Duration::from_micros(delay_us.parse().unwrap()));
    if kind == "dropped" {
        drop(session);
    }
    std::mem::forget(futures);
    exit(CODE);
}

#[test]
fn at_any_moment_after_a_run() {
    // The governor gets to work a millisecond after the last run, and a session that is dropped before the end makes
    // the end take longer: that is where two met that must not.
    for (kind, steps, step_us) in
        [("dropped", 40, 40), ("plain", 8, 300), ("battery", 8, 300), ("async", 8, 500)]
    {
        for step in 0..steps {
            let mut child = Command::new(env::current_exe().unwrap());
            child.args(["--exact", "a_process_ends"]).env(CHILD, format!("{kind} {}", step * step_us));
            let output = child.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(CODE), "{kind}, step {step}: {:?}: {said}", output.status);
        }
    }
}
