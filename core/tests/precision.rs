//! The choice of a precision: what it needs, that it keeps its budget, that it is kept, and what it reports.
//!
//! Nothing here depends on what is faster: whatever is chosen has to be what the report says.

mod common;
mod graphs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{folder, two_threads};
use graphs::{constant, graph, model, node, random, value};
use ortlet::artifact::Artifact;
use ortlet::model::{Model, NodeProto};
use ortlet::quantize::{AccuracyJudge, LayerOutcome};
use ortlet::tensor::{DType, Tensor};
use ortlet::{
    Accuracy, Cache, CacheOutcome, CancelToken, ErrorCode, Measure, Precision, PrecisionObserver,
    PrecisionOptions, PrecisionReport, QuantizeMode, Sample, Samples, Session, SessionOptions,
    choose_precision, compile,
};

const WIDTH: usize = 192;

fn named(name: &str, node: NodeProto) -> NodeProto {
    NodeProto { name: Some(name.into()), ..node }
}

/// `y = relu(x · up) · down`, and a detour without effect.
fn network() -> Model {
    let weights = |name, rows: usize, columns: usize, seed| {
        let numbers = random(seed, rows * columns);
        constant(name, &[rows, columns], &numbers)
    };
    let nodes = vec![
        node("Identity", &["x"], &["same"]),
        named("up", node("MatMul", &["same", "w-up"], &["wide"])),
        node("Relu", &["wide"], &["positive"]),
        named("down", node("MatMul", &["positive", "w-down"], &["y"])),
    ];
    let width = WIDTH.to_string();
    model(graph(
        nodes,
        vec![value("x", DType::F32, &["rows", &width])],
        vec![value("y", DType::F32, &["rows", &width])],
        vec![weights("w-up", WIDTH, 4 * WIDTH, 1), weights("w-down", 4 * WIDTH, WIDTH, 2)],
    ))
}

fn sample(seed: u64) -> Sample {
    let x = Tensor::from_vec([8, WIDTH], random(seed, 8 * WIDTH)).unwrap();
    vec![("x".to_owned(), x.into())]
}

fn batches(count: u64) -> Samples {
    (100..100 + count).map(sample).collect::<Vec<_>>().into()
}

fn save(place: &Path, model: &Model) -> PathBuf {
    let path = place.join("model.onnx");
    std::fs::write(&path, model.to_bytes().unwrap()).unwrap();
    path
}

fn options(precision: Precision, samples: Samples) -> SessionOptions {
    SessionOptions { precision, samples, ..two_threads() }
}

fn auto(samples: Samples) -> SessionOptions {
    options(Precision::Auto, samples)
}

fn choice_options(session: SessionOptions) -> PrecisionOptions {
    PrecisionOptions { session, ..Default::default() }
}

/// A budget for which nothing but the original will do.
fn nothing_off() -> Accuracy {
    Accuracy { min_cosine: None, mean_cosine: None, max_absolute_error: Some(0.0), ..Default::default() }
}

/// How far a model is off on many inputs that nobody has seen, by plain sessions.
fn min_cosine(original: &Model, chosen: &Model) -> f64 {
    let sessions = [original, chosen].map(|model| Session::from_model(model, &two_threads()).unwrap());
    let mut judge = AccuracyJudge::new(None);
    for seed in 5000..5040 {
        let inputs = sample(seed);
        let outputs = sessions.each_ref().map(|session| {
            session.run(inputs.iter().map(|(name, value)| (name, value))).unwrap().remove("y").unwrap()
        });
        judge.sample(&[("y", &outputs[0])], &[("y", &outputs[1])]);
    }
    judge.figures().min_cosine
}

fn check_report(report: &PrecisionReport, original: &Model, chosen: &Model) {
    assert!(!report.verdict.is_empty());
    assert_eq!(report.candidates.iter().filter(|candidate| candidate.is_chosen).count(), 1, "{report:#?}");
    assert_eq!(report.candidates[0].name, "original");
    let counts = report.samples;
    assert_eq!(counts.calibration + counts.selection + counts.verification, 20);
    let names: Vec<_> = report.layers.iter().map(|layer| layer.node.as_str()).collect();
    assert_eq!(names, ["up", "down"]);
    for layer in &report.layers {
        assert!(layer.form.is_some() != layer.reason.is_some(), "{layer:?}");
        assert!(layer.trials.iter().any(|trial| trial.gain_ns().is_some()), "{layer:?}");
    }
    let is_quantized = report.layers.iter().any(|layer| layer.form.is_some());
    if report.chosen == "original" {
        assert!(chosen == original && !is_quantized && report.accuracy.is_none(), "{report:#?}");
    } else {
        let verified = report.accuracy.as_ref().unwrap();
        assert_eq!(verified.sample_count, counts.verification);
        assert!(report.budget.breach(verified, 1.0).is_none(), "{verified:?}");
        assert!(report.time_ratio.unwrap() <= 0.951, "{report:#?}");
        assert_eq!(report.parameter_bytes_after < report.parameter_bytes_before, is_quantized);
    }
    let json = serde_json::to_string(report).unwrap();
    assert_eq!(&serde_json::from_str::<PrecisionReport>(&json).unwrap(), report);
}

#[test]
fn whatever_is_chosen_keeps_the_budget_and_is_what_the_report_says() {
    let (place, original) = (folder("precision-auto"), network());
    let path = save(&place, &original);
    let stages = Arc::new(Mutex::new(Vec::new()));
    let told = stages.clone();
    let observer = PrecisionObserver::new(move |progress| {
        assert!(progress.done.is_none_or(|done| (0.0..=1.0).contains(&done)));
        told.lock().unwrap().push(progress.stage.clone());
    });
    let options = PrecisionOptions { progress: Some(observer), ..choice_options(auto(batches(20))) };
    let choice = choose_precision(&path, &options).unwrap();
    check_report(&choice.report, &original, &choice.model);
    assert!(min_cosine(&original, &choice.model) >= 0.997);
    let stages = stages.lock().unwrap();
    for expected in ["running the original", "learning the ranges of activations", "timing layers alone"] {
        assert!(stages.iter().any(|stage| stage == expected), "{stages:?}");
    }
}

#[test]
fn without_room_for_errors_the_original_or_what_equals_it_stays() {
    let (place, original) = (folder("precision-exact"), network());
    let path = save(&place, &original);
    let session = SessionOptions { accuracy: nothing_off(), ..auto(batches(20)) };
    let choice = choose_precision(&path, &choice_options(session)).unwrap();
    check_report(&choice.report, &original, &choice.model);
    assert!(choice.report.layers.iter().all(|layer| layer.form.is_none()), "{:#?}", choice.report);
    let quantized = choice.report.candidates.iter().filter(|candidate| candidate.quantized_count > 0);
    for candidate in quantized {
        assert!(candidate.reason.as_ref().unwrap().contains("maximum absolute error"), "{candidate:?}");
    }
}

#[test]
fn the_callers_measure_decides() {
    let (place, original) = (folder("precision-measure"), network());
    let path = save(&place, &original);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let measure = Measure::new(1.0, move |reference, candidate| {
        assert_eq!((reference[0].0, candidate[0].0), ("y", "y"));
        counted.fetch_add(1, Ordering::Relaxed);
        f64::NAN
    });
    let accuracy =
        Accuracy { min_cosine: None, mean_cosine: None, measure: Some(measure), ..Default::default() };
    let choice =
        choose_precision(&path, &choice_options(SessionOptions { accuracy, ..auto(batches(20)) })).unwrap();
    assert!(calls.load(Ordering::Relaxed) > 0);
    assert!(choice.report.layers.iter().all(|layer| layer.form.is_none()), "{:#?}", choice.report);
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let place = folder("precision-errors");
    let path = save(&place, &network());
    let fails = |session: SessionOptions, code: ErrorCode, says: &[&str]| {
        let error = choose_precision(&path, &choice_options(session.clone())).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        says.iter().for_each(|words| assert!(error.to_string().contains(words), "{error}"));
        assert_eq!(Session::load(&path, &session).unwrap_err().code(), code);
    };
    let of = |sample: Sample| auto(Samples::from(vec![sample; 8]));
    let x = |shape: &[usize], value: f32| {
        let count = shape.iter().product();
        vec![("x".to_owned(), Tensor::from_vec(shape, vec![value; count]).unwrap().into())]
    };
    fails(auto(Samples::None), ErrorCode::InvalidArgument, &["samples"]);
    fails(auto(Vec::new().into()), ErrorCode::InvalidArgument, &["samples"]);
    fails(auto(batches(3)), ErrorCode::InvalidArgument, &["samples", "at least 4"]);
    fails(auto(Samples::Folder(place.join("none"))), ErrorCode::NotFound, &["none"]);
    fails(of(x(&[2, WIDTH], f32::NAN)), ErrorCode::InvalidArgument, &["`x`", "NaN"]);
    fails(of(x(&[2, 7], 0.0)), ErrorCode::TensorMismatch, &["`x`"]);
    fails(of(vec![("z".to_owned(), x(&[2, WIDTH], 0.0).remove(0).1)]), ErrorCode::NotFound, &["`z`"]);
    fails(of(Vec::new()), ErrorCode::TensorMismatch, &["`x`"]);
    let budget = |accuracy| SessionOptions { accuracy, ..auto(batches(8)) };
    let wrong = Accuracy { min_cosine: Some(7.0), ..Default::default() };
    fails(budget(wrong), ErrorCode::InvalidArgument, &["accuracy.min_cosine", "7"]);
    let nothing = Accuracy { min_cosine: None, mean_cosine: None, ..Default::default() };
    fails(budget(nothing), ErrorCode::InvalidArgument, &["asks for nothing"]);
    let static_int8 = Precision::Mode(QuantizeMode::Int8Static);
    fails(options(static_int8, Samples::None), ErrorCode::InvalidArgument, &["calibration"]);
}

#[test]
fn a_choice_can_be_cancelled() {
    let place = folder("precision-cancel");
    let path = save(&place, &network());
    let token = CancelToken::new();
    token.cancel();
    let options = PrecisionOptions { cancel: Some(token), ..choice_options(auto(batches(20))) };
    assert_eq!(choose_precision(&path, &options).unwrap_err().code(), ErrorCode::Cancelled);
    // Somewhere in the middle: when layers are timed.
    let token = CancelToken::new();
    let ends = token.clone();
    let observer = PrecisionObserver::new(move |progress| {
        if progress.stage == "timing layers alone" {
            ends.cancel();
        }
    });
    let options = PrecisionOptions {
        cancel: Some(token),
        progress: Some(observer),
        ..choice_options(auto(batches(20)))
    };
    assert_eq!(choose_precision(&path, &options).unwrap_err().code(), ErrorCode::Cancelled);
}

#[test]
fn without_time_nothing_is_quantized_and_that_is_said() {
    let path = save(&folder("precision-no-time"), &network());
    let options = PrecisionOptions { time_limit_ms: 0, ..choice_options(auto(batches(12))) };
    let choice = choose_precision(&path, &options).unwrap();
    assert!(choice.report.layers.is_empty(), "{:?}", choice.report.layers);
    assert!(choice.report.warnings.iter().any(|text| text.contains("time was up")), "{:?}", choice.report);
    assert!(min_cosine(&network(), &choice.model) > 0.999_999);
}

#[test]
fn a_choice_is_kept_for_the_same_model_samples_and_options() {
    let place = folder("precision-cache");
    let path = save(&place, &network());
    let cached =
        |session: SessionOptions| SessionOptions { cache: Cache::Folder(place.join("cache")), ..session };
    let samples = batches(20);
    let load = |session: SessionOptions| Session::load(&path, &cached(session)).unwrap();
    let first = load(auto(samples.clone()));
    let report = first.report();
    assert_eq!(report.cache.outcome, CacheOutcome::Stored, "{report:#?}");
    let again = load(auto(samples.clone())).report();
    assert_eq!((again.cache.outcome, &again.precision), (CacheOutcome::Hit, &report.precision));
    // Equal samples in other memory are the same; others are not, and neither is another budget.
    let equal = load(auto(batches(20))).report();
    assert_eq!((equal.cache.outcome, equal.cache.key), (CacheOutcome::Hit, report.cache.key.clone()));
    let others = load(auto(batches(21))).report();
    assert_eq!(others.cache.outcome, CacheOutcome::Stored);
    let budget = Accuracy { mean_cosine: Some(0.9999), ..Default::default() };
    let stricter = load(SessionOptions { accuracy: budget, ..auto(samples.clone()) }).report();
    assert_eq!(stricter.cache.outcome, CacheOutcome::Stored);
    let keys = [&report.cache.key, &others.cache.key, &stricter.cache.key];
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    // A damaged entry is made anew.
    let entry = place.join("cache").join(format!("{}.ortlet", report.cache.key.as_ref().unwrap()));
    std::fs::remove_file(&entry).unwrap();
    std::fs::write(&entry, b"ORTLET").unwrap();
    let healed = load(auto(samples)).report();
    assert!(matches!(healed.cache.outcome, CacheOutcome::Healed), "{healed:#?}");
    assert!(healed.precision.is_some() && !healed.warnings.is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let place = folder("precision-no-cache");
    let path = save(&place, &network());
    std::fs::write(place.join("file"), b"in the way").unwrap();
    let options = SessionOptions {
        cache: Cache::Folder(place.join("file")),
        ..options(Precision::Mode(QuantizeMode::Weights8), Samples::None)
    };
    let session = Session::load(&path, &options).unwrap();
    let report = session.report();
    assert_eq!(report.cache.outcome, CacheOutcome::Failed);
    assert!(report.warnings.iter().any(|text| text.starts_with("not cached")), "{report:#?}");
    assert_eq!(report.precision.unwrap().chosen, "weights-8");
}

#[test]
fn an_artifact_carries_the_choice_and_its_report() {
    let (place, original) = (folder("precision-artifact"), network());
    let (path, artifact) = (save(&place, &original), place.join("model.ortlet"));
    let compiled = compile(&path, &artifact, &auto(batches(20))).unwrap();
    let report = compiled.precision.unwrap();
    let stored = Artifact::open(&artifact).unwrap().manifest().report.clone().unwrap();
    assert_eq!(serde_json::from_value::<PrecisionReport>(stored).unwrap(), report);
    for precision in [Precision::Original, Precision::Auto] {
        let session = Session::load(&artifact, &options(precision, Samples::None)).unwrap();
        assert_eq!(session.report().precision.as_ref(), Some(&report));
        assert!(session.report().portable_reason.is_none(), "{:#?}", session.report());
        let outputs = session.run(sample(1).iter().map(|(name, value)| (name, value))).unwrap();
        assert_eq!(outputs["y"].as_tensor().unwrap().shape().dims(), [8, WIDTH]);
    }
    // One that was compiled without has none to offer.
    compile(&path, &artifact, &two_threads()).unwrap();
    let error = Session::load(&artifact, &auto(batches(20))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported, "{error}");
    let error = compile(&artifact, place.join("other.ortlet"), &auto(batches(20))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported, "{error}");
}

#[test]
fn a_mode_is_applied_and_held_to_the_budget_where_samples_tell() {
    let (place, original) = (folder("precision-mode"), network());
    let path = save(&place, &original);
    for mode in
        [QuantizeMode::Int8Dynamic, QuantizeMode::Weights8, QuantizeMode::Weights4, QuantizeMode::Float16]
    {
        let session = Session::load(&path, &options(Precision::Mode(mode), Samples::None)).unwrap();
        let report = session.report().precision.unwrap();
        assert!(
            report.accuracy.is_none() && report.parameter_bytes_after < report.parameter_bytes_before,
            "{mode:?}"
        );
        let in_memory =
            Session::from_model(&original, &options(Precision::Mode(mode), Samples::None)).unwrap();
        assert_eq!(in_memory.report().precision.unwrap().chosen, report.chosen);
    }
    let loose = Accuracy { min_cosine: Some(0.99), mean_cosine: Some(0.99), ..Default::default() };
    for mode in [QuantizeMode::Int8Static, QuantizeMode::Int8Dynamic] {
        let session =
            SessionOptions { accuracy: loose.clone(), ..options(Precision::Mode(mode), batches(20)) };
        let choice = choose_precision(&path, &choice_options(session.clone())).unwrap();
        let figures = choice.report.accuracy.unwrap();
        assert!(
            figures.mean_cosine > 0.99 && figures.mean_cosine < 1.0 && figures.sample_count == 6,
            "{figures:?}"
        );
        let strict = SessionOptions { accuracy: nothing_off(), ..session };
        let error = choose_precision(&path, &choice_options(strict)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::AccuracyBudget);
        assert!(error.to_string().contains("maximum absolute error"), "{error}");
    }
    let (_, report) = ortlet::quantize(&original, QuantizeMode::Weights8, None, &Default::default()).unwrap();
    assert!(report.layers.iter().all(|layer| matches!(layer.outcome, LayerOutcome::Quantized { .. })));
}

#[test]
fn what_cannot_have_a_precision_says_so() {
    let place = folder("precision-elsewhere");
    let path = save(&place, &network());
    let inputs = sample(1);
    let inputs = || inputs.iter().map(|(name, value)| (name.as_str(), value));
    let error = ortlet::profile(&path, inputs(), &auto(batches(20)), 3).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported, "{error}");
    let tuning = ortlet::TuneOptions {
        session: SessionOptions { threads: ortlet::Threads::Auto, ..auto(batches(20)) },
        ..Default::default()
    };
    let error = ortlet::tune(&path, &[sample(1)], &tuning).unwrap_err();
    assert!(error.to_string().contains("session.precision"), "{error}");
}
