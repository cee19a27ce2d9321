//! Runs the tests of the Python part of the benchmark `quantize`.

use std::env;
use std::path::Path;
use std::process::Command;

#[test]
fn figures_and_splits_are_right() {
    let python =
        env::var_os("ORTLET_TEST_PYTHON").expect("ORTLET_TEST_PYTHON is not set: run `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/quantize/test_figures.py");
    let output = Command::new(python).arg("-B").arg(script).output().expect("run Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
