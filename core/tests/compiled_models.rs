//! Compiled models compute, to the bit, what the models that they were made from compute.

mod common;

use common::{cached, check, folder, reference, two_threads};
use ortlet::artifact::Artifact;
use ortlet::model::{Model, StringStringEntryProto};
use ortlet::{CacheOutcome, Origin, Session, SessionOptions};

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

/// Where in the file the bytes that an entry of external data speaks of start.
fn offsets(entry: &StringStringEntryProto) -> Vec<u64> {
    let (key, value) = (entry.key(), entry.value());
    if key == "offset" {
        return vec![value.parse().unwrap()];
    }
    let buffers = value.split('|').skip(1).filter(|_| key.starts_with("prepacked"));
    buffers.map(|buffer| buffer.split(';').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn weights_of_odd_sizes_start_on_borders() {
    let place = folder("compiled_models_borders");
    for (name, least) in [("odd-sizes", 4), ("small-external", 4), ("transformer-int8", 6)] {
        let artifact = place.join(format!("{name}.ortlet"));
        ortlet::compile(&reference().case(name).model, &artifact, &two_threads()).unwrap();
        let artifact = Artifact::open(&artifact).unwrap();
        let model = Model::parse(artifact.device(0).unwrap().model).unwrap();
        let entries = model.tensors().flat_map(|tensor| &tensor.external_data);
        let offsets: Vec<u64> = entries.flat_map(offsets).collect();
        assert!(offsets.len() >= least, "{name}: {offsets:?}");
        assert!(offsets.iter().all(|offset| offset.is_multiple_of(64)), "{name}: {offsets:?}");
    }
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
