//! Artifacts that were made for another device, version or model: refused with a reason, and the portable model runs.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Case, cached, check, child, folder, reference, setting, two_threads};
use ortlet::artifact::{Artifact, ArtifactWriter, DeviceKey, EXTERNAL_LOCATION};
use ortlet::model::{MemoryFiles, Model, NoExternalData};
use ortlet::tensor::Value;
use ortlet::{CacheOutcome, Origin, Session, SessionOptions};

/// Tells a child where its parent's artifacts are.
const PLACE: &str = "ORTLET_TEST_PLACE";
const OLD_RUNTIME: &str = "1.24.1";
fn case() -> &'static Case {
    reference().case("transformer-int8")
}

fn compiled(place: &Path) -> PathBuf {
    let path = place.join("a.ortlet");
    ortlet::compile(&case().model, &path, &two_threads()).unwrap();
    path
}

/// The artifact with another key on its only device.
fn with_key(path: &Path, change: impl FnOnce(&mut DeviceKey)) -> PathBuf {
    let artifact = Artifact::open(path).unwrap();
    let mut writer = artifact.to_writer().unwrap();
    let mut key = writer.remove_device(0).unwrap();
    change(&mut key);
    let model = Model::parse(artifact.device(0).unwrap().model).unwrap();
    let files = MemoryFiles::from_iter([(EXTERNAL_LOCATION, fs::read(path).unwrap())]);
    writer.set_device(key, &model, &files, Vec::new()).unwrap();
    let target = path.with_extension("foreign.ortlet");
    write(&writer, &target);
    target
}

fn write(writer: &ArtifactWriter, path: &Path) {
    let mut file = Vec::new();
    let mut sink = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok(())
    };
    writer.write_to(&mut sink).unwrap();
    fs::write(path, file).unwrap();
}

fn assert_portable(path: &Path, reason: &str) {
    let session = Session::load(path, &two_threads()).unwrap();
    let report = session.report();
    assert_eq!(report.origin, Origin::ArtifactPortable);
    assert!(report.portable_reason.as_deref().is_some_and(|given| given.contains(reason)), "{report:?}");
    check(case(), &session);
}

fn assert_device(path: &Path) {
    let session = Session::load(path, &two_threads()).unwrap();
    assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:?}", session.report());
    check(case(), &session);
}

#[test]
fn foreign_keys_take_the_portable_model() {
    let path = compiled(&folder("artifact_keys_foreign"));
    type Change = fn(&mut DeviceKey);
    let changes: [(Change, &str); 8] = [
        (|key| key.cpu_features.push("amx".into()), "made for a CPU with amx, which this one lacks"),
        (|key| key.cpu_features.clear(), "made for a CPU without "),
        (|key| key.cpu_model = Some("Abacus".into()), "made for CPU Abacus"),
        (|key| key.runtime_version = "1.99.0".into(), "made for ONNX Runtime 1.99.0, this is 1."),
        (|key| key.runtime_build = "another".into(), "made for ONNX Runtime build another"),
        (|key| key.architecture = "pdp11".into(), "made for architecture pdp11"),
        (|key| key.ortlet_version = "99.0.0".into(), "made for Ortlet 99.0.0"),
        (|key| key.model_digest = "0".repeat(64), "made from another model"),
    ];
    for (change, reason) in changes {
        assert_portable(&with_key(&path, change), reason);
    }
    assert_device(&with_key(&path, |_| {}));
}

#[test]
fn a_section_for_this_device_is_added_to_the_others() {
    let place = folder("artifact_keys_added");
    let foreign = with_key(&compiled(&place), |key| key.cpu_features = vec!["amx".into()]);
    let both = place.join("both.ortlet");
    let report = ortlet::compile(&foreign, &both, &two_threads()).unwrap();
    assert_eq!(report.device_count, 2);
    assert_device(&both);
    assert_portable(&foreign, "amx");
    let [before, after] = [&foreign, &both].map(|path| Artifact::open(path).unwrap());
    let [old, kept] = [&before, &after].map(|artifact| artifact.device(0).unwrap());
    assert_eq!(old.manifest.key, kept.manifest.key);
    assert_eq!(old.manifest.prepacked_bytes, kept.manifest.prepacked_bytes);
    assert_eq!(after.manifest().devices[1].key, report.key);
    assert_eq!(before.manifest().model, after.manifest().model);
    // Once more changes nothing.
    let again = ortlet::compile(&both, &both, &two_threads()).unwrap();
    assert_eq!((again.device_count, again.key), (2, report.key));
    assert_device(&both);
}

/// Of a model that ONNX Runtime packs alike each time: on processors with AMX it leaves the padding of packed 8-bit
/// weights as it found the memory.
#[test]
fn what_is_the_same_for_several_devices_is_stored_once() {
    let place = folder("artifact_keys_once");
    let path = place.join("a.ortlet");
    ortlet::compile(&reference().case("silero-vad").model, &path, &two_threads()).unwrap();
    let foreign = with_key(&path, |key| key.cpu_features = vec!["abacus".into()]);
    let both = place.join("both.ortlet");
    let size = ortlet::compile(&foreign, &both, &two_threads()).unwrap().file_bytes;
    assert!(size < foreign.metadata().unwrap().len() * 3 / 2, "{size}");
}

#[test]
fn an_artifact_without_devices_runs() {
    let place = folder("artifact_keys_none");
    let path = compiled(&place);
    let model = Model::open(&case().model).unwrap();
    let about = Artifact::open(&path).unwrap().manifest().model.clone();
    fs::remove_file(&path).unwrap();
    write(&ArtifactWriter::new(&model, &NoExternalData, about).unwrap(), &path);
    assert_portable(&path, "the artifact has no device sections");
}

#[test]
fn a_foreign_cache_entry_takes_the_portable_model() {
    let place = folder("artifact_keys_cache");
    Session::load(&case().model, &cached(&place)).unwrap();
    let entry = place.join(common::files(&place, ".ortlet").remove(0));
    let foreign = with_key(&entry, |key| key.cpu_features = vec!["amx".into()]);
    fs::rename(foreign, &entry).unwrap();
    let session = Session::load(&case().model, &cached(&place)).unwrap();
    let report = session.report();
    assert_eq!((report.cache.outcome, report.origin), (CacheOutcome::Hit, Origin::ArtifactPortable));
    assert!(report.warnings[0].contains("amx"), "{:?}", report.warnings);
    check(case(), &session);
}

#[test]
fn another_onnx_runtime_takes_the_portable_model_and_adds_its_own() {
    let place = folder("artifact_keys_runtime");
    for Case { name, model, .. } in cases() {
        ortlet::compile(model, artifact(&place, name), &two_threads()).unwrap();
        Session::load(model, &cached(&place)).unwrap();
    }
    let old = setting("ORTLET_TEST_RUNTIMES").join(OLD_RUNTIME);
    let status =
        child("uses_another_runtime").env(PLACE, &place).env("ORTLET_RUNTIME", old).status().unwrap();
    assert!(status.success());
    // What the other one has added to does not lose what was there.
    for Case { name, model, .. } in cases() {
        let session = Session::load(artifact(&place, name), &two_threads()).unwrap();
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{name}: {:?}", session.report());
        check(reference().case(name), &session);
        let hit = Session::load(model, &cached(&place)).unwrap();
        assert_eq!(hit.report().cache.outcome, CacheOutcome::Hit, "{name}");
    }
}

fn artifact(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{name}.ortlet"))
}

/// All but the largest: both runtimes compile each twice.
fn cases() -> impl Iterator<Item = &'static Case> {
    reference().cases.iter().filter(|case| case.name != "minilm")
}

/// All outputs of a case's first step.
fn run(name: &str, session: &Session) -> Vec<(String, Value)> {
    let outputs = session.run(&reference().inputs(&reference().case(name).steps[0])).unwrap();
    let names = session.outputs().iter().map(|info| info.name.clone());
    names.map(|name| (name.clone(), outputs[name.as_str()].clone())).collect()
}

#[test]
#[ignore = "started by the test above"]
fn uses_another_runtime() {
    let place = setting(PLACE);
    for Case { name, model, .. } in cases() {
        // This runtime's own results: another one may round otherwise.
        let plain = Session::load(model, &two_threads()).unwrap();
        let expected = run(name, &plain);
        let same =
            |session: &Session| assert_eq!(run(name, session), expected, "{name}: {:?}", session.report());

        let path = artifact(&place, name);
        let portable = Session::load(&path, &two_threads()).unwrap();
        let reason = portable.report().portable_reason.unwrap();
        assert!(
            reason.starts_with("made for ONNX Runtime ") && reason.ends_with("this is 1.24.1"),
            "{reason}"
        );
        same(&portable);
        assert_eq!(ortlet::compile(&path, &path, &two_threads()).unwrap().device_count, 2, "{name}");
        let device = Session::load(&path, &two_threads()).unwrap();
        assert_eq!(device.report().origin, Origin::ArtifactDevice, "{name}: {:?}", device.report());
        same(&device);

        for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
            let options = SessionOptions { verify: true, ..cached(&place) };
            let session = Session::load(model, &options).unwrap();
            assert_eq!(session.report().cache.outcome, outcome, "{name}: {:?}", session.report());
            same(&session);
        }
        same(&plain);
    }
}
