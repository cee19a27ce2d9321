//! Precisions of Ortlet's own kernels: what they compute, what is said of it, how it is kept, and when it is refused.
//!
//! Nothing here depends on what is faster: whatever is chosen has to be what the report says.

mod common;
mod graphs;
mod lowering;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::{cached, folder, model, two_threads};
use graphs::{constant, graph, node, random, value};
use lowering::{Similarity, check_session, style};
use ortlet::artifact::{Artifact, ArtifactWriter, DeviceKey, EXTERNAL_LOCATION};
use ortlet::lower::{BlockKind, DOMAIN, KernelPrecision};
use ortlet::model::{MemoryFiles, Model};
use ortlet::quantize::PrecisionBlock;
use ortlet::tensor::{DType, Tensor};
use ortlet::{
    Accuracy, Cache, CacheOutcome, CancelToken, ErrorCode, Origin, Precision, PrecisionChoice,
    PrecisionObserver, PrecisionOptions, PrecisionReport, Sample, Samples, Session, SessionOptions,
    choose_precision, compile,
};

/// An encoder of two layers as torch.onnx writes it.
const STYLE: &str = "torch-script";
const WORDS: f32 = 1100.0;

/// How close results have to be, and each block by itself.
fn limits(precision: KernelPrecision) -> (Similarity, f64) {
    match precision {
        KernelPrecision::Fp32 => (Similarity { error: 2e-5, cosine: 0.999_999 }, 0.999_999),
        KernelPrecision::Fp16 => (Similarity { error: 0.01, cosine: 0.9999 }, 0.999_99),
        KernelPrecision::Bf16 => (Similarity { error: 0.05, cosine: 0.999 }, 0.999),
        _ => (Similarity { error: 0.2, cosine: 0.995 }, 0.98),
    }
}

fn written(name: &str) -> (PathBuf, PathBuf) {
    let place = folder(&format!("precision-kernels-{name}"));
    let path = save(&place, &style(STYLE));
    (place, path)
}

fn save(place: &Path, model: &Model) -> PathBuf {
    let path = place.join("model.onnx");
    fs::write(&path, model.to_bytes().unwrap()).unwrap();
    path
}

/// Words, the last few of the second row hidden.
fn sample(seed: u64) -> Sample {
    let (batch, length) = (2, 9 + (seed % 5) as usize);
    let ids = random(seed, batch * length)
        .iter()
        .map(|part| (part.abs() * (WORDS - 1.0)) as i64)
        .collect::<Vec<_>>();
    let mask = (0..batch * length).map(|at| i64::from(at < batch * length - 3)).collect::<Vec<_>>();
    let tensor = |values| Tensor::from_vec([batch, length], values).unwrap().into();
    vec![("input_ids".to_owned(), tensor(ids)), ("attention_mask".to_owned(), tensor(mask))]
}

fn batches(count: u64) -> Samples {
    (100..100 + count).map(sample).collect::<Vec<_>>().into()
}

fn kernels(precision: KernelPrecision) -> SessionOptions {
    SessionOptions { precision: Precision::Kernels(precision), ..two_threads() }
}

fn choose(path: &Path, session: SessionOptions) -> ortlet::Result<PrecisionChoice> {
    choose_precision(path, &PrecisionOptions { session, time_limit_ms: 30_000, ..Default::default() })
}

fn at_least(cosine: f64) -> Accuracy {
    Accuracy { min_cosine: Some(cosine), mean_cosine: Some(cosine), ..Default::default() }
}

fn nothing_off() -> Accuracy {
    Accuracy { min_cosine: None, mean_cosine: None, max_absolute_error: Some(0.0), ..Default::default() }
}

/// What a session gives for a few inputs, to the bit.
fn bits(session: &Session) -> Vec<Vec<u32>> {
    let run = |seed| {
        let inputs = sample(seed);
        let outputs = session.run(inputs.iter().map(|(name, value)| (name, value))).unwrap();
        let y = outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap();
        y.iter().map(|value| value.to_bits()).collect()
    };
    (1..4).map(run).collect()
}

/// Nodes of Ortlet's own operators.
fn own_count(model: &Model) -> usize {
    model.nodes().filter(|at| at.node.domain() == DOMAIN).count()
}

fn own_bits() -> Vec<Vec<u32>> {
    bits(&Session::from_model(&style(STYLE), &two_threads()).unwrap())
}

fn check_json(report: &PrecisionReport) {
    let json = serde_json::to_string(report).unwrap();
    assert_eq!(&serde_json::from_str::<PrecisionReport>(&json).unwrap(), report);
}

/// All blocks of the encoder, each computed with these numbers.
fn check_blocks(report: &PrecisionReport, precision: KernelPrecision) {
    assert!(report.needs_ortlet);
    assert_eq!((report.precision.as_str(), report.chosen.as_str()), (precision.name(), precision.name()));
    assert!(report.verdict.contains(precision.name()), "{}", report.verdict);
    assert!(report.warnings.is_empty() && report.layers.is_empty(), "{report:#?}");
    let count = |kind| report.blocks.iter().filter(|block| block.kind == kind).count();
    let kinds = [BlockKind::Linear, BlockKind::FeedForward, BlockKind::Attention, BlockKind::Embedding];
    // Tables are not for each of them.
    let tables = usize::from([KernelPrecision::Bf16, KernelPrecision::Int8].contains(&precision));
    assert_eq!(kinds.map(count), [4, 2, 2, tables], "{:#?}", report.blocks);
    let (_, least) = limits(precision);
    for block in &report.blocks {
        assert_eq!((block.precision, &block.reason), (Some(precision), &None), "{block:?}");
        assert!(!block.node.is_empty() && !block.replaced.is_empty() && !block.shape.is_empty(), "{block:?}");
        let similarity = block.similarity.unwrap();
        assert!((least..=1.0).contains(&similarity), "{block:?}");
    }
    let is_rounded = |block: &PrecisionBlock| block.similarity.unwrap() < 1.0;
    assert!(precision == KernelPrecision::Fp32 || report.blocks.iter().any(is_rounded));
    check_json(report);
}

#[test]
fn each_computes_about_what_onnxruntime_does() {
    let (_, path) = written("each");
    for precision in KernelPrecision::ALL {
        let session = Session::load(&path, &kernels(precision)).unwrap();
        let report = session.report().precision.unwrap();
        check_blocks(&report, precision);
        assert!(report.accuracy.is_none() && report.samples == Default::default());
        assert_eq!(
            report.parameter_bytes_after < report.parameter_bytes_before,
            precision != KernelPrecision::Fp32
        );
        check_session(STYLE, &session, limits(precision).0);
        let in_memory = Session::from_model(&style(STYLE), &kernels(precision)).unwrap();
        assert_eq!(bits(&in_memory), bits(&session), "{precision:?}");
    }
}

#[test]
fn samples_tell_how_far_results_are_off() {
    let (_, path) = written("samples");
    for precision in KernelPrecision::ALL {
        let session = SessionOptions { samples: batches(12), accuracy: at_least(0.99), ..kernels(precision) };
        let choice = choose(&path, session.clone()).unwrap();
        check_blocks(&choice.report, precision);
        let figures = choice.report.accuracy.as_ref().unwrap();
        let counts = choice.report.samples;
        assert_eq!(figures.sample_count, counts.verification);
        assert_eq!(counts.calibration > 0, precision == KernelPrecision::Int8, "{counts:?}");
        assert!(figures.min_cosine >= 0.99 && figures.mean_cosine >= figures.min_cosine, "{figures:?}");
        assert!(figures.max_absolute_error > 0.0, "{precision:?}: {figures:?}");
        check_session(
            STYLE,
            &Session::from_model(&choice.model, &two_threads()).unwrap(),
            limits(precision).0,
        );

        let strict = SessionOptions { accuracy: nothing_off(), ..session };
        for error in [choose(&path, strict.clone()).unwrap_err(), Session::load(&path, &strict).unwrap_err()]
        {
            assert_eq!(error.code(), ErrorCode::AccuracyBudget, "{precision:?}: {error}");
            assert!(error.to_string().contains("maximum absolute error"), "{error}");
        }
    }
}

#[test]
fn inexact_means_fp32_and_exact_means_onnxruntime() {
    let (place, path) = written("exact");
    let inexact = SessionOptions { exact: false, ..two_threads() };
    let session = Session::load(&path, &inexact).unwrap();
    check_blocks(&session.report().precision.unwrap(), KernelPrecision::Fp32);
    let fp32 = bits(&Session::load(&path, &kernels(KernelPrecision::Fp32)).unwrap());
    assert_eq!(bits(&session), fp32);
    assert_eq!(bits(&Session::from_model(&style(STYLE), &inexact).unwrap()), fp32);
    assert_eq!(bits(&Session::from_bytes(&fs::read(&path).unwrap(), &inexact).unwrap()), fp32);
    // A precision that is named counts, whether results may be inexact or not.
    let bf16 = SessionOptions { exact: false, ..kernels(KernelPrecision::Bf16) };
    check_blocks(&Session::load(&path, &bf16).unwrap().report().precision.unwrap(), KernelPrecision::Bf16);

    let exact = Session::load(&path, &two_threads()).unwrap();
    assert!(exact.report().precision.is_none());
    check_session(STYLE, &exact, Similarity { error: 0.0, cosine: 0.999_999 });
    let plain = bits(&exact);
    assert_ne!(plain, fp32);

    // What is compiled without kernels, or optimised already, need not be inexact.
    let artifact = place.join("plain.ortlet");
    compile(&path, &artifact, &two_threads()).unwrap();
    let session = Session::load(&artifact, &inexact).unwrap();
    assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:#?}", session.report());
    assert!(session.report().precision.is_none());
    assert_eq!(bits(&session), plain);
    let optimised = place.join("model.ort");
    assert!(write_ort(&path, &optimised), "no model in ORT format was written");
    let session = Session::load(&optimised, &inexact).unwrap();
    assert!(session.report().precision.is_none());
    assert_eq!(bits(&session), plain);
    assert_eq!(bits(&Session::from_bytes(&fs::read(&optimised).unwrap(), &inexact).unwrap()), plain);
}

/// Has plain onnxruntime write a model in its own format.
fn write_ort(model: &Path, target: &Path) -> bool {
    let program = "import sys, onnxruntime as r; o = r.SessionOptions(); o.optimized_model_filepath = sys.argv[2]; \
                   o.add_session_config_entry('session.save_model_format', 'ORT'); \
                   r.InferenceSession(sys.argv[1], o)";
    let mut python = std::process::Command::new(common::setting("ORTLET_TEST_PYTHON"));
    python.args(["-c", program]).arg(model).arg(target).status().unwrap().success() && target.exists()
}

#[test]
fn artifacts_hold_the_kernels_for_this_device_and_the_original_for_others() {
    let (place, path) = written("artifact");
    let artifact = place.join("model.ortlet");
    let int8 = kernels(KernelPrecision::Int8);
    let report = compile(&path, &artifact, &int8).unwrap().precision.unwrap();
    check_blocks(&report, KernelPrecision::Int8);

    let parts = Artifact::open(&artifact).unwrap();
    let portable = Model::parse(parts.portable_model()).unwrap();
    let operators = |model: &Model| model.nodes().map(|at| at.node.op_type().to_owned()).collect::<Vec<_>>();
    assert_eq!(operators(&portable), operators(&style(STYLE)));
    assert_eq!(own_count(&Model::parse(parts.device(0).unwrap().model).unwrap()), report.blocks.len());

    let expected = bits(&Session::load(&path, &int8).unwrap());
    // Whoever asks for the precision gets it, and whoever asks for nothing too.
    for options in [two_threads(), int8] {
        let session = Session::load(&artifact, &options).unwrap();
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:#?}", session.report());
        assert_eq!(session.report().precision.as_ref(), Some(&report));
        assert_eq!(bits(&session), expected);
    }

    type Change = fn(&mut DeviceKey);
    let changes: [(Change, &str); 3] = [
        (|key| key.cpu_features.push("amx".into()), "made for a CPU with amx"),
        (|key| key.runtime_version = "1.99.0".into(), "made for ONNX Runtime 1.99.0"),
        (|key| key.architecture = "pdp11".into(), "made for architecture pdp11"),
    ];
    for (change, reason) in changes {
        let other = for_another_device(&artifact, &place, change);
        let session = Session::load(&other, &two_threads()).unwrap();
        let report = session.report();
        assert_eq!(report.origin, Origin::ArtifactPortable);
        assert!(report.portable_reason.as_deref().is_some_and(|given| given.contains(reason)), "{report:#?}");
        assert_eq!(bits(&session), own_bits());
    }
}

/// What samples taught is in the packed weights, so that nobody needs the samples again.
#[test]
fn another_device_gets_the_same_blocks() {
    let (place, path) = written("again");
    let with_samples = SessionOptions { samples: batches(12), ..kernels(KernelPrecision::Int8) };
    for (name, options) in [
        ("int8", with_samples),
        ("bf16", kernels(KernelPrecision::Bf16)),
        ("fp32", kernels(KernelPrecision::Fp32)),
    ] {
        let [one, both] = ["one", "both"].map(|count| place.join(format!("{name}-{count}.ortlet")));
        let report = compile(&path, &one, &options).unwrap().precision.unwrap();
        assert!(report.needs_ortlet, "{report:#?}");
        let expected = bits(&Session::load(&one, &two_threads()).unwrap());
        assert_ne!(expected, own_bits());
        let other = for_another_device(&one, &place, |key| key.cpu_features.push("amx".into()));
        // The second time it takes the place of what was added the first time.
        for from in [&other, &both] {
            let compiled = compile(from, &both, &two_threads()).unwrap();
            assert_eq!((compiled.device_count, compiled.precision.as_ref()), (2, Some(&report)));
            let session = Session::load(&both, &two_threads()).unwrap();
            assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:#?}", session.report());
            assert_eq!(bits(&session), expected, "{name}");
        }
    }
    let plain = Session::load(&path, &kernels(KernelPrecision::Int8)).unwrap();
    let learned = Session::load(place.join("int8-both.ortlet"), &two_threads()).unwrap();
    assert_ne!(bits(&plain), bits(&learned));
}

/// Its rewriting compares with constants, which an artifact keeps outside of the model.
#[test]
fn another_device_gets_the_same_blocks_of_magika() {
    let place = folder("precision-kernels-again-magika");
    let [one, two] = ["one", "two"].map(|name| place.join(format!("{name}.ortlet")));
    let report =
        compile(model("magika/model.onnx"), &one, &kernels(KernelPrecision::Int8)).unwrap().precision;
    assert!(report.as_ref().is_some_and(|report| !report.rewritings.is_empty()), "{report:#?}");
    let other = for_another_device(&one, &place, |key| key.cpu_features.push("amx".into()));
    assert_eq!(compile(&other, &two, &two_threads()).unwrap().precision, report);
    let bytes = Tensor::from_vec([1, 2048], (0..2048).map(|at| at % 257).collect::<Vec<i32>>()).unwrap();
    let run = |path| {
        let session = Session::load(path, &two_threads()).unwrap();
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:#?}", session.report());
        session.run([("bytes", &bytes)]).unwrap().iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(run(&one), run(&two));
}

#[test]
fn another_device_gets_the_original_if_the_blocks_are_not_the_same() {
    let (place, path) = written("not-again");
    let one = place.join("one.ortlet");
    compile(&path, &one, &kernels(KernelPrecision::Int8)).unwrap();
    type Change = fn(&mut ArtifactWriter);
    let changes: [Change; 3] = [
        // Nothing to take weights from.
        |writer| drop(writer.remove_device(0)),
        // Blocks of another form, and one that the report does not use.
        |writer| change_blocks(writer, |block| block["precision"] = "bf16".into()),
        |writer| change_blocks(writer, |block| block["precision"] = serde_json::Value::Null),
    ];
    for change in changes {
        let (from, to) = (place.join("changed.ortlet"), place.join("added.ortlet"));
        write_changed(&one, &from, change);
        let compiled = compile(&from, &to, &two_threads()).unwrap();
        assert_eq!(compiled.precision, None);
        let session = Session::load(&to, &two_threads()).unwrap();
        assert_eq!(session.report().origin, Origin::ArtifactDevice, "{:#?}", session.report());
        assert_eq!(bits(&session), own_bits());
    }
}

/// Changes the first block in the report.
fn change_blocks(writer: &mut ArtifactWriter, change: fn(&mut serde_json::Value)) {
    change(&mut writer.report.as_mut().unwrap()["blocks"][0]);
}

/// The same artifact, as if it were made elsewhere.
fn for_another_device(artifact: &Path, place: &Path, change: fn(&mut DeviceKey)) -> PathBuf {
    let target = place.join("other.ortlet");
    write_changed(artifact, &target, |writer| {
        let parts = Artifact::open(artifact).unwrap();
        let device = Model::parse(parts.device(0).unwrap().model).unwrap();
        let mut key = writer.remove_device(0).unwrap();
        change(&mut key);
        let files = MemoryFiles::from_iter([(EXTERNAL_LOCATION, fs::read(artifact).unwrap())]);
        writer.set_device(key, &device, &files, Vec::new()).unwrap();
    });
    target
}

fn write_changed(artifact: &Path, target: &Path, change: impl Fn(&mut ArtifactWriter)) {
    let mut writer = Artifact::open(artifact).unwrap().to_writer().unwrap();
    change(&mut writer);
    writer.written_mtime_ns = Some(1_700_000_000 * 1_000_000_000);
    let mut bytes = Vec::new();
    writer
        .write_to(&mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })
        .unwrap();
    fs::write(target, &bytes).unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    File::options().write(true).open(target).unwrap().set_modified(modified).unwrap();
}

#[test]
fn the_cache_keeps_lowered_models() {
    let (place, path) = written("cache");
    let store = place.join("cache");
    let mut keys = Vec::new();
    for precision in KernelPrecision::ALL {
        let options = SessionOptions { cache: Cache::Folder(store.clone()), ..kernels(precision) };
        let expected = bits(&Session::load(&path, &kernels(precision)).unwrap());
        for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
            let session = Session::load(&path, &options).unwrap();
            let report = session.report();
            assert_eq!(report.cache.outcome, outcome, "{report:#?}");
            assert_eq!(report.origin, Origin::ArtifactDevice, "{report:#?}");
            check_blocks(&report.precision.unwrap(), precision);
            assert_eq!(bits(&session), expected, "{precision:?}");
            keys.push(report.cache.key.unwrap());
        }
    }
    keys.dedup();
    assert_eq!(keys.len(), KernelPrecision::ALL.len(), "{keys:?}");
    // Inexact results are those of fp32, and come from the same entry.
    let inexact = SessionOptions { exact: false, ..cached(&store) };
    let report = Session::load(&path, &inexact).unwrap().report();
    assert_eq!((report.cache.outcome, report.cache.key.as_ref()), (CacheOutcome::Hit, Some(&keys[0])));
    // The original has an entry of its own.
    let exact = Session::load(&path, &cached(&store)).unwrap();
    assert_eq!(exact.report().cache.outcome, CacheOutcome::Stored);
    assert_eq!(bits(&exact), own_bits());
}

#[test]
fn damaged_entries_of_lowered_models_heal() {
    let (place, path) = written("heals");
    let store = place.join("cache");
    let options = SessionOptions { cache: Cache::Folder(store.clone()), ..kernels(KernelPrecision::Int8) };
    let session = Session::load(&path, &options).unwrap();
    let (expected, key) = (bits(&session), session.report().cache.key.unwrap());
    drop(session);
    let entry = store.join(format!("{key}.ortlet"));
    let whole = fs::read(&entry).unwrap();
    let half = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[half] ^= 0x10;
    for damaged in [b"ORTLET".to_vec(), whole[..half].to_vec(), flipped] {
        fs::remove_file(&entry).unwrap();
        fs::write(&entry, damaged).unwrap();
        for outcome in [CacheOutcome::Healed, CacheOutcome::Hit] {
            let session = Session::load(&path, &options).unwrap();
            let report = session.report();
            assert_eq!(report.cache.outcome, outcome, "{report:#?}");
            assert_eq!(report.warnings.is_empty(), outcome == CacheOutcome::Hit, "{report:#?}");
            check_blocks(&report.precision.unwrap(), KernelPrecision::Int8);
            assert_eq!(bits(&session), expected);
        }
    }
}

/// Whatever was chosen is what the report says.
fn check_choice(choice: &PrecisionChoice) {
    let (report, original) = (&choice.report, style(STYLE));
    let chosen: Vec<_> = report.candidates.iter().filter(|candidate| candidate.is_chosen).collect();
    assert_eq!(chosen.len(), 1, "{report:#?}");
    assert_eq!(
        (chosen[0].name.as_str(), report.candidates[0].name.as_str()),
        (report.chosen.as_str(), "original")
    );
    for precision in KernelPrecision::ALL {
        let name = format!("kernels {}", precision.name());
        let row = report.candidates.iter().find(|candidate| candidate.name == name);
        let row = row.unwrap_or_else(|| panic!("no {name}: {:#?}", report.candidates));
        assert!(row.quantized_count >= 8 && row.accuracy.is_some(), "{row:?}");
        assert!(row.is_chosen != row.reason.is_some(), "{row:?}");
    }
    assert_eq!(report.needs_ortlet, report.chosen.starts_with("kernels"));
    let computed = report.blocks.iter().filter(|block| block.precision.is_some()).count();
    assert_eq!((own_count(&choice.model), computed > 0), (computed, report.needs_ortlet), "{report:#?}");
    assert!(report.blocks.len() >= 8, "{:#?}", report.blocks);
    for block in &report.blocks {
        assert!(block.precision.is_some() != block.reason.is_some(), "{block:?}");
    }
    match &report.accuracy {
        None => assert!(report.chosen == "original" && choice.model == original),
        Some(figures) => {
            assert!(report.budget.breach(figures, 1.0).is_none() || report.chosen == "rewritten");
            assert!(report.time_ratio.unwrap() <= 0.951, "{report:#?}");
        }
    }
    check_json(report);
}

fn auto(accuracy: Accuracy) -> SessionOptions {
    SessionOptions { precision: Precision::Auto, samples: batches(20), accuracy, ..two_threads() }
}

#[test]
fn kernels_are_candidates_of_auto() {
    let (_, path) = written("auto");
    let choice = choose(&path, auto(at_least(0.9))).unwrap();
    check_choice(&choice);
    // What is in a precision's own words computes the same.
    check_session(
        STYLE,
        &Session::from_model(&choice.model, &two_threads()).unwrap(),
        Similarity { error: 1.0, cosine: 0.9 },
    );
}

#[test]
fn without_room_for_errors_no_kernel_is_chosen() {
    let (_, path) = written("auto-exact");
    let choice = choose(&path, auto(nothing_off())).unwrap();
    check_choice(&choice);
    assert!(
        !choice.report.needs_ortlet && ["original", "rewritten"].contains(&choice.report.chosen.as_str())
    );
    for row in choice.report.candidates.iter().filter(|candidate| candidate.name.starts_with("kernels")) {
        assert!(row.reason.as_ref().unwrap().contains("maximum absolute error"), "{row:?}");
    }
}

#[test]
fn what_is_out_of_the_budget_is_not_chosen() {
    let (_, path) = written("auto-between");
    let choice = choose(&path, auto(at_least(0.999_99))).unwrap();
    check_choice(&choice);
    let row = |name: &str| choice.report.candidates.iter().find(|row| row.name == name).unwrap();
    for (name, is_out) in [("kernels int8", true), ("kernels bf16", true), ("kernels fp32", false)] {
        let reason = row(name).reason.clone().unwrap_or_default();
        assert_eq!(reason.contains("cosine"), is_out, "{:?}", row(name));
        assert!(!(is_out && row(name).is_chosen));
    }
    for row in choice.report.candidates.iter().filter(|row| row.is_chosen) {
        assert!(row.accuracy.as_ref().is_none_or(|figures| figures.min_cosine >= 0.999_99), "{row:?}");
    }
}

#[test]
fn blocks_that_8_bits_suit_less_get_16() {
    let (_, path) = written("auto-mixed");
    let mean = |report: &PrecisionReport, name: &str| {
        let row = report.candidates.iter().find(|row| row.name == name).unwrap();
        row.accuracy.as_ref().unwrap().mean_cosine
    };
    let free = choose(&path, auto(at_least(0.9))).unwrap().report;
    let bound = (mean(&free, "kernels int8") + mean(&free, "kernels bf16")) / 2.0;
    let budget = Accuracy { min_cosine: None, mean_cosine: Some(bound), ..Default::default() };
    let choice = choose(&path, auto(budget)).unwrap();
    check_choice(&choice);
    let mixed: Vec<_> =
        choice.report.candidates.iter().filter(|row| row.name.starts_with("kernels int8 in ")).collect();
    assert_eq!(mixed.len(), 1, "{:#?}", choice.report.candidates);
    assert!(mixed[0].name.ends_with(" of 9 blocks, bf16 in the others"), "{}", mixed[0].name);
    let figures = mixed[0].accuracy.as_ref().unwrap();
    assert!(figures.mean_cosine >= bound, "{mixed:?}");
    if mixed[0].is_chosen {
        let of =
            |precision| choice.report.blocks.iter().filter(|row| row.precision == Some(precision)).count();
        let counts = (of(KernelPrecision::Int8), of(KernelPrecision::Bf16));
        assert!(counts.0 > 0 && counts.1 > 0 && counts.0 + counts.1 == 9, "{counts:?}");
    }
}

/// `y = relu(x) + x` with a detour without effect, or `relu(x w)`, where `x` has as many columns as only `w` tells.
fn small(has_product: bool) -> Model {
    let width = WIDE.to_string();
    let columns = if has_product { "columns" } else { &width };
    let (nodes, weights) = match has_product {
        false => {
            let nodes = vec![
                node("Identity", &["x"], &["same"]),
                node("Relu", &["same"], &["r"]),
                node("Add", &["r", "x"], &["y"]),
            ];
            (nodes, vec![])
        }
        true => (
            vec![node("MatMul", &["x", "w"], &["m"]), node("Relu", &["m"], &["y"])],
            vec![constant("w", &[WIDE, WIDE], &random(3, WIDE * WIDE))],
        ),
    };
    graphs::model(graph(
        nodes,
        vec![value("x", DType::F32, &["rows", columns])],
        vec![value("y", DType::F32, &["rows", &width])],
        weights,
    ))
}

const WIDE: usize = 200;

fn small_samples(first: f32) -> Samples {
    let of = |seed| {
        let mut numbers = random(seed, 5 * WIDE);
        numbers[0] = first;
        vec![("x".to_owned(), Tensor::from_vec([5, WIDE], numbers).unwrap().into())]
    };
    (1..13).map(of).collect::<Vec<Sample>>().into()
}

#[test]
fn without_a_block_the_model_is_as_it_was() {
    let path = save(&folder("precision-kernels-no-block"), &small(false));
    for precision in KernelPrecision::ALL {
        for samples in [Samples::None, small_samples(0.5)] {
            let strict = SessionOptions { samples, accuracy: nothing_off(), ..kernels(precision) };
            let choice = choose(&path, strict).unwrap();
            let report = choice.report;
            assert!(choice.model == small(false));
            assert!(
                !report.needs_ortlet && report.blocks.is_empty() && report.chosen == "original",
                "{report:#?}"
            );
            assert!(report.verdict.contains("no block"), "{}", report.verdict);
        }
        let session = Session::from_model(&small(false), &kernels(precision)).unwrap();
        assert_eq!(session.report().precision.unwrap().chosen, "original");
    }
}

#[test]
fn inputs_that_cannot_be_made_up_are_asked_for() {
    let path = save(&folder("precision-kernels-inputs"), &small(true));
    for precision in KernelPrecision::ALL {
        let choice = choose(&path, kernels(precision)).unwrap();
        let report = choice.report;
        assert!(choice.model == small(true));
        assert!(!report.needs_ortlet && report.chosen == "original", "{report:#?}");
        let asks = |text: &String| text.contains("nothing could be checked") && text.contains("give samples");
        assert!(report.warnings.iter().any(asks), "{:?}", report.warnings);
        // What is said is true.
        let samples = SessionOptions { samples: small_samples(0.5), ..kernels(precision) };
        let given = choose(&path, samples).unwrap();
        assert!(given.report.needs_ortlet && given.report.warnings.is_empty(), "{:#?}", given.report);
        assert_eq!((given.report.blocks.len(), own_count(&given.model)), (1, 1));
    }
}

#[test]
fn samples_with_nan_are_refused() {
    let path = save(&folder("precision-kernels-nan"), &small(true));
    for precision in [Precision::Auto, Precision::Kernels(KernelPrecision::Int8)] {
        let options = SessionOptions { precision, samples: small_samples(f32::NAN), ..two_threads() };
        let error = choose(&path, options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("`x`") && error.to_string().contains("NaN"), "{error}");
    }
}

#[test]
fn it_can_be_cancelled() {
    let (_, path) = written("cancel");
    let cancelled = |session: SessionOptions, stage: Option<&'static str>| {
        let token = CancelToken::new();
        let ends = token.clone();
        let progress = stage.map(|stage| {
            PrecisionObserver::new(move |progress| {
                if progress.stage == stage {
                    ends.cancel();
                }
            })
        });
        if stage.is_none() {
            token.cancel();
        }
        let options = PrecisionOptions { cancel: Some(token), progress, session, ..Default::default() };
        let error = choose_precision(&path, &options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled, "{stage:?}: {error}");
    };
    for precision in KernelPrecision::ALL {
        cancelled(kernels(precision), None);
        let with_samples = SessionOptions { samples: batches(12), ..kernels(precision) };
        cancelled(with_samples.clone(), None);
        cancelled(with_samples.clone(), Some("packing and checking blocks"));
        cancelled(with_samples, Some("verifying"));
    }
    cancelled(auto(at_least(0.9)), Some("packing and checking blocks"));
}
