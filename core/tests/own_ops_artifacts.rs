//! Artifacts with Ortlet's own operators: compiled, mapped, moved, damaged, and passed over for the portable model.

mod damage;
mod graphs;
mod own_ops;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use damage::Random;
use graphs::{constant, graph, node, random, value};
use ortlet::artifact::{Artifact, DeviceKey, EXTERNAL_LOCATION, SectionKind};
use ortlet::model::{MemoryFiles, Model};
use ortlet::tensor::{DType, Tensor};
use ortlet::{Cache, CacheOutcome, ErrorCode, Origin, Session, SessionOptions};
use ortlet_kernels::Format;
use own_ops::{LinearCase, Weights, run, tensor, threads};

const K: usize = 256;
const N: usize = 384;
/// When the artifacts that are made here say they were written.
const WRITTEN_S: u64 = 1_700_000_000;

fn weights(format: Format) -> Weights {
    Weights::random(1, K, N, format, true)
}

fn lowered(weights: &Weights) -> Model {
    LinearCase { activation: "relu", norm: "layer", has_beta: true, ..LinearCase::plain(weights) }.model()
}

/// `relu(x W + bias)` by operators that every ONNX Runtime has: not quite what the lowered model gives.
fn portable(weights: &Weights) -> Model {
    let mut made = graphs::model(graph(
        vec![
            node("MatMul", &["x", "w"], &["m"]),
            node("Add", &["m", "bias"], &["a"]),
            node("Relu", &["a"], &["y"]),
        ],
        vec![value("x", DType::F32, &["a", "b", "k"])],
        vec![value("y", DType::F32, &["a", "b", "n"])],
        vec![
            constant("w", &[K, N], &weights.values()),
            constant("bias", &[N], weights.bias.as_deref().unwrap()),
        ],
    ));
    made.producer_name = Some("portable".into());
    made
}

fn x() -> Tensor {
    tensor(&[1, 3, K], &random(4, 3 * K))
}

fn bits(session: &Session) -> Vec<u32> {
    let y = run(session, &[("x", &x())]).unwrap();
    y.as_slice::<f32>().unwrap().iter().map(|value| value.to_bits()).collect()
}

fn folder(name: &str) -> PathBuf {
    let version = ortlet::runtime::Runtime::load(&Default::default()).unwrap().version();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("own_ops_artifacts_{name}_{version}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(model: &Model, path: &Path) -> PathBuf {
    fs::write(path, model.to_bytes().unwrap()).unwrap();
    path.to_owned()
}

fn compiled(model: &Model, place: &Path, name: &str) -> PathBuf {
    let file = write(model, &place.join(format!("{name}.onnx")));
    let artifact = place.join(format!("{name}.ortlet"));
    ortlet::compile(file, &artifact, &threads(2)).unwrap();
    artifact
}

fn load(path: &Path) -> Session {
    Session::load(path, &threads(2)).unwrap()
}

#[test]
fn lowered_models_are_compiled_and_mapped() {
    let place = folder("compiled");
    for format in own_ops::FORMATS {
        let model = lowered(&weights(format));
        let expected = bits(&Session::from_model(&model, &threads(2)).unwrap());
        let path = compiled(&model, &place, &format!("{format:?}"));
        let moved = place.join(format!("{format:?} moved.ortlet"));
        fs::rename(&path, &moved).unwrap();
        let session = load(&moved);
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:?}", session.report());
        assert_eq!(bits(&session), expected, "{format:?}");

        // The weights lie on borders of 64 bytes, once for both models, so that kernels read them where they are.
        let artifact = Artifact::open(&moved).unwrap();
        let part = artifact.device(0).unwrap();
        let device = Model::parse(part.model).unwrap();
        let place_of = |model: &Model| {
            let tensor = model.tensors().find(|tensor| tensor.name() == "w").unwrap();
            tensor.external_location().unwrap().unwrap()
        };
        let location = place_of(&device);
        assert!(location.offset_bytes.is_multiple_of(64));
        assert_eq!(location.length_bytes, Some(weights(format).blob.len() as u64));
        assert_eq!(location, place_of(&Model::parse(artifact.portable_model()).unwrap()));
        assert!(part.data.end - part.data.start < 8192, "{:?}", part.data);
    }
}

#[test]
fn lowered_models_go_through_the_cache() {
    let place = folder("cache");
    let model = lowered(&weights(Format::Int8));
    let file = write(&model, &place.join("m.onnx"));
    let options = SessionOptions { cache: Cache::Folder(place.join("cache")), ..threads(2) };
    let expected = bits(&Session::from_model(&model, &threads(2)).unwrap());
    for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
        let session = Session::load(&file, &options).unwrap();
        assert_eq!(session.report().cache.outcome, outcome, "{:?}", session.report());
        assert_eq!(bits(&session), expected);
    }
}

/// What this process has of its own, in bytes.
#[cfg(target_os = "linux")]
fn private_bytes(session: &Session) -> u64 {
    session.report().private_bytes.unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn weights_of_artifacts_stay_in_the_file() {
    let place = folder("memory");
    let weights = Weights::random(1, 1024, 4096, Format::Fp32, false);
    let path = compiled(&LinearCase::plain(&weights).model(), &place, "large");
    let bytes = weights.blob.len() as u64;
    assert!(bytes > 16 << 20);
    drop(weights);
    // Loaded before, so that only what a session adds is seen.
    let first = load(&path);
    let before = private_bytes(&first);
    let session = load(&path);
    let x = tensor(&[1, 1, 1024], &random(4, 1024));
    run(&session, &[("x", &x)]).unwrap();
    let added = private_bytes(&session).saturating_sub(before);
    // Other tests of this program may run meanwhile, so this is no tighter.
    assert!(added < bytes / 2, "{added} bytes for weights of {bytes}");
}

/// An artifact whose portable model is the ordinary one, and whose device has the lowered one.
fn both_forms(place: &Path, change: impl FnOnce(&mut DeviceKey)) -> PathBuf {
    let weights = weights(Format::Int8);
    let lowered = compiled(&lowered(&weights), place, "lowered");
    let plain = compiled(&portable(&weights), place, "plain");
    let (from, plain) = (Artifact::open(&lowered).unwrap(), Artifact::open(&plain).unwrap());
    let mut writer = plain.to_writer().unwrap();
    let mut key = writer.remove_device(0).unwrap();
    change(&mut key);
    let device = Model::parse(from.device(0).unwrap().model).unwrap();
    let files = MemoryFiles::from_iter([(EXTERNAL_LOCATION, fs::read(&lowered).unwrap())]);
    writer.set_device(key, &device, &files, Vec::new()).unwrap();
    // Which makes the file one that nobody has touched.
    writer.written_mtime_ns = Some(WRITTEN_S * 1_000_000_000);
    let target = place.join("both.ortlet");
    let mut file = Vec::new();
    writer
        .write_to(&mut |bytes| {
            file.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    overwrite(&target, &file, Some(written()));
    target
}

fn written() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(WRITTEN_S)
}

#[test]
fn other_devices_take_the_portable_model() {
    let place = folder("portable");
    let weights = weights(Format::Int8);
    let expected_portable = bits(&Session::from_model(&portable(&weights), &threads(2)).unwrap());
    let expected_lowered = bits(&Session::from_model(&lowered(&weights), &threads(2)).unwrap());
    assert_ne!(expected_portable, expected_lowered);
    let session = load(&both_forms(&place, |_| {}));
    assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:?}", session.report());
    assert_eq!(bits(&session), expected_lowered);
    type Change = fn(&mut DeviceKey);
    let changes: [(Change, &str); 4] = [
        (|key| key.cpu_features.push("amx".into()), "made for a CPU with amx"),
        (|key| key.runtime_version = "1.99.0".into(), "made for ONNX Runtime 1.99.0"),
        (|key| key.ortlet_version = "99.0.0".into(), "made for Ortlet 99.0.0"),
        (|key| key.architecture = "pdp11".into(), "made for architecture pdp11"),
    ];
    for (change, reason) in changes {
        let session = load(&both_forms(&place, change));
        let report = session.report();
        assert_eq!(report.origin, Origin::ArtifactPortable);
        assert!(report.portable_reason.as_deref().is_some_and(|given| given.contains(reason)), "{report:?}");
        assert_eq!(bits(&session), expected_portable);
    }
}

/// Writes a file as if nobody had touched it.
fn overwrite(path: &Path, bytes: &[u8], modified: Option<SystemTime>) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    if let Some(modified) = modified {
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }
}

/// Where in the file the first device's packed weights are.
fn place_of_weights(artifact: &Artifact) -> usize {
    let model = Model::parse(artifact.device(0).unwrap().model).unwrap();
    let tensor = model.tensors().find(|tensor| tensor.name() == "w").unwrap();
    tensor.external_location().unwrap().unwrap().offset_bytes as usize
}

#[test]
fn damaged_weights_never_crash() {
    let place = folder("damaged");
    let weights = weights(Format::Bf16);
    let path = compiled(&lowered(&weights), &place, "a");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let whole = fs::read(&path).unwrap();
    let artifact = Artifact::open(&path).unwrap();
    let data = artifact.sections().iter().find(|section| section.kind == SectionKind::PortableData).unwrap();
    let start = place_of_weights(&artifact);
    assert!(data.range().contains(&(start as u64)));
    let expected = bits(&load(&path));
    let mut random = Random(3);
    let headers = (0..72).map(|at| (at, true));
    let payload: Vec<_> = (0..24).map(|_| (128 + random.below(weights.blob.len() - 128), false)).collect();
    for (at, is_header) in headers.chain(payload) {
        let mut damaged = whole.clone();
        damaged[start + at] ^= 1 << random.below(8);
        // Touched or to be verified: found before anything is made of it.
        overwrite(&path, &damaged, None);
        assert_eq!(Session::load(&path, &threads(2)).unwrap_err().code(), ErrorCode::Integrity);
        overwrite(&path, &damaged, Some(modified));
        let verified = SessionOptions { verify: true, ..threads(2) };
        assert_eq!(Session::load(&path, &verified).unwrap_err().code(), ErrorCode::Integrity);
        // Otherwise nobody has looked at the data; the kernels still look at the header. Here the portable model has
        // the same weights.
        match Session::load(&path, &threads(2)) {
            Err(error) => assert!(is_header && error.to_string().contains("own"), "byte {at}: {error}"),
            Ok(session) => {
                assert!(!is_header || (56..64).contains(&at), "byte {at} of the header was not looked at");
                let _ = bits(&session);
            }
        }
    }
    overwrite(&path, &whole, Some(modified));
    assert_eq!(bits(&load(&path)), expected);
}

#[test]
fn a_device_that_cannot_be_used_gives_way_to_the_portable_model() {
    let place = folder("gives_way");
    let path = both_forms(&place, |_| {});
    assert_eq!(load(&path).report().origin, Origin::ArtifactDevice);
    let mut bytes = fs::read(&path).unwrap();
    let start = place_of_weights(&Artifact::open(&path).unwrap());
    // Another version of the layout.
    bytes[start + 8] = 200;
    overwrite(&path, &bytes, Some(written()));
    let session = load(&path);
    let report = session.report();
    assert_eq!(report.origin, Origin::ArtifactPortable);
    let reason = report.portable_reason.unwrap();
    assert!(reason.contains("version 200"), "{reason}");
    let expected = Session::from_model(&portable(&weights(Format::Int8)), &threads(2)).unwrap();
    assert_eq!(bits(&session), bits(&expected));
}

/// Every other test of this file once more in processes with other versions of ONNX Runtime.
#[test]
fn older_runtimes_do_the_same() {
    let runtimes = PathBuf::from(std::env::var_os("ORTLET_TEST_RUNTIMES").expect("run `cargo xtask test`"));
    for version in ["1.24.1", "1.27.0"] {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        let tests = tests.args(["--skip", "older_runtimes"]).env("ORTLET_RUNTIME", runtimes.join(version));
        let output = tests.output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{version}: {words}");
        assert!(words.contains("6 passed"), "{version}: {words}");
    }
}
