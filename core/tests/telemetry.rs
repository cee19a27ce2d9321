//! Loading and running leaves nothing behind: no database, no identifier, no thread of ONNX Runtime's telemetry.

mod common;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use common::model;
use ortlet::tensor::Tensor;
use ortlet::{Session, SessionOptions};

/// Set for the process that runs the model.
const CHILD: &str = "ORTLET_TEST_TELEMETRY_CHILD";

#[test]
fn a_model_is_run_when_asked() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let session = Session::load(model("magika/model.onnx"), &SessionOptions::default()).unwrap();
    let bytes = Tensor::from_vec([1, 2048], vec![7_i32; 2048]).unwrap();
    session.run([("bytes", &bytes)]).unwrap();
}

#[test]
fn nothing_is_left_behind() {
    let home = env::temp_dir().join(format!("ortlet-telemetry-{}", std::process::id()));
    fs::create_dir(&home).unwrap();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "a_model_is_run_when_asked"]).env(CHILD, "1");
    for folder in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"]
    {
        child.env(folder, &home);
    }
    let output = child.env_remove("ORT_DISABLE_TELEMETRY").current_dir(&home).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let left = files(&home);
    fs::remove_dir_all(&home).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.display().to_string()).collect()
}
