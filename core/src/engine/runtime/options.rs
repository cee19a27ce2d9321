//! What a session can be asked for: one set of options for every language.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::runtime::{Cache, Precision, RuntimeOptions, Samples};
use crate::quantize::{Accuracy, KernelPrecision};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SessionOptions {
    /// Threads that compute one run.
    pub threads: Threads,
    /// Whether a session with `threads: auto` follows the plan that [`tune`](crate::tune) has stored for this model,
    /// these options and this device. Plans lie in the cache folder and in artifacts. Results may then differ from the
    /// default's by as much as the plan says, at most the tolerance of the race. Default: true.
    pub use_plan: bool,
    /// What matters most about runs.
    pub profile: Profile,
    /// Execution providers in order of preference; what they cannot run falls to the CPU. Empty means the CPU.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::schema::NameOrProvider>"))]
    pub providers: Vec<Provider>,
    /// Sizes for symbolic dimensions, by name. Fixing them lets the optimiser do more.
    pub dims: BTreeMap<String, usize>,
    /// How far the graph is rewritten before it runs.
    pub optimization_level: OptimizationLevel,
    /// Raw ONNX Runtime session configuration entries, passed on as they are, over Ortlet's own.
    pub config: BTreeMap<String, String>,
    /// Folder of the external data of a model that is given as bytes. A model file's is the folder it lies in.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "path")))]
    pub external_data_folder: Option<PathBuf>,
    /// Whether and where compiled models are kept, so that only the first load of a model optimises it.
    pub cache: Cache,
    /// The most that the cache folder may hold, in bytes; the least recently used entries go first. Default: 4 GiB.
    pub cache_limit_bytes: u64,
    /// Checks all the data of an artifact, not only its structure. Without this, data is checked only if the file was
    /// changed since it was written.
    pub verify: bool,
    /// The most runs of this session at once; `None` for no bound. Further ones wait in line for
    /// [`concurrency_wait_ms`](Self::concurrency_wait_ms), then fail with `pool_exhausted`.
    pub concurrency_limit: Option<NonZeroU32>,
    /// How long a run waits for others to end, in milliseconds; 0 does not wait. Default: 1000.
    pub concurrency_wait_ms: u64,
    /// Runs on zeros made while the session is created, so that the first real one is as fast as the others.
    /// Dimensions that are not fixed are taken as 1. A model that fails on zeros only makes a warning in the report.
    pub warm_up_runs: u32,
    /// Whether results have to be those of plain ONNX Runtime, to the bit. `false` allows them to differ by rounding: then
    /// `precision: original` means `fp32`, the same numbers in Ortlet's own kernels, packed ahead where the model is cached
    /// or compiled. Default: true.
    pub exact: bool,
    /// With what numbers the model computes. With anything but `original`, results differ from the original's; the
    /// [report](crate::SessionReport) says by how much where samples tell.
    pub precision: Precision,
    /// Batches of real inputs, for `precision: auto` and modes that need a calibration.
    pub samples: Samples,
    /// How far results may be off with `precision: auto`.
    pub accuracy: Accuracy,
    /// Where to look for ONNX Runtime, if this is its first use in the process.
    pub runtime: RuntimeOptions,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            threads: Threads::default(),
            use_plan: true,
            profile: Profile::default(),
            providers: Vec::new(),
            dims: BTreeMap::new(),
            optimization_level: OptimizationLevel::default(),
            config: BTreeMap::new(),
            external_data_folder: None,
            cache: Cache::default(),
            cache_limit_bytes: 4 << 30,
            verify: false,
            concurrency_limit: None,
            concurrency_wait_ms: 1000,
            warm_up_runs: 0,
            exact: true,
            precision: Precision::default(),
            samples: Samples::default(),
            accuracy: Accuracy::default(),
            runtime: RuntimeOptions::default(),
        }
    }
}

impl SessionOptions {
    /// The precision that is meant: [`exact`](Self::exact) has a say in it too.
    pub(in crate::engine) fn wanted_precision(&self) -> Precision {
        match self.precision {
            Precision::Original if !self.exact => Precision::Kernels(KernelPrecision::Fp32),
            precision => precision,
        }
    }
}

/// Number of threads that compute one run, the calling thread included.
///
/// In JSON `"auto"` or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub enum Threads {
    /// What the plan says that [`tune`](crate::tune) has stored, if there is one and
    /// [`use_plan`](SessionOptions::use_plan) allows it; else what the [`Profile`] says: by default, the process's pool.
    ///
    /// All sessions of the process share the pool. It has a thread for each physical core that the process may use
    /// (by its affinity mask and CPU quota when ONNX Runtime is loaded), the caller's included. Its workers sleep when
    /// nothing runs, and when they would only be in the way: when as many runs are under way as there are cores, or
    /// other programs keep the cores busy.
    #[default]
    Auto,
    /// This many, at least 1. With 1, a run is computed by its caller's thread. A number other than that of the
    /// pool's threads gives the session a pool of its own.
    #[cfg_attr(feature = "schema", schemars(untagged))]
    Count(u32),
}

/// What matters most about a session's runs, where `threads` is `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// That each run is over soon: all threads of the pool compute it, and look for more work for a millisecond after
    /// it before they sleep.
    #[default]
    Latency,
    /// Energy: as `latency`, but the threads sleep as soon as the run is over. Runs that follow each other closely are
    /// slower for it.
    Battery,
    /// Many runs at once: each is computed by its caller's thread alone, so that no thread waits for another.
    Throughput,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!from))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
