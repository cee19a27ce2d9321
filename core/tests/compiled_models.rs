//! Compiled models compute, to the bit, what the models that they were made from compute.

mod common;

use std::path::Path;

use common::{Case, folder, reference, two_threads};
use ortlet::{Cache, CacheOutcome, Origin, Outputs, Session, SessionOptions};

/// Runs a case's steps, feeding what is carried from step to step.
fn check(case: &Case, session: &Session) {
    let mut previous: Option<Outputs> = None;
    for (number, step) in case.steps.iter().enumerate() {
        let mut inputs = reference().inputs(step);
        for (input, output) in &step.carried {
            let value = previous.as_mut().and_then(|outputs| outputs.remove(output)).unwrap();
            inputs.insert(input.clone(), value);
        }
        let outputs = session.run(&inputs).unwrap();
        for (name, expected) in reference().outputs(step) {
            assert_eq!(outputs[name.as_str()], expected, "{} step {number} output {name}", case.name);
        }
        previous = Some(outputs);
    }
}

fn cached(place: &Path) -> SessionOptions {
    SessionOptions { cache: Cache::Folder(place.to_owned()), ..two_threads() }
}

#[test]
fn cached_sessions_give_the_same_bits() {
    let place = folder("compiled_models_cache");
    for case in &reference().cases {
        let load = || Session::load(&case.model, &cached(&place)).unwrap();
        let first = load();
        assert_eq!(first.report().cache.outcome, CacheOutcome::Stored, "{}: {:?}", case.name, first.report());
        check(case, &first);
        let second = load();
        let report = second.report();
        assert_eq!(report.cache.outcome, CacheOutcome::Hit, "{}: {report:?}", case.name);
        assert_eq!(report.origin, Origin::ArtifactDevice);
        assert_eq!(report.warnings, [""; 0]);
        check(case, &second);
        assert!(second.report().phases.first_run_ns.is_some());
    }
}

#[test]
fn artifacts_give_the_same_bits_after_being_moved() {
    let place = folder("compiled_models_artifact");
    for case in &reference().cases {
        let artifact = place.join("a.ortlet");
        let report = ortlet::compile(&case.model, &artifact, &two_threads()).unwrap();
        assert_eq!(report.file_bytes, artifact.metadata().unwrap().len());
        let moved = place.join(format!("{} moved é.ortlet", case.name));
        std::fs::rename(&artifact, &moved).unwrap();
        let session = Session::load(&moved, &two_threads()).unwrap();
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:?}", session.report());
        check(case, &session);
    }
    let left: Vec<_> = std::fs::read_dir(&place).unwrap().flatten().map(|file| file.file_name()).collect();
    assert_eq!(left.len(), reference().cases.len(), "{left:?}");
}

#[test]
fn other_options_take_the_portable_model() {
    let case = reference().case("minilm");
    let artifact = folder("compiled_models_portable").join("m.ortlet");
    ortlet::compile(&case.model, &artifact, &two_threads()).unwrap();
    let options = SessionOptions { dims: [("batch".into(), 1), ("seq".into(), 16)].into(), ..two_threads() };
    let session = Session::load(&artifact, &options).unwrap();
    let report = session.report();
    assert_eq!(report.origin, Origin::ArtifactPortable);
    assert_eq!(report.portable_reason.as_deref(), Some("made with other session options"));
    assert_eq!(session.inputs()[0].to_string(), "input_ids: int64[1, 16]");
}

#[test]
fn an_artifact_never_replaces_its_model() {
    let model = folder("compiled_models_replace").join("m.ortlet");
    std::fs::copy(&reference().case("magika").model, &model).unwrap();
    let whole = std::fs::read(&model).unwrap();
    let error = ortlet::compile(&model, &model, &two_threads()).unwrap_err();
    assert_eq!(error.code(), ortlet::ErrorCode::InvalidArgument, "{error}");
    assert_eq!(std::fs::read(&model).unwrap(), whole);
}
