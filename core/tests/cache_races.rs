//! Many processes and threads at one entry or one artifact at the same time.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use common::{Case, cached, check, child, files, folder, reference, two_threads};
use ortlet::{Cache, CacheOutcome, Session, SessionOptions};

/// Tells a child where the cache is.
const PLACE: &str = "ORTLET_TEST_PLACE";
const READY: &str = "ready";
const RACER_COUNT: usize = 16;

fn magika() -> &'static Case {
    reference().case("magika")
}

fn racer(place: &Path) -> Child {
    let mut racer = child("races");
    racer.env(PLACE, place).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Starts processes, lets them load at once when all are ready, and gives what each said of it.
fn race(place: &Path) -> Vec<String> {
    let mut racers: Vec<Child> = (0..RACER_COUNT).map(|_| racer(place)).collect();
    let mut outputs: Vec<_> =
        racers.iter_mut().map(|racer| BufReader::new(racer.stdout.take().unwrap()).lines()).collect();
    for output in &mut outputs {
        assert!(output.any(|line| line.unwrap().contains(READY)));
    }
    for racer in &mut racers {
        racer.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let outcome = |lines: Vec<String>| {
        let outcome = lines.iter().find_map(|line| line.strip_prefix("outcome "));
        outcome.unwrap_or_else(|| panic!("{lines:?}")).to_owned()
    };
    let lines = outputs.into_iter().map(|lines| lines.map(Result::unwrap).collect());
    let results = lines.map(outcome).collect();
    assert!(racers.iter_mut().all(|racer| racer.wait().unwrap().success()));
    results
}

#[test]
fn sixteen_processes_share_one_compilation() {
    for round in 0..2 {
        let place = folder(&format!("cache_races_{round}"));
        let outcomes = race(&place);
        let count = |wanted: &str| outcomes.iter().filter(|outcome| *outcome == wanted).count();
        assert_eq!((count("Stored"), count("Hit")), (1, RACER_COUNT - 1), "{outcomes:?}");
        assert_eq!(files(&place, ".ortlet").len(), 1);
        assert_eq!(files(&place, ".tmp"), [""; 0]);
    }
}

#[test]
fn sixteen_processes_heal_a_damaged_entry_once() {
    let place = folder("cache_races_healing");
    Session::load(&magika().model, &cached(&place)).unwrap();
    let entry = place.join(files(&place, ".ortlet").remove(0));
    std::fs::remove_file(&entry).unwrap();
    std::fs::write(&entry, "damaged").unwrap();
    let outcomes = race(&place);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "Healed").count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome == "Healed" || outcome == "Hit"), "{outcomes:?}");
}

#[test]
#[ignore = "started by the tests above"]
fn races() {
    let options = cached(&common::setting(PLACE));
    ortlet::runtime::Runtime::load(&options.runtime).unwrap();
    println!("{READY}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let session = Session::load(&magika().model, &options).unwrap();
    check(magika(), &session);
    println!("\noutcome {:?}", session.report().cache.outcome);
}

/// Runs `disturb` for as long as `count` threads load and check, `times` times each.
fn while_loading(count: usize, times: usize, load: impl Fn() -> Session + Sync, disturb: impl Fn()) -> usize {
    let (left, rounds) = (AtomicUsize::new(count), AtomicUsize::new(0));
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    (0..times).for_each(|_| check(magika(), &load()));
                }));
                failed.fetch_or(checked.is_err(), Ordering::Relaxed);
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while left.load(Ordering::Relaxed) > 0 {
            disturb();
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(!failed.into_inner());
    rounds.into_inner()
}

#[test]
fn artifacts_may_be_replaced_while_they_are_loaded() {
    let artifact = folder("cache_races_replaced").join("a.ortlet");
    let compile = || {
        ortlet::compile(&magika().model, &artifact, &two_threads()).unwrap();
    };
    compile();
    // This one was there first and stays through all of it.
    let first = Session::load(&artifact, &two_threads()).unwrap();
    let rounds = while_loading(4, 10, || Session::load(&artifact, &two_threads()).unwrap(), compile);
    assert!(rounds > 0);
    check(magika(), &first);
}

#[test]
fn artifacts_may_be_extended_while_they_are_replaced() {
    let place = folder("cache_races_extended");
    let (artifact, extended) = (place.join("a.ortlet"), place.join("b.ortlet"));
    ortlet::compile(&magika().model, &artifact, &two_threads()).unwrap();
    let copy = place.join("copy.ortlet");
    std::fs::copy(&artifact, &copy).unwrap();
    let extend = || loop {
        match ortlet::compile(&artifact, &extended, &two_threads()) {
            Ok(_) => return Session::load(&extended, &two_threads()).unwrap(),
            Err(error) => assert_eq!(error.code(), ortlet::ErrorCode::Integrity, "{error}"),
        }
    };
    while_loading(2, 3, extend, || {
        let next = place.join("next");
        std::fs::copy(&copy, &next).unwrap();
        std::fs::rename(&next, &artifact).unwrap();
        thread::sleep(std::time::Duration::from_millis(200));
    });
}

#[test]
fn the_cache_may_be_cleared_while_it_is_used() {
    let place = folder("cache_races_cleared");
    let first = Session::load(&magika().model, &cached(&place)).unwrap();
    let load = || {
        let session = Session::load(&magika().model, &cached(&place)).unwrap();
        let report = session.report();
        assert!(matches!(report.cache.outcome, CacheOutcome::Hit | CacheOutcome::Stored), "{report:?}");
        assert_eq!(report.warnings, [""; 0]);
        session
    };
    while_loading(4, 10, load, || drop(Cache::Folder(place.clone()).clear().unwrap()));
    check(magika(), &first);
    Cache::Folder(place.clone()).clear().unwrap();
    assert_eq!(files(&place, ""), [""; 0]);
}

#[test]
fn entries_may_be_evicted_while_they_are_used() {
    let place = folder("cache_races_evicted");
    let load = |name: &str| {
        // Room for nothing: whoever stores an entry evicts all others.
        let options = SessionOptions { cache_limit_bytes: 1, ..cached(&place) };
        let session = Session::load(&reference().case(name).model, &options).unwrap();
        let report = session.report();
        assert!(matches!(report.cache.outcome, CacheOutcome::Hit | CacheOutcome::Stored), "{report:?}");
        session
    };
    while_loading(4, 10, || load("magika"), || check(reference().case("odd-sizes"), &load("odd-sizes")));
}
