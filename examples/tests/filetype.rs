//! The file-type example tells its own sources apart.
#![allow(missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output};

fn filetype(files: &[&str]) -> Output {
    let models = std::env::var_os("ORTLET_TEST_MODELS")
        .expect("ORTLET_TEST_MODELS is not set: run `cargo xtask test`");
    let magika = PathBuf::from(models).join("magika");
    assert!(magika.is_dir(), "{} is missing: run `cargo xtask test`", magika.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_filetype"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("--model").arg(magika.join("model.onnx")).arg("--config").arg(magika.join("config.min.json"));
    command.args(files).output().unwrap()
}

#[test]
fn sources_are_told_apart() {
    let output =
        filetype(&["filetype/main.rs", "Cargo.toml", "../tests/reference/reference.py", "filetype", "none"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let label = |path: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{path} "))).unwrap();
        line[path.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(label("filetype/main.rs"), "rust");
    assert_eq!(label("Cargo.toml"), "toml");
    assert_eq!(label("../tests/reference/reference.py"), "python");
    assert_eq!(label("filetype"), "directory");
    assert!(label("none").starts_with('('));
    assert!(text.contains("load ") && text.contains("p99 ") && text.contains("over 3 runs"), "{text}");
}

#[test]
fn without_a_model_it_says_what_is_needed() {
    let output = Command::new(env!("CARGO_BIN_EXE_filetype")).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("--model"));
}
