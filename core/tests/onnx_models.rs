//! Every model that the onnx package brings along is read, found valid and written back byte for byte.

use std::path::{Path, PathBuf};

use ortlet::model::Model;

/// Every `.onnx` file below `folder`.
fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "onnx") {
            found.push(path);
        }
    }
}

#[test]
fn the_models_of_the_onnx_package_survive() {
    let folder = std::env::var_os("ORTLET_TEST_ONNX")
        .expect("ORTLET_TEST_ONNX names no folder with the unpacked onnx package; run `cargo xtask test`");
    let mut paths = Vec::new();
    models(Path::new(&folder), &mut paths);
    assert!(paths.len() >= 100, "only {} models below {}", paths.len(), folder.display());
    for path in paths {
        let bytes = std::fs::read(&path).expect("the file is readable");
        let model = Model::parse(bytes.clone()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        model.validate().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(model.to_bytes().expect("the model can be written") == bytes, "{}", path.display());
        assert_eq!(model.report().node_count, model.nodes().count() as u64);
    }
}
