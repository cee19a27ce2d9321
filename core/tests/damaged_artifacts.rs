//! Artifacts and cache entries that are cut, or have a bit flipped, anywhere: an error that says so, or the right bits.

mod common;
mod damage;

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use common::{Case, cached, check, files, folder, reference, two_threads};
use damage::Random;
use ortlet::artifact::{Artifact, SectionKind};
use ortlet::{CacheOutcome, Error, ErrorCode, Origin, Session, SessionOptions};

/// Bits flipped in each section, and in each gap between sections.
const FLIP_COUNT: usize = 24;
/// The header has the most fields.
const HEADER_FLIP_COUNT: usize = 200;
const HEADER_BYTES: usize = 4096;

/// A model whose artifact has every section, small and with gaps in the data.
fn case() -> &'static Case {
    reference().case("odd-sizes")
}

/// An artifact's bytes and its parts: sections, and the padding before each, by name.
struct Parts {
    bytes: Vec<u8>,
    modified: SystemTime,
    sections: Vec<(SectionKind, Range<usize>)>,
}

impl Parts {
    fn of(path: &Path) -> Self {
        let artifact = Artifact::open(path).unwrap();
        let range = |range: Range<u64>| range.start as usize..range.end as usize;
        let sections =
            artifact.sections().iter().map(|section| (section.kind, range(section.range()))).collect();
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        Self { bytes: fs::read(path).unwrap(), modified, sections }
    }

    fn gaps(&self) -> impl Iterator<Item = Range<usize>> {
        let pairs = self.sections.windows(2).map(|pair| pair[0].1.end..pair[1].1.start);
        pairs.filter(|gap| !gap.is_empty())
    }

    /// Writes a damaged version, with the old time of modification or with a new one.
    fn write(&self, path: &Path, bytes: &[u8], is_touched: bool) {
        let _ = fs::remove_file(path);
        fs::write(path, bytes).unwrap();
        let time = if is_touched { SystemTime::now() } else { self.modified };
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    fn flipped(&self, at: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= 1 << random.below(8);
        bytes
    }
}

fn is_data(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PortableData | SectionKind::DeviceData)
}

fn places(range: &Range<usize>, count: usize, random: &mut Random) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).map(|_| range.start + random.below(range.len())).collect();
    places.extend([range.start, range.end - 1]);
    places
}

fn compiled(place: &Path) -> (PathBuf, Parts) {
    let path = place.join("a.ortlet");
    ortlet::compile(&case().model, &path, &two_threads()).unwrap();
    let parts = Parts::of(&path);
    let kinds: Vec<SectionKind> = parts.sections.iter().map(|(kind, _)| *kind).collect();
    for kind in [SectionKind::PortableData, SectionKind::DeviceData] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!(kinds.len(), 5);
    (path, parts)
}

fn load(path: &Path, verify: bool) -> ortlet::Result<Session> {
    Session::load(path, &SessionOptions { verify, ..two_threads() })
}

fn assert_clear(error: &Error, what: &str) {
    let expected = [ErrorCode::Integrity, ErrorCode::InvalidModel, ErrorCode::Unsupported];
    assert!(expected.contains(&error.code()), "{what}: {error}");
}

#[test]
fn cut_artifacts_are_refused() {
    let (path, parts) = compiled(&folder("damaged_artifacts_cut"));
    let mut random = Random(1);
    let borders = parts.sections.iter().flat_map(|(_, range)| [range.start, range.end]);
    let mut lengths: Vec<usize> = borders.flat_map(|border| [border - 1, border, border + 1]).collect();
    lengths.extend(0..9);
    lengths.extend([23, 24, 25, HEADER_BYTES - 32, HEADER_BYTES - 1]);
    lengths.extend((0..100).map(|_| random.below(parts.bytes.len())));
    lengths.retain(|&length| length < parts.bytes.len());
    for &length in &lengths {
        for is_touched in [false, true] {
            parts.write(&path, &parts.bytes[..length], is_touched);
            assert_clear(&load(&path, false).unwrap_err(), &format!("cut to {length} bytes"));
        }
    }
    parts.write(&path, &[&parts.bytes[..], b"more"].concat(), true);
    assert_clear(&load(&path, false).unwrap_err(), "longer");
    parts.write(&path, &parts.bytes, false);
    check(case(), &load(&path, false).unwrap());
}

#[test]
fn flipped_bits_of_the_structure_are_always_found() {
    let (path, parts) = compiled(&folder("damaged_artifacts_structure"));
    let mut random = Random(2);
    let mut flips = places(&(0..HEADER_BYTES), HEADER_FLIP_COUNT, &mut random);
    flips.extend(0..24);
    for (_, range) in parts.sections.iter().filter(|(kind, _)| !is_data(*kind)) {
        flips.extend(places(range, FLIP_COUNT, &mut random));
    }
    for at in flips {
        parts.write(&path, &parts.flipped(at, &mut random), false);
        assert_clear(&load(&path, false).unwrap_err(), &format!("byte {at}"));
    }
}

#[test]
fn flipped_bits_of_data_are_found_if_the_file_was_touched_or_is_verified() {
    let (path, parts) = compiled(&folder("damaged_artifacts_data"));
    let mut random = Random(3);
    for (kind, range) in parts.sections.iter().filter(|(kind, _)| is_data(*kind)) {
        for at in places(range, FLIP_COUNT, &mut random) {
            let damaged = parts.flipped(at, &mut random);
            parts.write(&path, &damaged, false);
            // Nobody has looked at the data yet.
            assert_eq!(
                load(&path, false).unwrap().report().origin,
                Origin::ArtifactDevice,
                "{kind:?} byte {at}"
            );
            assert_eq!(load(&path, true).unwrap_err().code(), ErrorCode::Integrity, "{kind:?} byte {at}");
            parts.write(&path, &damaged, true);
            assert_eq!(load(&path, false).unwrap_err().code(), ErrorCode::Integrity, "{kind:?} byte {at}");
        }
    }
}

#[test]
fn flipped_bits_of_padding_do_no_harm() {
    let (path, parts) = compiled(&folder("damaged_artifacts_padding"));
    let mut random = Random(4);
    let gaps: Vec<Range<usize>> = parts.gaps().collect();
    assert!(!gaps.is_empty());
    for gap in gaps {
        for at in places(&gap, FLIP_COUNT / 4, &mut random) {
            parts.write(&path, &parts.flipped(at, &mut random), false);
            check(case(), &load(&path, false).unwrap());
            assert_eq!(load(&path, true).unwrap_err().code(), ErrorCode::Integrity, "byte {at}");
        }
    }
}

#[test]
fn damaged_artifacts_are_not_made_into_new_ones() {
    let place = folder("damaged_artifacts_compile");
    let (path, parts) = compiled(&place);
    let mut random = Random(5);
    for (kind, range) in &parts.sections {
        let at = range.start + random.below(range.len());
        parts.write(&path, &parts.flipped(at, &mut random), false);
        let error = ortlet::compile(&path, place.join("b.ortlet"), &two_threads()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Integrity, "{kind:?}: {error}");
        assert_eq!(files(&place, ""), ["a.ortlet"]);
    }
}

#[test]
fn damaged_entries_heal() {
    let place = folder("damaged_artifacts_cache");
    let options = SessionOptions { verify: true, ..cached(&place) };
    let load = |options: &SessionOptions| {
        let session = Session::load(&case().model, options).unwrap();
        check(case(), &session);
        session.report()
    };
    assert_eq!(load(&options).cache.outcome, CacheOutcome::Stored);
    let path = place.join(files(&place, ".ortlet").remove(0));
    let mut random = Random(6);
    let heals = |parts: &Parts, damaged: &[u8], is_touched: bool, options: &SessionOptions| {
        parts.write(&path, damaged, is_touched);
        let report = load(options);
        assert_eq!(report.cache.outcome, CacheOutcome::Healed, "{report:?}");
        assert!(report.warnings[0].starts_with("entry not usable: "), "{:?}", report.warnings);
        assert_eq!(load(options).cache.outcome, CacheOutcome::Hit);
        assert_eq!(files(&place, ".tmp"), [""; 0]);
    };
    let parts = Parts::of(&path);
    let mut ranges: Vec<Range<usize>> = parts.sections.iter().map(|(_, range)| range.clone()).collect();
    ranges.extend(parts.gaps());
    ranges.push(0..HEADER_BYTES);
    for range in ranges {
        // The entry was made anew, with a new time.
        let parts = Parts::of(&path);
        let at = range.start + random.below(range.len());
        heals(&parts, &parts.flipped(at, &mut random), false, &options);
        let parts = Parts::of(&path);
        heals(&parts, &parts.flipped(at, &mut random), true, &cached(&place));
        let parts = Parts::of(&path);
        heals(&parts, &parts.bytes[..at], true, &cached(&place));
    }
    for other in [&b""[..], b"ORT", b"ORTLET\x1a\n", b"anything else"] {
        heals(&Parts::of(&path), other, true, &cached(&place));
    }
}

#[cfg(unix)]
#[test]
fn entries_that_are_no_files_are_no_entries() {
    let place = folder("damaged_artifacts_no_file");
    let load = || Session::load(&case().model, &cached(&place)).unwrap();
    load();
    let path = place.join(files(&place, ".ortlet").remove(0));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let session = load();
    check(case(), &session);
    assert_eq!(session.report().cache.outcome, CacheOutcome::Failed, "{:?}", session.report());
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let session = load();
    check(case(), &session);
    assert_eq!(session.report().cache.outcome, CacheOutcome::Stored, "{:?}", session.report());
}
