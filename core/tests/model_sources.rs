//! Models by path, by bytes, as objects, in ORT format, with data outside; optional inputs without a value.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{folder, model, reference, two_threads};
use ortlet::model::Model;
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{ErrorCode, Session, SessionOptions};

fn magika_input() -> Value {
    let case = reference().case("magika");
    reference().inputs(&case.steps[0]).remove("bytes").unwrap()
}

fn magika_output() -> Value {
    let case = reference().case("magika");
    reference().outputs(&case.steps[0]).remove("target_label").unwrap()
}

fn run(session: &Session, input: &Value) -> Value {
    session.run([("bytes", input)]).unwrap().remove("target_label").unwrap()
}

#[test]
fn path_bytes_and_model_give_the_same() {
    let path = model("magika/model.onnx");
    let bytes = fs::read(&path).unwrap();
    let opened = Model::open(&path).unwrap();
    for session in [
        Session::load(&path, &two_threads()),
        Session::from_bytes(&bytes, &two_threads()),
        Session::from_model(&opened, &two_threads()),
    ] {
        assert_eq!(run(&session.unwrap(), &magika_input()), magika_output());
    }
}

#[test]
fn ort_format_is_known_by_its_content() {
    let ort = reference().folder.join("magika.ort");
    let renamed = folder("model_sources_ort").join("magika.bin");
    fs::copy(&ort, &renamed).unwrap();
    let from_bytes = Session::from_bytes(&fs::read(&ort).unwrap(), &two_threads());
    for session in [Session::load(&ort, &two_threads()), Session::load(&renamed, &two_threads()), from_bytes]
    {
        assert_eq!(run(&session.unwrap(), &magika_input()), magika_output());
    }
}

/// A copy of the model whose weights lie in `weights.bin`.
fn external(name: &str) -> PathBuf {
    let place = folder(name);
    for file in ["external.onnx", "weights.bin"] {
        fs::copy(reference().folder.join("external").join(file), place.join(file)).unwrap();
    }
    place
}

fn load(folder: &Path) -> ortlet::Result<Session> {
    Session::load(folder.join("external.onnx"), &two_threads())
}

#[test]
fn external_data_is_read_from_the_models_folder() {
    let place = external("external");
    assert_eq!(run(&load(&place).unwrap(), &magika_input()), magika_output());

    let bytes = fs::read(place.join("external.onnx")).unwrap();
    let error = Session::from_bytes(&bytes, &two_threads()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
    assert!(error.to_string().contains("external_data_folder"), "{error}");
    let options = SessionOptions { external_data_folder: Some(place.clone()), ..two_threads() };
    assert_eq!(run(&Session::from_bytes(&bytes, &options).unwrap(), &magika_input()), magika_output());
    let opened = Model::open(place.join("external.onnx")).unwrap();
    assert_eq!(run(&Session::from_model(&opened, &options).unwrap(), &magika_input()), magika_output());
}

#[test]
fn external_data_that_is_missing_or_short_is_named() {
    let place = external("external_missing");
    let weights = place.join("weights.bin");
    fs::OpenOptions::new().write(true).open(&weights).unwrap().set_len(1000).unwrap();
    let error = load(&place).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
    assert!(error.to_string().contains("beyond the 1000 bytes of `weights.bin`"), "{error}");
    fs::remove_file(&weights).unwrap();
    let error = load(&place).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
    fs::create_dir(&weights).unwrap();
    assert_eq!(load(&place).unwrap_err().code(), ErrorCode::InvalidModel);
}

#[cfg(unix)]
#[test]
fn links_may_not_lead_out_of_the_models_folder() {
    use std::os::unix::fs::symlink;
    let place = external("external_link");
    let outside = folder("external_outside");
    fs::rename(place.join("weights.bin"), outside.join("weights.bin")).unwrap();
    symlink(outside.join("weights.bin"), place.join("weights.bin")).unwrap();
    let error = load(&place).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
    assert!(error.to_string().contains("out of the model's folder"), "{error}");

    // Where the model is a link too and its data lies beside the real file, both belong together.
    fs::rename(place.join("external.onnx"), outside.join("model-1234")).unwrap();
    symlink(outside.join("model-1234"), place.join("external.onnx")).unwrap();
    let loaded = load(&place);
    assert_eq!(run(&loaded.unwrap(), &magika_input()), magika_output());
}

#[test]
fn optional_inputs_may_hold_nothing() {
    let session = Session::load(reference().folder.join("has-element.onnx"), &two_threads()).unwrap();
    let has = |value: &Value| {
        let outputs = session.run([("x", value)]).unwrap();
        outputs["has"].as_tensor().unwrap().as_slice::<bool>().unwrap()[0]
    };
    let nothing = Value::Optional(None);
    let some = Value::Optional(Some(Box::new(Tensor::zeros(DType::F32, [2]).unwrap().into())));
    for _ in 0..2 {
        assert!(!has(&nothing));
        assert!(has(&some));
    }
    let left_out = session.run(std::iter::empty::<(&str, &Value)>()).unwrap();
    assert_eq!(left_out["has"].as_tensor().unwrap().as_slice::<bool>().unwrap(), [false]);
    let maker = Session::load(reference().folder.join("make-optional.onnx"), &two_threads()).unwrap();
    let outputs = maker.run(std::iter::empty::<(&str, &Value)>()).unwrap();
    assert_eq!(outputs["y"], Value::Optional(None));
}
