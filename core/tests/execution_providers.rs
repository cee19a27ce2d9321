//! An execution provider that is not the CPU's, in the build of ONNX Runtime that has it: by name, with options.
#![cfg(target_arch = "x86_64")]

mod common;

use common::{reference, setting};
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::{ErrorCode, Provider, Session, SessionOptions};

/// OpenVINO on the CPU, by its short name.
fn openvino() -> Provider {
    let options = [("device_type".to_owned(), "CPU".to_owned())].into();
    Provider { name: "openvino".into(), options }
}

fn load(provider: Provider) -> ortlet::Result<Session> {
    let options = SessionOptions { providers: vec![provider], ..Default::default() };
    Session::load(&reference().case("magika").model, &options)
}

/// Another engine rounds otherwise, so equal bits would mean that it was not used.
fn check_close_but_not_equal(session: &Session) {
    for step in &reference().case("magika").steps {
        let outputs = session.run(&reference().inputs(step)).unwrap();
        let actual = outputs["target_label"].as_tensor().unwrap().as_slice::<f32>().unwrap();
        let expected = reference().outputs(step).remove("target_label").unwrap().into_tensor().unwrap();
        let expected = expected.as_slice::<f32>().unwrap();
        let worst = actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-2, "{worst}");
        assert_ne!(actual, expected);
    }
}

#[test]
fn openvino_runs_by_name() {
    let place = setting("ORTLET_TEST_RUNTIMES").join("openvino");
    let runtime = Runtime::load(&RuntimeOptions { path: Some(place), folders: vec![] }).unwrap();
    assert!(runtime.providers().contains(&"openvino".to_owned()), "{:?}", runtime.providers());
    check_close_but_not_equal(&load(openvino()).unwrap());

    let mut wrong = openvino();
    wrong.options.insert("no_such_option".into(), "1".into());
    let error = load(wrong).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeFailed, "{error}");
    assert!(error.to_string().contains("`openvino`"), "{error}");

    let error = load(Provider::new("abacus")).unwrap_err();
    assert!(error.to_string().contains("`abacus` not found (available: "), "{error}");
    assert!(error.to_string().contains("openvino"), "{error}");
}
