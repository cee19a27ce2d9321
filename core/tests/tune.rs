//! Tuning real models: the plan's own figures, keeping it, following it, and everything that must not be followed.
//!
//! Which candidate is fastest depends on the machine, so nothing here says who wins.

mod common;
mod mount;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::{Case, files, folder, model, reference};
use mount::Mount;
use ortlet::artifact::Artifact;
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{
    Cache, CacheEntryKind, CacheOutcome, CancelToken, ErrorCode, OptimizationLevel, Origin, Plan,
    PlanChanges, PlanOutcome, PlanReport, Profile, Session, SessionOptions, Threads, TuneObserver,
    TuneOptions, tune,
};
use serde_json::json;

type Samples = Vec<Vec<(String, Value)>>;

fn cached(place: &Path) -> SessionOptions {
    SessionOptions { cache: Cache::Folder(place.to_owned()), ..Default::default() }
}

fn quick(session: SessionOptions) -> TuneOptions {
    TuneOptions { session, time_limit_ms: 1500, ..Default::default() }
}

/// The inputs of the steps that need nothing of the step before.
fn samples(case: &Case) -> Samples {
    let steps = case.steps.iter().filter(|step| step.carried.is_empty());
    steps.map(|step| reference().inputs(step).into_iter().collect()).collect()
}

fn magika() -> (&'static Case, Samples) {
    let case = reference().case("magika");
    (case, samples(case))
}

/// Compares with plain onnxruntime's results within the tolerance that a race allows.
fn check_close(case: &Case, session: &Session) {
    for step in case.steps.iter().filter(|step| step.carried.is_empty()) {
        let outputs = session.run(&reference().inputs(step)).unwrap();
        for (name, expected) in reference().outputs(step) {
            let expected = expected.as_tensor().unwrap();
            let found = outputs[name.as_str()].as_tensor().unwrap();
            assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()));
            let (found, expected) = (found.as_slice::<f32>().unwrap(), expected.as_slice::<f32>().unwrap());
            let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let worst = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(worst <= 1e-3 * scale, "{} output {name}: {worst} of {scale}", case.name);
        }
    }
}

/// The only plan in a folder.
fn plan_file(place: &Path) -> PathBuf {
    let found = files(place, ".plan");
    assert_eq!(found.len(), 1, "{found:?}");
    place.join(&found[0])
}

/// Changes the only plan in a folder.
fn edit(place: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let file = plan_file(place);
    let mut plan = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut plan);
    fs::write(&file, serde_json::to_vec(&plan).unwrap()).unwrap();
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    (values[(count - 1) / 2] + values[count / 2]) / 2.0
}

/// That the plan's choice follows from its own figures.
fn check_figures(plan: &Plan) {
    let default = plan.default_candidate().unwrap();
    assert_eq!((default.name.as_str(), &default.changes), ("default", &PlanChanges::default()));
    let chosen: Vec<_> =
        plan.candidates.iter().filter(|candidate| candidate.outcome == PlanOutcome::Chosen).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!((chosen[0].changes.clone(), plan.chosen()), (plan.changes.clone(), Some(chosen[0])));
    if plan.changes.is_empty() {
        assert!(plan.verdict.starts_with("the default stays"), "{}", plan.verdict);
    } else {
        assert!(chosen[0].final_ratio.unwrap() < 1.0 - plan.margin, "{plan:?}");
        assert!(plan.verdict.contains(&chosen[0].name), "{}", plan.verdict);
    }
    for candidate in &plan.candidates {
        assert_eq!(candidate.name, candidate.changes.to_string());
        assert_eq!(candidate.round_count, candidate.rounds.len());
        assert_eq!(candidate.run_count, candidate.rounds.iter().map(|round| round.run_count).sum::<u64>());
        let is_silent = candidate.reason.is_empty();
        let may_be_silent = candidate.outcome == PlanOutcome::Chosen || candidate.changes.is_empty();
        assert_eq!(is_silent, may_be_silent, "{candidate:?}");
        if candidate.outcome != PlanOutcome::Out && candidate.round_count > 0 {
            assert!(candidate.max_difference.unwrap() <= plan.tolerance, "{candidate:?}");
            assert!(candidate.lower_quartile_ns <= candidate.median_ns, "{candidate:?}");
            assert!(
                candidate.median_ns <= candidate.upper_quartile_ns && candidate.p99_ns > 0,
                "{candidate:?}"
            );
        }
        let of_default: BTreeMap<_, _> =
            default.rounds.iter().map(|round| (round.round, round.median_ns)).collect();
        let shares = candidate.rounds.iter();
        let shares = shares.filter_map(|round| Some(round.median_ns / of_default.get(&round.round)?));
        let shares: Vec<f64> = shares.collect();
        assert_eq!(candidate.ratio.is_some(), !shares.is_empty());
        assert!(candidate.ratio.is_none_or(|ratio| (ratio - middle(shares)).abs() < 1e-9), "{candidate:?}");
    }
}

#[test]
fn plans_are_kept_in_the_cache_and_followed() {
    let place = folder("tune_cache");
    let (case, samples) = magika();
    let plan = tune(&case.model, &samples, &quick(cached(&place))).unwrap();
    check_figures(&plan);
    assert_eq!(plan.stored_in.as_deref(), Some(plan_file(&place).as_path()));
    assert_eq!((plan.warnings.len(), plan.sample_count, plan.concurrency), (0, samples.len(), 1));
    assert_eq!(plan.model, "model.onnx");
    for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
        let session = Session::load(&case.model, &cached(&place)).unwrap();
        let report = session.report();
        assert_eq!((report.plan, report.cache.outcome), (Some(PlanReport::from(&plan)), outcome));
        assert_eq!(report.warnings, [""; 0]);
        check_close(case, &session);
    }
    // Once more: the new plan takes the place of the old one.
    let again = tune(&case.model, &samples, &quick(cached(&place))).unwrap();
    assert_eq!(again.stored_in, plan.stored_in);
    let stored: Plan = serde_json::from_slice(&fs::read(plan_file(&place)).unwrap()).unwrap();
    assert_eq!((&stored.changes, &stored.verdict), (&again.changes, &again.verdict));
    assert_eq!((&stored.made_for, stored.elapsed_ns), (&again.made_for, again.elapsed_ns));
    assert_eq!(stored.candidates.len(), again.candidates.len());
    assert!(stored.candidates.iter().all(|candidate| candidate.rounds.is_empty()));
}

#[test]
fn a_plan_changes_the_session_and_has_an_entry_of_its_own() {
    let place = folder("tune_followed");
    let (case, samples) = magika();
    tune(&case.model, &samples, &quick(cached(&place))).unwrap();
    let load = || Session::load(&case.model, &cached(&place)).unwrap();
    edit(&place, |plan| plan["changes"] = json!({}));
    let usual = load().report();
    assert_eq!(usual.plan.map(|plan| plan.changes), Some(PlanChanges::default()));
    edit(&place, |plan| plan["changes"] = json!({ "threads": 1, "optimization_level": "basic" }));
    let changes = PlanChanges {
        threads: Some(Threads::Count(1)),
        optimization_level: Some(OptimizationLevel::Basic),
        ..Default::default()
    };
    let other = load();
    check_close(case, &other);
    let report = other.report();
    assert_eq!((report.plan.unwrap().changes, report.cache.outcome), (changes.clone(), CacheOutcome::Stored));
    assert_ne!(report.cache.key, usual.cache.key);
    // The same entry as for somebody who asks for these options.
    let asked =
        SessionOptions { optimization_level: OptimizationLevel::Basic, use_plan: false, ..cached(&place) };
    let asked = Session::load(&case.model, &asked).unwrap().report();
    assert_eq!(
        (asked.plan, asked.cache.outcome, &asked.cache.key),
        (None, CacheOutcome::Hit, &report.cache.key)
    );
    assert_eq!(load().report().cache.outcome, CacheOutcome::Hit);
    // What runs is what is profiled: fewer operators are fused at level `basic`.
    let operators = |options: &SessionOptions| {
        let inputs = samples[0].iter().map(|(name, value)| (name, value));
        let profile = ortlet::profile(&case.model, inputs, options, 1).unwrap();
        profile.operators.into_iter().map(|time| time.operator).collect::<HashSet<_>>()
    };
    let basic = SessionOptions { optimization_level: OptimizationLevel::Basic, ..cached(&place) };
    assert_eq!(operators(&cached(&place)), operators(&basic));
    assert_ne!(operators(&cached(&place)), operators(&SessionOptions { use_plan: false, ..cached(&place) }));
}

#[test]
fn plans_for_anything_else_are_not_followed() {
    let place = folder("tune_foreign");
    let (case, samples) = magika();
    tune(&case.model, &samples, &quick(cached(&place))).unwrap();
    let report = |options: &SessionOptions| {
        let session = Session::load(&case.model, options).unwrap();
        check_close(case, &session);
        session.report()
    };
    assert!(report(&cached(&place)).plan.is_some());
    let dims = BTreeMap::from([("no_such_dim".to_owned(), 1)]);
    for other in [
        SessionOptions { threads: Threads::Count(2), ..cached(&place) },
        SessionOptions { use_plan: false, ..cached(&place) },
        SessionOptions { profile: Profile::Throughput, ..cached(&place) },
        SessionOptions { dims, ..cached(&place) },
        SessionOptions { optimization_level: OptimizationLevel::Extended, ..cached(&place) },
        SessionOptions { config: BTreeMap::from([("a".into(), "b".into())]), ..cached(&place) },
        SessionOptions { cache: Cache::Off, ..cached(&place) },
    ] {
        let report = report(&other);
        assert_eq!((report.plan, report.warnings), (None, vec![]), "{other:?}");
    }
    let original = fs::read(plan_file(&place)).unwrap();
    for (field, value, words) in [
        ("runtime_version", json!("1.2.3"), "made for ONNX Runtime 1.2.3, this is"),
        ("runtime_build", json!("other"), "made for ONNX Runtime build other"),
        ("cpu_features", json!(["abacus"]), "made for a CPU with abacus"),
        ("cpu_model", json!("Fast 9"), "made for CPU Fast 9"),
        ("core_count", json!(77), "made for 77 usable cores"),
        ("model_digest", json!("00"), "made from another model"),
        ("options_digest", json!("00"), "made with other session options"),
        ("ortlet_version", json!("0.0.0"), "made for Ortlet 0.0.0"),
    ] {
        edit(&place, |plan| plan["made_for"][field] = value);
        let report = report(&cached(&place));
        assert_eq!(report.plan, None, "{field}");
        let expected = format!("stored plan not used: {words}");
        assert!(
            report.warnings.len() == 1 && report.warnings[0].starts_with(&expected),
            "{:?}",
            report.warnings
        );
        fs::write(plan_file(&place), &original).unwrap();
    }
}

#[test]
fn damaged_plans_only_make_a_warning() {
    let place = folder("tune_damaged");
    let (case, samples) = magika();
    tune(&case.model, &samples, &quick(cached(&place))).unwrap();
    let file = plan_file(&place);
    let original = fs::read(&file).unwrap();
    let check = |what: &str| {
        let session = Session::load(&case.model, &cached(&place)).unwrap();
        let report = session.report();
        let named = report.warnings.iter().any(|warning| warning.starts_with("stored plan not used: "));
        assert!(named && report.plan.is_none(), "{what}: {report:?}");
        check_close(case, &session);
    };
    for length in [0, 1, original.len() / 2, original.len() - 1] {
        fs::write(&file, &original[..length]).unwrap();
        check(&format!("cut to {length}"));
    }
    fs::write(&file, vec![0xff; 3 << 20]).unwrap();
    check("three megabytes of nothing");
    for changes in [
        json!({ "threads": 0 }),
        json!({ "threads": 1024 }),
        json!({ "provider": "abacus" }),
        json!({ "config": { "session.x": "1" } }),
        json!({ "disabled_optimizers": ["a;b"] }),
        json!({ "dims": { "": 0 } }),
    ] {
        fs::write(&file, &original).unwrap();
        edit(&place, |plan| plan["changes"] = changes.clone());
        check(&changes.to_string());
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    check("a folder");
}

#[test]
fn artifacts_carry_their_plan() {
    let place = folder("tune_artifact");
    let (case, samples) = magika();
    let artifact = place.join("a.ortlet");
    // Without a section that fits: what the plan leads to has to be added.
    let other = SessionOptions { dims: BTreeMap::from([("no_such_dim".into(), 1)]), ..Default::default() };
    ortlet::compile(&case.model, &artifact, &other).unwrap();
    let before = Session::load(&artifact, &SessionOptions::default()).unwrap();
    assert_eq!(before.report().origin, Origin::ArtifactPortable);
    for _ in 0..2 {
        let plan = tune(&artifact, &samples, &quick(SessionOptions::default())).unwrap();
        check_figures(&plan);
        assert_eq!((plan.stored_in.as_ref(), &plan.warnings), (Some(&artifact), &vec![]));
        let read = Artifact::open(&artifact).unwrap();
        read.verify_data().unwrap();
        assert_eq!(read.manifest().plans.len(), 1);
        let session = Session::load(&artifact, &SessionOptions::default()).unwrap();
        let report = session.report();
        assert_eq!((report.plan, report.origin), (Some(PlanReport::from(&plan)), Origin::ArtifactDevice));
        check_close(case, &session);
    }
    check_close(case, &before);
    assert_eq!(files(&place, ""), ["a.ortlet"]);
    let options = SessionOptions { use_plan: false, ..Default::default() };
    assert_eq!(Session::load(&artifact, &options).unwrap().report().plan, None);
    // A further device keeps the plan.
    ortlet::compile(
        &artifact,
        &artifact,
        &SessionOptions { optimization_level: OptimizationLevel::Basic, ..other },
    )
    .unwrap();
    assert!(Session::load(&artifact, &SessionOptions::default()).unwrap().report().plan.is_some());
}

#[test]
fn foreign_and_damaged_plans_of_artifacts_only_make_a_warning() {
    let place = folder("tune_artifact_damaged");
    let (case, samples) = magika();
    let artifact = place.join("a.ortlet");
    ortlet::compile(&case.model, &artifact, &SessionOptions::default()).unwrap();
    tune(&artifact, &samples, &TuneOptions { time_limit_ms: 1, ..Default::default() }).unwrap();
    let good = Artifact::open(&artifact).unwrap();
    let plan = good.manifest().plans[0].clone();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut plan = plan.clone();
        change(&mut plan);
        plan
    };
    let foreign = changed(&|plan| plan["made_for"]["runtime_version"] = json!("1.2.3"));
    let unknown = changed(&|plan| plan["changes"] = json!({ "magic": true }));
    let failing = changed(&|plan| plan["changes"] = json!({ "provider": "abacus" }));
    let basic = changed(&|plan| plan["changes"] = json!({ "optimization_level": "basic" }));
    for (plans, words) in [
        (vec![foreign.clone()], Some("made for ONNX Runtime 1.2.3")),
        (vec![unknown.clone(), foreign.clone()], Some("damaged: ")),
        (vec![json!(7)], Some("damaged: ")),
        (vec![failing], Some("`abacus` not found")),
        (vec![foreign, unknown, basic], None),
    ] {
        let mut writer = good.to_writer().unwrap();
        writer.plans = plans;
        let mut file = Vec::new();
        writer
            .write_to(&mut |bytes| {
                file.extend_from_slice(bytes);
                Ok(())
            })
            .unwrap();
        let copy = place.join("copy.ortlet");
        fs::write(&copy, file).unwrap();
        let session = Session::load(&copy, &SessionOptions::default()).unwrap();
        check_close(case, &session);
        let report = session.report();
        assert_eq!(report.plan.is_some(), words.is_none(), "{report:?}");
        assert_eq!(report.warnings.len(), usize::from(words.is_some()), "{report:?}");
        assert!(words.is_none_or(|words| report.warnings[0].contains(words)), "{:?}", report.warnings);
    }
}

#[test]
fn the_cache_lists_and_clears_plans_and_never_evicts_them() {
    let place = folder("tune_listed");
    let (case, samples) = magika();
    tune(&case.model, &samples, &TuneOptions { time_limit_ms: 1, ..quick(cached(&place)) }).unwrap();
    let limited = SessionOptions { cache_limit_bytes: 1, ..cached(&place) };
    Session::load(&case.model, &limited).unwrap();
    Session::load(reference().case("recurrent").model.clone(), &limited).unwrap();
    let cache = Cache::Folder(place.clone());
    let kinds = |entries: Vec<ortlet::CacheEntry>| {
        let mut kinds: Vec<_> = entries.into_iter().map(|entry| (entry.kind, entry.model.unwrap())).collect();
        kinds.sort_by_key(|(kind, _)| *kind == CacheEntryKind::Plan);
        kinds
    };
    let expected = [
        (CacheEntryKind::Model, "recurrent.onnx".to_owned()),
        (CacheEntryKind::Plan, "model.onnx".to_owned()),
    ];
    assert_eq!(kinds(cache.entries().unwrap()), expected);
    fs::write(place.join(format!("{}.plan.tmp", "0123456789abcdef".repeat(2))), "half").unwrap();
    fs::write(place.join("my.plan"), "mine").unwrap();
    assert_eq!(kinds(cache.clear().unwrap()), expected);
    assert_eq!(files(&place, ""), ["my.plan"]);
}

#[test]
fn folders_that_cannot_be_written_only_cost_the_keeping() {
    let place = folder("tune_read_only");
    let Some(disk) = Mount::disk(&place, "size=32m") else { return };
    let (case, samples) = magika();
    let options = TuneOptions { time_limit_ms: 1, ..quick(cached(disk.path())) };
    let artifact = disk.path().join("a.ortlet");
    ortlet::compile(&case.model, &artifact, &SessionOptions::default()).unwrap();
    tune(&case.model, &samples, &options).unwrap();
    disk.make_read_only();
    for model in [&case.model, &artifact] {
        let plan = tune(model, &samples, &options).unwrap();
        assert_eq!(plan.stored_in, None);
        let named = |warning: &String| warning.contains("could not be kept") && warning.contains("Read-only");
        assert!(plan.warnings.len() == 1 && named(&plan.warnings[0]), "{:?}", plan.warnings);
    }
    // What was kept before is still followed.
    assert!(Session::load(&case.model, &cached(disk.path())).unwrap().report().plan.is_some());
}

#[test]
fn a_race_can_be_cancelled() {
    let place = folder("tune_cancelled");
    let (case, samples) = magika();
    let token = CancelToken::new();
    token.cancel();
    let cancelled = TuneOptions { cancel: Some(token), ..quick(cached(&place)) };
    assert_eq!(tune(&case.model, &samples, &cancelled).unwrap_err().code(), ErrorCode::Cancelled);
    let token = CancelToken::new();
    let canceller = token.clone();
    let progress = TuneObserver::new(move |progress| {
        assert!(!progress.candidate.is_empty() && progress.remaining_count > 0 || progress.round.is_none());
        if progress.round == Some(1) {
            canceller.cancel();
        }
    });
    let options = TuneOptions {
        cancel: Some(token),
        progress: Some(progress),
        time_limit_ms: 600_000,
        concurrency: 3,
        ..quick(cached(&place))
    };
    assert_eq!(tune(&case.model, &samples, &options).unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(files(&place, ".plan"), [""; 0]);
}

#[test]
fn without_time_the_default_stays() {
    let (case, samples) = magika();
    for time_limit_ms in [0, 1, 100] {
        let plan =
            tune(&case.model, &samples, &TuneOptions { time_limit_ms, ..TuneOptions::default() }).unwrap();
        check_figures(&plan);
        assert_eq!((plan.changes.is_empty(), plan.stored_in.as_ref()), (true, None));
        assert!(plan.candidates.len() > 1);
    }
}

#[test]
fn recurrent_models_race_with_several_callers() {
    let case = reference().case("silero-vad");
    let options = TuneOptions { concurrency: 3, ..quick(SessionOptions::default()) };
    let plan = tune(&case.model, &samples(case), &options).unwrap();
    check_figures(&plan);
    assert_eq!(plan.concurrency, 3);
    // Whoever follows the plan by hand gets what it promises.
    check_close(case, &Session::load(&case.model, &plan.options(&SessionOptions::default())).unwrap());
}

#[test]
fn sizes_are_fixed_only_on_request() {
    let path = model("minilm/model.onnx");
    let session = Session::load(&path, &SessionOptions::default()).unwrap();
    let sample: Vec<(String, Value)> = session
        .inputs()
        .iter()
        .map(|info| (info.name.clone(), Tensor::zeros(DType::I64, [1, 8]).unwrap().into()))
        .collect();
    let raced = |fix_dims| {
        let options = TuneOptions { time_limit_ms: 1, fix_dims, ..TuneOptions::default() };
        let plan = tune(&path, std::slice::from_ref(&sample), &options).unwrap();
        let fixing = plan.candidates.into_iter().find(|candidate| !candidate.changes.dims.is_empty());
        fixing.map(|candidate| candidate.changes.dims.into_values().collect::<Vec<_>>())
    };
    assert_eq!(raced(false), None);
    assert_eq!(raced(true), Some(vec![1, 8]));
}

#[test]
fn models_in_ort_format_race_too() {
    let (_, samples) = magika();
    let place = folder("tune_ort");
    let options = quick(cached(&place));
    let plan = tune(reference().folder.join("magika.ort"), &samples, &options).unwrap();
    check_figures(&plan);
    // There is no entry of such a model in the cache either.
    assert_eq!((plan.stored_in, plan.warnings), (None, vec![]));
}

#[test]
fn what_cannot_race_is_an_error() {
    let (case, samples) = magika();
    let code = |path: &Path, samples: &Samples, options: &TuneOptions| {
        tune(path, samples, options).unwrap_err().code()
    };
    let default = TuneOptions::default();
    assert_eq!(code(&case.model, &vec![], &default), ErrorCode::InvalidArgument);
    assert_eq!(code(Path::new("nowhere.onnx"), &samples, &default), ErrorCode::NotFound);
    let threads = SessionOptions { threads: Threads::Count(2), ..Default::default() };
    assert_eq!(code(&case.model, &samples, &quick(threads)), ErrorCode::InvalidArgument);
    let mut wrong = samples.clone();
    wrong[1][0].0 = "nothing".into();
    assert_eq!(code(&case.model, &wrong, &default), ErrorCode::NotFound);
}
