//! Damaged and hostile models never take the process down, even where the damage is only ONNX Runtime's to find.
//!
//! Each fixture's variants are loaded, and run where they load, in a process of their own, so that a crash names the
//! variant.

mod damage;
mod fixtures;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use damage::damaged;
use ortlet::tensor::{Dim, Tensor, ValueInfo, ValueType};
use ortlet::{ErrorCode, Session, SessionOptions, Threads};

/// Says to the child which fixture is its own.
const FIXTURE: &str = "ORTLET_TEST_FIXTURE";
/// The most memory that a child may hold at its peak: ONNX Runtime itself and models of some kilobytes.
const MEMORY_KIB: u64 = 600 << 10;

#[test]
fn damaged_models_do_not_take_the_process_down() {
    let mut count = 0;
    for (name, _) in fixtures::all() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(FIXTURE, &name)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        let tries: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("try ")).collect();
        let last = tries.last().copied().unwrap_or("nothing");
        let errors = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{name}: {} after `{last}`\n{errors}", child.status);
        count += tries.len();
    }
    println!("{count} damaged models");
    assert!(count >= 200);
}

#[test]
#[ignore = "started by the test above"]
fn child() {
    let name = std::env::var(FIXTURE).expect("started by the test above");
    let options = SessionOptions {
        threads: Threads::Count(1),
        external_data_folder: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models")),
        ..Default::default()
    };
    for variant in damaged(&fixtures::read(&name), 7) {
        println!("try {}", variant.name);
        match Session::from_bytes(&variant.bytes, &options) {
            Ok(session) => run(&session),
            Err(error) => {
                assert!(!error.to_string().is_empty() && error.code() != ErrorCode::Internal, "{error}");
            }
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < MEMORY_KIB, "{peak_kib} KiB");
}

/// Runs with zeros; right or wrong, it has to come back.
fn run(session: &Session) {
    let inputs: BTreeMap<&str, Tensor> =
        session.inputs().iter().filter_map(|info| Some((info.name.as_str(), zeros(info)?))).collect();
    if inputs.len() == session.inputs().len() {
        let _ = session.run(&inputs);
    }
}

/// A small tensor of the declared type, if it is one.
fn zeros(info: &ValueInfo) -> Option<Tensor> {
    let ValueType::Tensor { dtype, shape } = &info.value_type else { return None };
    let size = |dim: &Dim| if let Dim::Fixed(size) = dim { *size } else { 2 };
    let dims: Vec<usize> = shape.dims()?.iter().map(size).collect();
    if dims.iter().product::<usize>() > 1 << 20 {
        return None;
    }
    Tensor::zeros(*dtype, dims).ok()
}
