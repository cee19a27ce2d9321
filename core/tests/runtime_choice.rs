//! Finding ONNX Runtime: wrong places are named, old versions refused, and the first success decides.
//!
//! A single test, because a process has one runtime and the order of the steps matters.

mod common;

use common::{folder, model, setting};
use ortlet::runtime::{Runtime, RuntimeOptions, doctor};
use ortlet::{ErrorCode, ErrorKind, Session, SessionOptions};

fn at(path: impl Into<std::path::PathBuf>) -> RuntimeOptions {
    RuntimeOptions { path: Some(path.into()), folders: vec![] }
}

#[test]
fn the_runtime_is_chosen_once() {
    let runtimes = setting("ORTLET_TEST_RUNTIMES");
    let place = folder("runtime_choice");

    let error = Runtime::load(&at(place.join("missing.so"))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeNotFound);
    assert!(error.to_string().contains("missing.so (not there)"), "{error}");
    assert!(error.to_string().contains("pip install onnxruntime"), "{error}");

    let ErrorKind::RuntimeNotFound { searched, .. } = Runtime::load(&at(&place)).unwrap_err().kind().clone()
    else {
        panic!("an empty folder has no runtime");
    };
    assert_eq!(searched.len(), 1);

    std::fs::write(place.join("libonnxruntime.so"), "not a library").unwrap();
    let error = Runtime::load(&at(place.join("libonnxruntime.so"))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeNotFound);
    assert!(error.to_string().contains("cannot be loaded"), "{error}");

    let other = runtimes.join("1.31.1/libonnxruntime_providers_shared.so");
    let error = Runtime::load(&at(other)).unwrap_err();
    assert!(error.to_string().contains("is not ONNX Runtime"), "{error}");

    let old = runtimes.join("1.23.2");
    let error = Runtime::load(&at(&old)).unwrap_err();
    let ErrorKind::RuntimeIncompatible { path, version, minimum } = error.kind() else { panic!("{error}") };
    assert!(path.contains("1.23.2"));
    assert_eq!((version.as_str(), minimum.as_str()), ("1.23.2", "1.24"));

    let report = doctor(&at(&old));
    assert!(report.runtime.found.is_none() && report.runtime.error.unwrap().contains("1.23.2"));
    assert!(!report.advice.is_empty());

    assert!(Runtime::loaded().is_none());
    // The oldest version that is promised to work does.
    let oldest = runtimes.join("1.24.1");
    let runtime = Runtime::load(&at(&oldest)).unwrap();
    assert_eq!(runtime.version(), "1.24.1");
    assert!(runtime.path().starts_with(&oldest));
    assert!(runtime.providers().contains(&"cpu".to_owned()));
    assert!(Runtime::load(&RuntimeOptions::default()).is_ok());
    assert!(Runtime::load(&at(&oldest)).is_ok());
    let error = Runtime::load(&at(runtimes.join("1.31.1"))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("already loaded"), "{error}");

    let options = SessionOptions { runtime: at(&oldest), ..Default::default() };
    let session = Session::load(model("magika/model.onnx"), &options).unwrap();
    let bytes = ortlet::tensor::Tensor::zeros(ortlet::tensor::DType::I32, [1, 2048]).unwrap();
    let outputs = session.run([("bytes", &bytes)]).unwrap();
    let scores = outputs["target_label"].as_tensor().unwrap().as_slice::<f32>().unwrap();
    assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-4);

    let report = doctor(&RuntimeOptions::default());
    assert_eq!(report.runtime.found.unwrap().version, "1.24.1");
}
