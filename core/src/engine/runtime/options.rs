//! What a session can be asked for: one set of options for every language.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::runtime::{Cache, RuntimeOptions};

/// How a session is created. Every field has a default; unknown fields are an error when read from JSON.
///
/// # Examples
/// ```
/// use ortlet::{SessionOptions, Threads};
///
/// let options: SessionOptions = serde_json::from_str(r#"{ "threads": 1, "dims": { "batch": 4 } }"#)?;
/// assert_eq!(options.threads, Threads::Count(1));
/// assert!(serde_json::from_str::<SessionOptions>(r#"{ "thread": 1 }"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionOptions {
    /// Threads that compute one run. They look for more work for a millisecond after it and sleep then (with ONNX
    /// Runtime before 1.26 they sleep at once, which costs latency); `config` can say otherwise.
    pub threads: Threads,
    /// Execution providers in order of preference; what they cannot run falls to the CPU. Empty means the CPU.
    pub providers: Vec<Provider>,
    /// Sizes for symbolic dimensions, by name. Fixing them lets the optimiser do more.
    pub dims: BTreeMap<String, usize>,
    /// How far the graph is rewritten before it runs.
    pub optimization_level: OptimizationLevel,
    /// Raw ONNX Runtime session configuration entries, passed on as they are, over Ortlet's own.
    pub config: BTreeMap<String, String>,
    /// Folder of the external data of a model that is given as bytes. A model file's is the folder it lies in.
    pub external_data_folder: Option<PathBuf>,
    /// Whether and where compiled models are kept, so that only the first load of a model optimises it.
    pub cache: Cache,
    /// The most that the cache folder may hold, in bytes; the least recently used entries go first. Default: 4 GiB.
    pub cache_limit_bytes: u64,
    /// Checks all the data of an artifact, not only its structure. Without this, data is checked only if the file was
    /// changed since it was written.
    pub verify: bool,
    /// Where to look for ONNX Runtime, if this is its first use in the process.
    pub runtime: RuntimeOptions,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            threads: Threads::default(),
            providers: Vec::new(),
            dims: BTreeMap::new(),
            optimization_level: OptimizationLevel::default(),
            config: BTreeMap::new(),
            external_data_folder: None,
            cache: Cache::default(),
            cache_limit_bytes: 4 << 30,
            verify: false,
            runtime: RuntimeOptions::default(),
        }
    }
}

/// Number of threads that compute one run, the calling thread included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// One for each physical core that this process may use.
    #[default]
    Auto,
    /// This many, at least 1.
    Count(u32),
}

impl Serialize for Threads {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Count(count) => serializer.serialize_u32(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Threads {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Count(u32),
            Word(String),
        }
        match Text::deserialize(deserializer) {
            Ok(Text::Count(count)) => Ok(Self::Count(count)),
            Ok(Text::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(serde::de::Error::custom("threads must be \"auto\" or a whole number of at least 1")),
        }
    }
}

/// An execution provider and its options.
///
/// In JSON either a name (`"cpu"`) or an object (`{ "name": "openvino", "options": { "device_type": "CPU" } }`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ProviderText")]
pub struct Provider {
    /// Its name: `cpu`, `cuda`, `openvino`, `xnnpack`, ..., in any case, also with `ExecutionProvider` behind it.
    pub name: String,
    /// Its options, as its documentation names them.
    pub options: BTreeMap<String, String>,
}

impl Provider {
    /// A provider with its default options.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: BTreeMap::new() }
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ProviderText {
    Name(String),
    Full {
        name: String,
        #[serde(default)]
        options: BTreeMap<String, String>,
    },
}

impl From<ProviderText> for Provider {
    fn from(text: ProviderText) -> Self {
        match text {
            ProviderText::Name(name) => Self::new(name),
            ProviderText::Full { name, options } => Self { name, options },
        }
    }
}

/// How far the graph is rewritten before it runs. None of the levels changes what is computed by more than rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizationLevel {
    /// Not at all.
    None,
    /// Constant folding and removal of what is redundant.
    Basic,
    /// Also fusions into ONNX Runtime's own operators.
    Extended,
    /// Also memory layouts that suit this CPU.
    Layout,
    /// Everything.
    #[default]
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_read_from_json_and_name_what_is_unknown() {
        let json = r#"{ "threads": "auto", "providers": ["cpu", { "name": "xnnpack", "options": { "a": "1" } }],
                        "optimization_level": "extended", "config": { "k": "v" } }"#;
        let options: SessionOptions = serde_json::from_str(json).unwrap();
        assert_eq!(options.providers[0], Provider::new("cpu"));
        assert_eq!(options.providers[1].options["a"], "1");
        let again = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<SessionOptions>(&again).unwrap(), options);

        for (wrong, named) in [
            (r#"{ "treads": 1 }"#, "treads"),
            (r#"{ "threads": "many" }"#, "auto"),
            (r#"{ "threads": -1 }"#, "auto"),
            (r#"{ "optimization_level": "most" }"#, "most"),
            (r#"{ "dims": { "n": -1 } }"#, "-1"),
        ] {
            let error = serde_json::from_str::<SessionOptions>(wrong).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
