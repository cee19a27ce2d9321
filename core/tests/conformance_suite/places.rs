//! Where the files of a case lie, and the files that are made before it.

use std::fs;
use std::path::{Path, PathBuf};

use ortlet::{Error, Samples, Session, SessionOptions};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::case::{Case, Preparation, suite_folder};
use super::{Attempt, Failure, Values, values};
use crate::common::{folder, setting};

/// The folders that texts of a case may name.
pub struct Places {
    fixtures: PathBuf,
    temp: PathBuf,
}

impl Places {
    /// Those of a case, with a fresh folder for what it writes.
    pub fn of(case: &Case) -> Self {
        let temp = folder(&format!("conformance-{}", case.name));
        Self { fixtures: suite_folder().join("fixtures"), temp }
    }

    /// A text with the names of folders in it.
    pub fn fill(&self, text: &str) -> String {
        let named = |text: String, name: &str, folder: &Path| match text.contains(name) {
            true => text.replace(name, folder.to_str().unwrap()),
            false => text,
        };
        let text = named(text.to_owned(), "{fixtures}", &self.fixtures);
        let text = named(text, "{temp}", &self.temp);
        // Asked for only where it is needed.
        if text.contains("{runtimes}") {
            named(text, "{runtimes}", &setting("ORTLET_TEST_RUNTIMES"))
        } else {
            text
        }
    }

    fn fill_all(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => self.fill(text).into(),
            Json::Array(elements) => elements.iter().map(|element| self.fill_all(element)).collect(),
            Json::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), self.fill_all(value))).collect()
            }
            other => other.clone(),
        }
    }

    pub fn fixture(&self, name: &str) -> PathBuf {
        self.fixtures.join(name)
    }

    /// The file that a case is about.
    pub fn model(&self, case: &Case) -> Attempt<PathBuf> {
        match (&case.fixture, &case.path) {
            (Some(name), None) => Ok(self.fixture(name)),
            (None, Some(path)) => Ok(self.fill(path).into()),
            _ => Err(Failure::Wrong("either `fixture` or `path` is needed".to_owned())),
        }
    }

    /// The bytes that a case is about.
    pub fn bytes(&self, case: &Case) -> Attempt<Vec<u8>> {
        match &case.bytes {
            Some(digits) => Ok(hex(digits)?),
            None => fs::read(self.model(case)?).map_err(|error| Failure::Wrong(error.to_string())),
        }
    }

    /// Options of a kind. What they cannot be read from is an argument that makes no sense.
    pub fn options<T: DeserializeOwned + Default>(&self, json: &Json) -> Attempt<T> {
        if json.is_null() {
            return Ok(T::default());
        }
        let read = serde_json::from_value(self.fill_all(json));
        read.map_err(|error| Error::invalid_argument("options", error.to_string()).into())
    }

    /// Options of a session, with the case's samples if it has any.
    pub fn session_options(&self, case: &Case) -> Attempt<SessionOptions> {
        let options: SessionOptions = self.options(&case.options)?;
        let batches = samples(case)?;
        let samples = if batches.is_empty() { options.samples.clone() } else { Samples::from(batches) };
        Ok(SessionOptions { samples, ..options })
    }

    /// Makes the files that a case needs.
    pub fn prepare(&self, steps: &[Preparation]) -> Attempt<()> {
        steps.iter().try_for_each(|step| self.prepare_one(step))
    }

    fn prepare_one(&self, step: &Preparation) -> Attempt<()> {
        match step {
            Preparation::Compile { fixture, to } => {
                ortlet::compile(self.fixture(fixture), self.fill(to), &SessionOptions::default())?;
                Ok(())
            }
            Preparation::Load { path, options } => {
                Session::load(self.fill(path), &self.options(options)?)?;
                Ok(())
            }
            Preparation::Copy { fixture, to } => write(&self.fill(to), &read(&self.fixture(fixture))?),
            Preparation::Write { to, bytes } => write(&self.fill(to), &hex(bytes)?),
            Preparation::Damage { file, offset, xor } => self.change(file, |bytes| bytes[*offset] ^= xor),
            Preparation::Cut { file, length } => self.change(file, |bytes| bytes.truncate(*length)),
        }
    }

    /// Writes a file anew: artifacts cannot be written to.
    fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> Attempt<()> {
        let path = self.fill(file);
        let mut bytes = read(Path::new(&path))?;
        change(&mut bytes);
        fs::remove_file(&path).map_err(|error| format!("remove {path}: {error}"))?;
        write(&path, &bytes)
    }
}

/// The batches of inputs that a case gives.
pub fn samples(case: &Case) -> Attempt<Vec<Values>> {
    Ok(case.samples.iter().map(values::read_all).collect::<Result<_, _>>()?)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))
}

fn write(path: &str, bytes: &[u8]) -> Attempt<()> {
    Ok(fs::write(path, bytes).map_err(|error| format!("write {path}: {error}"))?)
}

/// Bytes of hexadecimal digits.
fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = digits.chars().map_while(|digit| Some(digit.to_digit(16)? as u8)).collect();
    if digits.len() % 2 == 1 {
        return Err("half a byte is left".to_owned());
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
