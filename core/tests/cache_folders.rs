//! Cache folders that are full, read-only, no folders at all, too small, or taken away.

mod common;
mod mount;

use std::fs;
use std::path::Path;

use common::{Case, cached, check, child, files, folder, reference, two_threads};
use mount::Mount;
use ortlet::{Cache, CacheOutcome, ErrorCode, Session, SessionOptions, SessionReport};

fn magika() -> &'static Case {
    reference().case("magika")
}

fn load(place: &Path) -> (Session, SessionReport) {
    let session = Session::load(&magika().model, &cached(place)).unwrap();
    check(magika(), &session);
    let report = session.report();
    (session, report)
}

/// The load worked, nothing was cached, and a warning says why.
fn assert_uncached(report: &SessionReport, reason: &str) {
    assert_eq!(report.cache.outcome, CacheOutcome::Failed, "{report:?}");
    let named =
        report.warnings.iter().any(|warning| warning.starts_with("not cached: ") && warning.contains(reason));
    assert!(named, "{:?}", report.warnings);
}

/// No half of an entry and no unfinished work.
fn assert_nothing_left(place: &Path) {
    let left = files(place, "");
    let harmless = |name: &String| name.ends_with(".lock") || name.ends_with(".note");
    assert!(left.iter().all(harmless), "{left:?}");
}

#[test]
fn full_disks_only_cost_the_cache() {
    let mut failures = 0;
    // Full at the start, while ONNX Runtime writes, while the artifact is written, and hardly not.
    for size_kib in [4, 64, 1024, 3000, 4500, 6000, 8000, 12_000] {
        let place = folder("cache_folders_full");
        let Some(disk) = Mount::disk(&place, &format!("size={size_kib}k")) else { return };
        let (session, report) = load(disk.path());
        if report.cache.outcome == CacheOutcome::Failed {
            assert_uncached(&report, "No space left on device");
            assert_nothing_left(disk.path());
            failures += 1;
        } else {
            assert_eq!(report.cache.outcome, CacheOutcome::Stored);
            assert_eq!(load(disk.path()).1.cache.outcome, CacheOutcome::Hit);
        }
        check(magika(), &session);
    }
    assert!((3..8).contains(&failures), "{failures}");
}

#[test]
fn disks_without_room_for_any_file_do_too() {
    let place = folder("cache_folders_no_inodes");
    let Some(disk) = Mount::disk(&place, "size=64m,nr_inodes=1") else { return };
    assert_uncached(&load(disk.path()).1, "No space left on device");
    assert_eq!(files(disk.path(), ""), [""; 0]);
}

#[test]
fn artifacts_on_full_disks_stay_as_they_are() {
    let place = folder("cache_folders_full_artifact");
    for size_kib in [6500, 9000, 12_000] {
        let Some(disk) = Mount::disk(&place, &format!("size={size_kib}k")) else { return };
        let made = folder("cache_folders_artifact").join("a.ortlet");
        ortlet::compile(&magika().model, &made, &two_threads()).unwrap();
        let artifact = disk.path().join("a.ortlet");
        fs::copy(&made, &artifact).unwrap();
        for target in ["a.ortlet", "b.ortlet"] {
            let error =
                ortlet::compile(&magika().model, disk.path().join(target), &two_threads()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Io, "{error}");
            assert!(error.to_string().contains("No space left on device"), "{error}");
            assert_eq!(files(disk.path(), ""), ["a.ortlet"]);
        }
        assert_eq!(fs::read(&artifact).unwrap(), fs::read(&made).unwrap());
        check(magika(), &Session::load(&artifact, &two_threads()).unwrap());
    }
}

#[test]
fn files_where_the_folder_should_be_only_cost_the_cache() {
    let file = folder("cache_folders_file").join("file");
    fs::write(&file, "in the way").unwrap();
    assert_uncached(&load(&file).1, "Not a directory");
    assert_uncached(&load(&file.join("below")).1, "Not a directory");
    assert_eq!(fs::read(&file).unwrap(), b"in the way");
}

#[test]
fn read_only_folders_serve_what_they_have() {
    let place = folder("cache_folders_read_only");
    let Some(disk) = Mount::disk(&place, "size=32m") else { return };
    let odd = reference().case("odd-sizes");
    Session::load(&odd.model, &cached(disk.path())).unwrap();
    disk.make_read_only();
    assert_uncached(&load(disk.path()).1, "Read-only file system");
    let hit = Session::load(&odd.model, &cached(disk.path())).unwrap();
    assert_eq!(hit.report().cache.outcome, CacheOutcome::Hit, "{:?}", hit.report());
    assert_eq!(hit.report().warnings, [""; 0]);
    check(odd, &hit);
    let error = Cache::Folder(disk.path().to_owned()).clear().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io, "{error}");
    check(odd, &hit);
}

#[test]
fn damaged_entries_of_read_only_folders_only_cost_the_cache() {
    let place = folder("cache_folders_damaged");
    let Some(disk) = Mount::disk(&place, "size=32m") else { return };
    load(disk.path());
    let entry = disk.path().join(files(disk.path(), ".ortlet").remove(0));
    fs::remove_file(&entry).unwrap();
    fs::write(&entry, "ORTLET damaged").unwrap();
    disk.make_read_only();
    let (_, report) = load(disk.path());
    assert_uncached(&report, "Read-only file system");
    assert!(report.warnings[0].starts_with("entry not usable: "), "{:?}", report.warnings);
}

#[test]
fn the_oldest_entries_make_room() {
    let place = folder("cache_folders_limit");
    let cache = Cache::Folder(place.clone());
    let load = |name: &str, limit: u64| {
        let options = SessionOptions { cache_limit_bytes: limit, ..cached(&place) };
        let session = Session::load(&reference().case(name).model, &options).unwrap();
        (session.report().cache.outcome, session)
    };
    let models = || {
        let entries = cache.entries().unwrap().into_iter();
        entries.map(|entry| entry.model.unwrap()).collect::<Vec<_>>()
    };
    let everything = u64::MAX;
    let (_, first) = load("recurrent", everything);
    for name in ["transformer", "qdq-conv", "matmul-nbits"] {
        assert_eq!(load(name, everything).0, CacheOutcome::Stored);
    }
    assert_eq!(models(), ["recurrent.onnx", "transformer.onnx", "qdq-conv.onnx", "matmul-nbits.onnx"]);
    // Used again, so no longer the oldest.
    assert_eq!(load("transformer", everything).0, CacheOutcome::Hit);
    assert_eq!(models(), ["recurrent.onnx", "qdq-conv.onnx", "matmul-nbits.onnx", "transformer.onnx"]);
    let total: u64 = cache.entries().unwrap().iter().map(|entry| entry.file_bytes).sum();
    // No room for more: something old has to go.
    assert_eq!(load("branches", total).0, CacheOutcome::Stored);
    let left = models();
    assert!(
        !left.contains(&"recurrent.onnx".to_owned()) && left.ends_with(&["branches.onnx".to_owned()]),
        "{left:?}"
    );
    check(reference().case("recurrent"), &first);
    // An entry that comes back is new again, whenever it was there before.
    assert_eq!(load("recurrent", everything).0, CacheOutcome::Stored);
    assert_eq!(models().last().unwrap(), "recurrent.onnx");
    // The new one stays even where it is too large.
    assert_eq!(load("odd-sizes", 1).0, CacheOutcome::Stored);
    assert_eq!(models(), ["odd-sizes.onnx"]);
    assert_eq!(load("odd-sizes", 1).0, CacheOutcome::Hit);
    check(reference().case("recurrent"), &first);
}

#[test]
fn clearing_removes_the_cache_and_nothing_else() {
    let place = folder("cache_folders_clear");
    let (session, report) = load(&place);
    ortlet::compile(&magika().model, place.join("model.ortlet"), &two_threads()).unwrap();
    for name in ["Cargo.lock", "my.tmp", "my.note"] {
        fs::write(place.join(name), "mine").unwrap();
    }
    let cache = Cache::Folder(place.clone());
    let removed = cache.clear().unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(
        (Some(&removed[0].key), removed[0].model.as_deref()),
        (report.cache.key.as_ref(), Some("model.onnx"))
    );
    assert_eq!(files(&place, ""), ["Cargo.lock", "model.ortlet", "my.note", "my.tmp"]);
    assert_eq!(cache.entries().unwrap(), []);
    check(magika(), &session);
    assert_eq!(Cache::Folder(place.join("missing")).clear().unwrap(), []);
    assert_eq!(load(&place).1.cache.outcome, CacheOutcome::Stored);
}

#[test]
fn the_environment_names_the_default_folder() {
    let place = folder("cache_folders_environment");
    let status = child("loads_with_defaults").env("ORTLET_CACHE", &place).status().unwrap();
    assert!(status.success());
    assert_eq!(files(&place, ".ortlet").len(), 1);
    assert!(child("loads_with_defaults").env("ORTLET_CACHE", "").status().unwrap().success());
}

#[test]
#[ignore = "started by the test above"]
fn loads_with_defaults() {
    let named = std::env::var("ORTLET_CACHE").unwrap();
    for outcome in [CacheOutcome::Stored, CacheOutcome::Hit] {
        let session = Session::load(&magika().model, &two_threads()).unwrap();
        let expected = if named.is_empty() { CacheOutcome::Off } else { outcome };
        assert_eq!(session.report().cache.outcome, expected);
        check(magika(), &session);
    }
    let options = SessionOptions { cache: Cache::Off, ..two_threads() };
    assert_eq!(Session::load(&magika().model, &options).unwrap().report().cache.outcome, CacheOutcome::Off);
}
