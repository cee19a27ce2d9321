//! Choices that are kept: in the cache folder, as artifacts of the chosen models.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::{Value as Json, json};

use super::compile::{forms, portable_original};
use super::options::PrecisionOptions;
use super::session::{as_original, of_choice_for_file};
use super::{choose_for_file, report};
use crate::engine::compile::clock::nanoseconds;
use crate::engine::compile::digest::Found;
use crate::engine::compile::key::file_stem;
use crate::engine::compile::plan::plan_key;
use crate::engine::compile::{CacheOutcome, Store, compile_into};
use crate::engine::runtime::{Runtime, Samples, SessionOptions};
use crate::engine::session::{CacheReport, Session, load_as_is};
use crate::tensor::{Tensor, Value};
use crate::{Error, ErrorCode, Result};

/// Loads what was chosen before for the same model, options, samples and device; else chooses, and keeps the choice.
/// Whatever is wrong with the cache only makes a warning.
///
/// # Errors
/// Those of choosing, and of a session of what was chosen.
pub(super) fn load(path: &Path, folder: &Path, choosing: &PrecisionOptions) -> Result<Session> {
    let (start, options) = (Instant::now(), &choosing.session);
    let runtime = Runtime::load(&options.runtime)?;
    let store = Store::open(folder);
    let found = Found::of(path, &store.note(path))?;
    let Some(digest) = found.digest() else {
        let reason = "it is optimised already; use the ONNX model that it was made from";
        return Err(Error::unsupported("precision of a model in ORT format", reason));
    };
    let key = file_stem(&depends_on(runtime, digest, options)?.to_string());
    let cache = |outcome| CacheReport { outcome, folder: Some(folder.to_owned()), key: Some(key.clone()) };
    let (mut outcome, mut warnings) = (CacheOutcome::Stored, Vec::new());
    let mut open = || match load_as_is(&store.artifact(&key), &as_original(options)) {
        Ok(session) => {
            store.touch(&key);
            Some(session)
        }
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => {
            outcome = CacheOutcome::Healed;
            warnings.push(format!("entry not usable: {error}"));
            None
        }
    };
    let hit = |session: Session| {
        session.with_report(|report| {
            report.cache = cache(CacheOutcome::Hit);
            report.phases.digest_ns = found.digest_ns;
            report.phases.total_ns = nanoseconds(start);
        })
    };
    if let Some(session) = open() {
        return Ok(hit(session));
    }
    // One process chooses, the others wait and then map what it made.
    let lock = store.lock(&key);
    if let (Ok(_), Some(session)) = (&lock, open()) {
        return Ok(hit(session));
    }
    let choice = choose_for_file(path, choosing)?;
    let kept = lock.and_then(|_lock| {
        let json = report::to_json(&choice.report)?;
        let original = portable_original(path, &choice)?;
        let forms = forms(&choice, original.as_ref());
        compile_into(&store, &key, path, forms, &as_original(options), json)?;
        load_as_is(&store.artifact(&key), &as_original(options))
    });
    let session = match kept {
        Ok(session) => session,
        Err(error) => {
            outcome = CacheOutcome::Failed;
            warnings.push(format!("not cached: {error}"));
            of_choice_for_file(path, choice, options)?
        }
    };
    Ok(session.with_report(|report| {
        report.cache = cache(outcome);
        report.warnings.append(&mut warnings);
        report.phases.check_ns = found.check_ns;
        report.phases.digest_ns = found.digest_ns;
        report.phases.total_ns = nanoseconds(start);
    }))
}

/// Everything that a choice depends on.
fn depends_on(runtime: &Runtime, model_digest: &str, options: &SessionOptions) -> Result<Json> {
    Ok(json!({
        "precision": options.wanted_precision(),
        "accuracy": options.accuracy,
        "samples": samples_digest(&options.samples)?,
        "key": plan_key(runtime, model_digest, options),
    }))
}

/// What tells samples apart from others: of files their names, sizes and times, of batches in memory their content.
fn samples_digest(samples: &Samples) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    match samples {
        Samples::None => {}
        Samples::Folder(folder) => {
            let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
            files.sort_by_key(fs::DirEntry::file_name);
            for file in files {
                let modified = file.metadata().ok().and_then(|file| file.modified().ok());
                let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
                let size = file.metadata().map(|file| file.len()).unwrap_or_default();
                hasher.update(format!("{:?} {size} {since:?}\n", file.file_name()).as_bytes());
            }
        }
        Samples::Batches(batches) => batches.iter().flatten().try_for_each(|(name, value)| {
            hasher.update(format!("{name:?} ").as_bytes());
            hash(&mut hasher, value)
        })?,
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn hash(hasher: &mut blake3::Hasher, value: &Value) -> Result<()> {
    match value {
        Value::Tensor(tensor) => hash_tensor(hasher, tensor),
        Value::Sequence(values) => {
            hasher.update(format!("{} ", values.len()).as_bytes());
            values.iter().try_for_each(|value| hash(hasher, value))
        }
        Value::Map(map) => {
            hash_tensor(hasher, map.keys())?;
            hash_tensor(hasher, map.values())
        }
        Value::Optional(value) => value.iter().try_for_each(|value| hash(hasher, value)),
    }
}

fn hash_tensor(hasher: &mut blake3::Hasher, tensor: &Tensor) -> Result<()> {
    hasher.update(format!("{tensor} ").as_bytes());
    match tensor.bytes() {
        Some(bytes) => hasher.update(bytes),
        None => hasher.update(format!("{:?}", tensor.as_strings()?).as_bytes()),
    };
    Ok(())
}
