//! Models that change: what is loaded is always what the files say now.
#![cfg(unix)]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use common::{cached, files, folder, reference, two_threads};
use ortlet::artifact::Artifact;
use ortlet::tensor::Tensor;
use ortlet::{CacheOutcome, Origin, Session, SessionOptions};

/// Elements of the weight.
const COUNT: usize = 500;
/// Longer than a file has to be left alone before its time stamps are believed.
const SETTLING: Duration = Duration::from_millis(3100);

/// A model that adds a weight full of one number.
struct Adder {
    path: PathBuf,
    /// The file that the weight is in, and where.
    data: PathBuf,
    offset: u64,
}

impl Adder {
    /// With the weight inside of the model.
    fn inside(place: &Path) -> Self {
        let path = place.join("adder.onnx");
        fs::copy(reference().folder.join("adder.onnx"), &path).unwrap();
        let (file, old) = (fs::read(&path).unwrap(), bytes(12_345_678.0));
        let offset = file.windows(old.len()).position(|part| part == old).unwrap();
        Self { data: path.clone(), path, offset: offset as u64 }
    }

    /// With the weight in a file beside the model.
    fn outside(place: &Path) -> Self {
        let [path, data] = ["adder.onnx", "weights.bin"].map(|name| {
            fs::copy(reference().folder.join("adder-external").join(name), place.join(name)).unwrap();
            place.join(name)
        });
        Self { path, data, offset: 0 }
    }

    /// Writes another weight over the old one, in place.
    fn set(&self, weight: f32) {
        self.write(&bytes(weight));
    }

    fn write(&self, bytes: &[u8]) {
        let file = File::options().write(true).open(&self.data).unwrap();
        file.write_all_at(bytes, self.offset).unwrap();
    }

    /// The same, but the file looks as if it had been left alone for an hour. Only its inode knows better.
    fn set_unseen(&self, weight: f32) {
        self.set(weight);
        let hour_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::options().write(true).open(&self.data).unwrap().set_modified(hour_ago).unwrap();
    }

    fn load(&self, cache: &Path) -> Session {
        Session::load(&self.path, &cached(cache)).unwrap()
    }

    /// That a load with the cache gives this weight; how it came about.
    fn expect(&self, cache: &Path, weight: f32) -> CacheOutcome {
        let session = self.load(cache);
        assert_eq!(weights(&session), [weight; COUNT], "{:?}", session.report());
        session.report().cache.outcome
    }
}

fn bytes(weight: f32) -> Vec<u8> {
    weight.to_le_bytes().repeat(COUNT)
}

/// The weights of an adder's session.
fn weights(session: &Session) -> Vec<f32> {
    let zeros = Tensor::from_vec([COUNT], vec![0.0_f32; COUNT]).unwrap();
    let outputs = session.run([("x", &zeros)]).unwrap();
    outputs["y"].as_tensor().unwrap().as_slice::<f32>().unwrap().to_vec()
}

fn both(name: &str, test: impl Fn(&Adder, &Path)) {
    for (kind, make) in [("inside", Adder::inside as fn(&Path) -> Adder), ("outside", Adder::outside)] {
        let place = folder(&format!("cache_freshness_{name}_{kind}"));
        test(&make(&place), &place.join("cache"));
    }
}

/// Does `work` while another thread overwrites the weight as fast as it can, never with what was there before.
fn while_changing(adder: &Adder, work: impl FnOnce()) {
    /// Ends the other thread, however the work ends.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    adder.set_unseen(0.0);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for weight in (0..1_u32 << 24).map(|round| round as f32) {
                adder.set_unseen(weight);
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _done = Done(&is_done);
        work();
    });
}

#[test]
fn changes_within_one_tick_of_the_clock_are_seen() {
    both("tick", |adder, cache| {
        for round in 0..20 {
            let weight = round as f32;
            adder.set_unseen(weight);
            assert_eq!(adder.expect(cache, weight), CacheOutcome::Stored);
            assert_eq!(adder.expect(cache, weight), CacheOutcome::Hit);
        }
        adder.set(7.0);
        assert_eq!(adder.expect(cache, 7.0), CacheOutcome::Hit);
        assert_eq!(files(cache, ".note"), [""; 0]);
    });
}

#[test]
fn changes_of_models_that_were_remembered_are_seen() {
    thread::scope(|scope| {
        for (name, change) in [("seen", Adder::set as fn(&Adder, f32)), ("unseen", Adder::set_unseen)] {
            scope.spawn(move || {
                both(&format!("remembered_{name}"), |adder, cache| {
                    adder.set_unseen(1.0);
                    thread::sleep(SETTLING);
                    assert_eq!(adder.expect(cache, 1.0), CacheOutcome::Stored);
                    assert_eq!(files(cache, ".note").len(), 1);
                    assert_eq!(adder.expect(cache, 1.0), CacheOutcome::Hit);
                    change(adder, 2.0);
                    assert_eq!(adder.expect(cache, 2.0), CacheOutcome::Stored);
                    // A file put in the place of the old one.
                    let aside = adder.data.with_extension("aside");
                    fs::copy(&adder.data, &aside).unwrap();
                    adder.set_unseen(3.0);
                    fs::rename(&aside, &adder.data).unwrap();
                    assert_eq!(adder.expect(cache, 2.0), CacheOutcome::Hit);
                });
            });
        }
    });
}

#[test]
fn one_model_with_other_data_is_another_model() {
    let place = folder("cache_freshness_links");
    let real = Adder::outside(&place);
    let cache = place.join("cache");
    let linked = |name: &str, weight: f32| {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        let (path, data) = (folder.join("adder.onnx"), folder.join("weights.bin"));
        symlink(&real.path, &path).unwrap();
        fs::write(&data, bytes(weight)).unwrap();
        Adder { path, data, offset: 0 }
    };
    let (one, two) = (linked("one", 1.0), linked("two", 2.0));
    thread::sleep(SETTLING);
    assert_eq!(one.expect(&cache, 1.0), CacheOutcome::Stored);
    assert_eq!(two.expect(&cache, 2.0), CacheOutcome::Stored);
    // Data behind a link that leads elsewhere now.
    let (old, new) = (place.join("two/old.bin"), place.join("two/new.bin"));
    fs::write(&new, bytes(3.0)).unwrap();
    fs::rename(&two.data, &old).unwrap();
    symlink(&old, &two.data).unwrap();
    thread::sleep(SETTLING);
    assert_eq!(two.expect(&cache, 2.0), CacheOutcome::Hit);
    fs::remove_file(&two.data).unwrap();
    symlink(&new, &two.data).unwrap();
    assert_eq!(two.expect(&cache, 3.0), CacheOutcome::Stored);
    assert_eq!(one.expect(&cache, 1.0), CacheOutcome::Hit);
}

/// That what an artifact computes with is what its digest says, which no later load looks into.
fn assert_consistent(adder: &Adder, artifact: &Path) {
    let session = Session::load(artifact, &SessionOptions { verify: true, ..two_threads() }).unwrap();
    assert_eq!(session.report().origin, Origin::ArtifactDevice);
    let weights = weights(&session);
    adder.write(&weights.iter().flat_map(|weight| weight.to_le_bytes()).collect::<Vec<u8>>());
    let again = artifact.with_extension("again");
    ortlet::compile(&adder.path, &again, &two_threads()).unwrap();
    let [made, again] =
        [artifact, &again].map(|path| Artifact::open(path).unwrap().manifest().model.digest.clone());
    assert_eq!(made, again, "{weights:?}");
}

#[test]
fn models_that_change_while_they_are_compiled_poison_nothing() {
    both("poison", |adder, cache| {
        while_changing(adder, || {
            // What it gives while its file is being written is anybody's guess.
            (0..150).for_each(|_| drop(Session::load(&adder.path, &cached(cache))));
        });
        for entry in files(cache, ".ortlet") {
            assert_consistent(adder, &cache.join(entry));
        }
        adder.set(0.5);
        assert_eq!(adder.expect(cache, 0.5), CacheOutcome::Stored);
    });
}

#[test]
fn artifacts_of_models_that_change_meanwhile_are_refused() {
    both("artifact", |adder, place| {
        fs::create_dir(place).unwrap();
        while_changing(adder, || {
            for number in 0..50 {
                if let Err(error) =
                    ortlet::compile(&adder.path, place.join(format!("{number}.ortlet")), &two_threads())
                {
                    assert!(!error.to_string().is_empty());
                }
            }
        });
        for artifact in files(place, ".ortlet") {
            assert_consistent(adder, &place.join(artifact));
        }
        assert_eq!(files(place, ".tmp"), [""; 0]);
    });
}

#[test]
fn a_session_never_sees_its_model_change() {
    both("session", |adder, cache| {
        adder.set(1.0);
        adder.expect(cache, 1.0);
        let hit = adder.load(cache);
        assert_eq!(hit.report().cache.outcome, CacheOutcome::Hit);
        adder.set(2.0);
        fs::remove_file(&adder.data).unwrap();
        assert_eq!(weights(&hit), [1.0; COUNT]);
    });
}
