//! Processes that are killed at any moment of compiling: the next one finds nothing, or something whole.

mod common;
mod damage;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Case, cached, check, child, files, folder, reference, setting, two_threads};
use damage::Random;
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::tensor::Value;
use ortlet::{Cache, CacheOutcome, Session, SessionOptions, TuneOptions};

/// Tell a child where to work, and on what.
const PLACE: &str = "ORTLET_TEST_PLACE";
const MODEL: &str = "ORTLET_TEST_MODEL";
/// Said by a child whenever it starts to compile.
const COMPILING: &str = "compiling";
const KILL_COUNT: usize = 200;
/// Killers at work at once, each with a folder of its own.
const KILLER_COUNT: usize = 4;
/// A child is killed at most after this many times what one compilation takes undisturbed.
const SPAN: u32 = 3;

fn case() -> &'static Case {
    reference().case("transformer-int8")
}

/// Kills a child that compiles again and again, at a moment of the first compilations.
fn kill(command: &mut Command, moment: Duration) {
    let mut child: Child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(COMPILING)), "the child does not compile");
    thread::sleep(moment);
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills children at random moments; `check` looks at the folder after each.
fn kill_often(test: &str, place: &Path, seed: u64, count: usize, span: Duration, mut check: impl FnMut()) {
    let mut random = Random(seed);
    for _ in 0..count {
        let moment = span.mul_f64(random.below(10_000) as f64 / 10_000.0);
        kill(child(test).env(PLACE, place).env(MODEL, &case().model), moment);
        check();
    }
}

/// How long compiling takes here, so that the kills hit all of it.
fn span(place: &Path) -> Duration {
    let compile = || ortlet::compile(&case().model, place.join("span.ortlet"), &two_threads()).unwrap();
    // The first one also loads ONNX Runtime.
    compile();
    let start = Instant::now();
    compile();
    let span = start.elapsed() * SPAN;
    std::fs::remove_file(place.join("span.ortlet")).unwrap();
    span
}

/// Loads with every digest checked.
fn load_cached(place: &Path) -> Session {
    let options = SessionOptions { verify: true, ..cached(place) };
    let session = Session::load(&case().model, &options).unwrap();
    check(case(), &session);
    session
}

fn kill_while_caching(number: usize) -> [usize; 2] {
    let place = folder(&format!("cache_crashes_{number}"));
    let span = span(&place);
    let mut found = [0; 2];
    kill_often("compiles_into_a_cache", &place, number as u64, KILL_COUNT / KILLER_COUNT, span, || {
        let report = load_cached(&place).report();
        assert_eq!(report.warnings, [""; 0]);
        match report.cache.outcome {
            CacheOutcome::Hit => found[0] += 1,
            CacheOutcome::Stored => {
                found[1] += 1;
                assert_eq!(files(&place, ".tmp"), [""; 0]);
            }
            other => panic!("{other:?}"),
        }
        assert!(files(&place, ".tmp").len() <= 1);
    });
    // The next one to write cleans up, whichever entry it is for.
    let other = reference().case("passed-through");
    assert_eq!(
        Session::load(&other.model, &cached(&place)).unwrap().report().cache.outcome,
        CacheOutcome::Stored
    );
    assert_eq!(files(&place, ".tmp"), [""; 0]);
    assert_eq!(files(&place, ".ortlet").len(), 2);
    assert_eq!(files(&place, ".lock").len(), 2);
    found
}

#[test]
fn killed_while_caching() {
    let all: Vec<[usize; 2]> = thread::scope(|scope| {
        let killers: Vec<_> =
            (0..KILLER_COUNT).map(|number| scope.spawn(move || kill_while_caching(number))).collect();
        killers.into_iter().map(|killer| killer.join().unwrap()).collect()
    });
    let [hits, stored] = [0, 1].map(|outcome| all.iter().map(|found| found[outcome]).sum::<usize>());
    println!("{KILL_COUNT} kills: {hits} left a whole entry, {stored} none");
    assert!(hits > 0 && stored > 0, "all kills hit the same moment");
}

#[test]
#[ignore = "started by the test above"]
fn compiles_into_a_cache() {
    Runtime::load(&RuntimeOptions::default()).unwrap();
    loop {
        for entry in files(&setting(PLACE), ".ortlet") {
            std::fs::remove_file(setting(PLACE).join(entry)).unwrap();
        }
        println!("{COMPILING}");
        Session::load(setting(MODEL), &cached(&setting(PLACE))).unwrap();
    }
}

#[test]
fn killed_while_replacing_an_artifact() {
    let place = folder("cache_crashes_artifact");
    let artifact = place.join("a.ortlet");
    let span = span(&place);
    ortlet::compile(&case().model, &artifact, &two_threads()).unwrap();
    kill_often("compiles_an_artifact", &place, 9, 40, span, || {
        let options = SessionOptions { verify: true, ..two_threads() };
        check(case(), &Session::load(&artifact, &options).unwrap());
        // Each child removes what the ones before it left.
        assert!(files(&place, ".tmp").len() <= 1);
    });
    ortlet::compile(&case().model, &artifact, &two_threads()).unwrap();
    assert_eq!(files(&place, ""), ["a.ortlet"]);
}

#[test]
#[ignore = "started by the test above"]
fn compiles_an_artifact() {
    Runtime::load(&RuntimeOptions::default()).unwrap();
    loop {
        println!("{COMPILING}");
        ortlet::compile(setting(MODEL), setting(PLACE).join("a.ortlet"), &two_threads()).unwrap();
    }
}

/// Options with which plans are followed.
fn followed(place: &Path) -> SessionOptions {
    SessionOptions { cache: Cache::Folder(place.join("cache")), verify: true, ..Default::default() }
}

/// The inputs of the first step.
fn sample() -> Vec<(String, Value)> {
    reference().inputs(&case().steps[0]).into_iter().collect()
}

/// Tunes without time to race: all that is left is keeping the plan.
fn tune(model: &Path, place: &Path) {
    let options = TuneOptions { session: followed(place), time_limit_ms: 0, ..Default::default() };
    let plan = ortlet::tune(model, &[sample()], &options).unwrap();
    assert!(plan.stored_in.is_some(), "{:?}", plan.warnings);
}

#[test]
fn killed_while_keeping_plans() {
    let place = folder("cache_crashes_plans");
    let artifact = place.join("a.ortlet");
    ortlet::compile(&case().model, &artifact, &SessionOptions::default()).unwrap();
    let both = || [case().model.as_path(), &artifact];
    both().iter().for_each(|model| tune(model, &place));
    let start = Instant::now();
    both().iter().for_each(|model| tune(model, &place));
    kill_often("tunes", &place, 11, 40, start.elapsed() * 2, || {
        for model in both() {
            let report = Session::load(model, &followed(&place)).unwrap().report();
            assert!(report.plan.is_some() && report.warnings.is_empty(), "{report:?}");
        }
        assert!(files(&place, ".tmp").len() <= 1 && files(&place.join("cache"), ".tmp").len() <= 1);
    });
    both().iter().for_each(|model| tune(model, &place));
    assert_eq!(files(&place, ""), ["a.ortlet", "cache"]);
    assert_eq!(files(&place.join("cache"), ".tmp"), [""; 0]);
}

#[test]
#[ignore = "started by the test above"]
fn tunes() {
    Runtime::load(&RuntimeOptions::default()).unwrap();
    let place = setting(PLACE);
    loop {
        println!("{COMPILING}");
        [setting(MODEL), place.join("a.ortlet")].iter().for_each(|model| tune(model, &place));
    }
}
