//! Loads through the cache: compiled on the first load, mapped on every later one.

use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::artifact::DeviceKey;
use crate::engine::compile::admit::Folders;
use crate::engine::compile::build;
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::digest::{Found, Remembered};
use crate::engine::compile::disk::map;
use crate::engine::compile::key::{device_key, entry_name};
use crate::engine::compile::load::{self, Loaded};
use crate::engine::compile::plan::{Chosen, PlanReport};
use crate::engine::compile::save::Scratch;
use crate::engine::compile::store::Store;
use crate::engine::runtime::{Creation, ModelFormat, ModelSource, RawSession, Runtime, SessionOptions};
use crate::model::{Bytes, Model};
use crate::{Error, ErrorCode, Result};

/// What happened with the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// No cache was asked for, or the model needs none.
    #[default]
    Off,
    /// The compiled model was there.
    Hit,
    /// It was not there; now it is.
    Stored,
    /// It was there but damaged, and was made anew.
    Healed,
    /// It could be neither read nor written; the warnings say why.
    Failed,
}

/// What a load through the cache gave.
pub(in crate::engine) struct Cached {
    pub(in crate::engine) made: Made,
    pub(in crate::engine) outcome: CacheOutcome,
    pub(in crate::engine) key: Option<String>,
    pub(in crate::engine) check_ns: u64,
    pub(in crate::engine) digest_ns: u64,
    pub(in crate::engine) warnings: Vec<String>,
    /// The options that it was made with: the caller's, or those of a plan.
    pub(in crate::engine) options: SessionOptions,
    /// The plan that it follows.
    pub(in crate::engine) plan: Option<PlanReport>,
}

/// How the session came to be.
pub(in crate::engine) enum Made {
    /// From the entry.
    FromEntry(Box<Loaded>),
    /// From the model, and how long creating the session and storing the entry took.
    FromModel { raw: RawSession, create_ns: u64, store_ns: u64 },
}

/// A load through the cache, under way.
struct Load<'a> {
    path: &'a Path,
    runtime: &'static Runtime,
    options: Cow<'a, SessionOptions>,
    plan: Option<PlanReport>,
    store: &'a Store,
    profile: Option<&'a Path>,
    outcome: CacheOutcome,
    key: Option<String>,
    warnings: Vec<String>,
    check_ns: u64,
    digest_ns: u64,
}

/// Loads a model file through the cache. Whatever is wrong with the cache only makes a warning. `profile` is
/// [`Creation::profile`].
///
/// # Errors
/// Those of loading the model without a cache.
pub(in crate::engine) fn load(
    path: &Path,
    runtime: &'static Runtime,
    options: &SessionOptions,
    store: &Store,
    profile: Option<&Path>,
) -> Result<Cached> {
    let mut load = Load {
        path,
        runtime,
        options: Cow::Borrowed(options),
        plan: None,
        store,
        profile,
        outcome: CacheOutcome::Off,
        key: None,
        warnings: Vec::new(),
        check_ns: 0,
        digest_ns: 0,
    };
    let made = load.run(options)?;
    let Load { outcome, key, check_ns, digest_ns, warnings, plan, options, .. } = load;
    Ok(Cached { made, outcome, key, check_ns, digest_ns, warnings, options: options.into_owned(), plan })
}

impl Load<'_> {
    /// Loads by the stored plan; without one, or if that fails, by the caller's options.
    fn run(&mut self, wanted: &SessionOptions) -> Result<Made> {
        let Some(remembered) = self.digest()? else {
            return self.plain(ModelFormat::Ort);
        };
        let Chosen { plan, warnings } =
            Chosen::from_cache(self.store, self.runtime, &remembered.digest, wanted);
        self.warnings.extend(warnings);
        let Some((options, report)) = plan else { return self.load(&remembered) };
        self.options = Cow::Owned(options);
        match self.load(&remembered) {
            Ok(made) => {
                self.plan = Some(report);
                Ok(made)
            }
            Err(error) => {
                self.options = Cow::Owned(wanted.clone());
                self.outcome = CacheOutcome::Off;
                self.warnings.push(Chosen::failed(&error));
                self.load(&remembered)
            }
        }
    }

    fn load(&mut self, remembered: &Remembered) -> Result<Made> {
        let key = device_key(self.runtime, &remembered.digest, &self.options);
        let name = entry_name(&key);
        self.key = Some(name.clone());
        if let Some(loaded) = self.open_entry(&name) {
            return Ok(Made::FromEntry(Box::new(loaded)));
        }
        // One process compiles, the others wait and then map what it made.
        let lock = match self.store.lock(&name) {
            Ok(lock) => lock,
            Err(error) => return self.uncached(&error),
        };
        if let Some(loaded) = self.open_entry(&name) {
            return Ok(Made::FromEntry(Box::new(loaded)));
        }
        let made = self.compile(&name, key, remembered);
        drop(lock);
        made
    }

    /// The digest of the model's files; `None` for models in ORT format, which are not compiled again.
    fn digest(&mut self) -> Result<Option<Remembered>> {
        let found = Found::of(self.path, &self.store.note(self.path))?;
        (self.check_ns, self.digest_ns) = (found.check_ns, found.digest_ns);
        Ok(found.remembered)
    }

    /// The entry's session, if it is there and whole.
    fn open_entry(&mut self, name: &str) -> Option<Loaded> {
        match load::load(&self.store.artifact(name), self.runtime, &self.options, self.profile) {
            Ok(loaded) => {
                self.store.touch(name);
                self.outcome = CacheOutcome::Hit;
                self.warnings.extend(loaded.portable_reason.clone());
                Some(loaded)
            }
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => {
                self.outcome = CacheOutcome::Healed;
                self.warnings.push(format!("entry not usable: {error}"));
                None
            }
        }
    }

    /// Creates the session from the model and stores what was made of it.
    fn compile(&mut self, name: &str, key: DeviceKey, remembered: &Remembered) -> Result<Made> {
        let start = Instant::now();
        let creation = self.creation(ModelFormat::Onnx);
        let saved = Scratch::new(self.store.scratch(name))
            .and_then(|scratch| Ok((build::create_and_save(self.runtime, &creation, &scratch)?, scratch)));
        let (raw, scratch) = match saved {
            Ok(saved) => saved,
            // Either the model is at fault, and fails again, or the cache is.
            Err(error) => return self.uncached(&error),
        };
        let create_ns = nanoseconds(start);
        let start = Instant::now();
        match self.store_entry(name, key, remembered, &scratch) {
            Ok(()) => self.stored(name),
            Err(error) => self.failed(&error),
        }
        Ok(Made::FromModel { raw, create_ns, store_ns: nanoseconds(start) })
    }

    fn stored(&mut self, name: &str) {
        if self.outcome != CacheOutcome::Healed {
            self.outcome = CacheOutcome::Stored;
        }
        if let Err(error) = self.store.evict(self.options.cache_limit_bytes, name) {
            self.warnings.push(format!("the cache may be too large: {error}"));
        }
    }

    fn failed(&mut self, error: &Error) {
        self.outcome = CacheOutcome::Failed;
        self.warnings.push(format!("not cached: {error}"));
    }

    /// Creates the session without the cache, which is at fault.
    fn uncached(&mut self, error: &Error) -> Result<Made> {
        let made = self.plain(ModelFormat::Onnx)?;
        self.failed(error);
        Ok(made)
    }

    fn store_entry(
        &self,
        name: &str,
        key: DeviceKey,
        remembered: &Remembered,
        scratch: &Scratch,
    ) -> Result<()> {
        let model = Model::parse(Bytes::from_owner(map(self.path)?))?;
        let mut writer = build::start(self.path, &model, &remembered.digest)?;
        build::add_device(&mut writer, key, scratch, &Folders::of_file(self.path))?;
        build::store(writer, &self.store.artifact(name), scratch, || remembered.confirm(self.path))?;
        self.store.touch(name);
        Ok(())
    }

    fn creation(&self, format: ModelFormat) -> Creation<'_> {
        let plain = Creation::plain(ModelSource::File(self.path), format, &self.options);
        Creation { profile: self.profile, ..plain }
    }

    /// Creates the session without the cache.
    fn plain(&self, format: ModelFormat) -> Result<Made> {
        let create = Instant::now();
        let raw = RawSession::new(self.runtime, &self.creation(format))?;
        Ok(Made::FromModel { raw, create_ns: nanoseconds(create), store_ns: 0 })
    }
}
