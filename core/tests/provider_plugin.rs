//! A real plug-in library with an execution provider: registered by path, then asked for by name.
#![cfg(target_arch = "x86_64")]

mod common;

use common::{model, setting};
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::tensor::{DType, Tensor};
use ortlet::{ErrorCode, Provider, Session, SessionOptions};

#[test]
fn a_plug_in_is_registered_by_path() {
    let runtime = Runtime::load(&RuntimeOptions::default()).unwrap();
    let library = setting("ORTLET_TEST_RUNTIMES")
        .join("openvino-plugin")
        .join("libonnxruntime_providers_openvino_plugin.so");
    runtime.register_provider_library("openvino", &library).unwrap();
    let twice = runtime.register_provider_library("openvino", &library).unwrap_err();
    assert_eq!(twice.code(), ErrorCode::RuntimeFailed, "{twice}");

    let options = SessionOptions { providers: vec![Provider::new("openvino")], ..Default::default() };
    let loaded = Session::load(model("magika/model.onnx"), &options);
    if runtime.providers().contains(&"openvino".to_owned()) {
        let bytes = Tensor::zeros(DType::I32, [1, 2048]).unwrap();
        assert!(loaded.unwrap().run([("bytes", &bytes)]).is_ok());
    } else {
        // This plug-in offers itself for Intel's devices only.
        let error = loaded.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        assert!(error.to_string().contains("(available: azure, cpu)"), "{error}");
    }
}
