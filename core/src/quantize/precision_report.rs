//! [`PrecisionReport`]: what was tried to make a model faster, what came of it, and why, as data.

use serde::{Deserialize, Serialize};

use super::{Accuracy, AccuracyFigures, PrecisionBlock, QuantizeMode, RewriteKind};

/// How a model came to compute with the numbers that it computes with. Times are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrecisionReport {
    /// What was asked for: `auto` or a mode.
    pub precision: String,
    /// The outcome in one sentence.
    pub verdict: String,
    /// Name of the candidate that was chosen; `original` if the model is as it was.
    pub chosen: String,
    /// Time of a run as a share of the original's, as the final measured it; `None` if the original was kept or nothing
    /// was timed.
    pub time_ratio: Option<f64>,
    /// How far results are off on samples that took no part in any choice; `None` if there were none.
    pub accuracy: Option<AccuracyFigures>,
    /// What was allowed.
    pub budget: Accuracy,
    /// Which samples were for what.
    pub samples: SampleCounts,
    /// Every layer, in the order of the nodes.
    pub layers: Vec<PrecisionLayer>,
    /// Every block that Ortlet's own kernels are for, in the order of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<PrecisionBlock>,
    /// Whether the chosen model has operators of Ortlet's own, which no other runtime knows.
    #[serde(default)]
    pub needs_ortlet: bool,
    /// Rewritings that change nothing but rounding, which were made before anything else, and how often.
    pub rewritings: Vec<RewritingCount>,
    /// Every candidate, the original first.
    pub candidates: Vec<PrecisionCandidate>,
    /// Size of the original's tensors.
    pub parameter_bytes_before: u64,
    /// Size of the chosen model's tensors.
    pub parameter_bytes_after: u64,
    /// What was measured on.
    pub made_for: Option<MadeFor>,
    /// How long it took.
    pub elapsed_ns: u64,
    /// What decided how samples were divided and in which order candidates ran.
    pub seed: u64,
    /// What went wrong without making it fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How many samples were for what. None was used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SampleCounts {
    /// To learn how large activations get.
    pub calibration: u64,
    /// To choose among candidates.
    pub selection: u64,
    /// To find out how far the chosen one is off.
    pub verification: u64,
}

/// What became of one layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrecisionLayer {
    /// Name of the node, or of its first output if it has none.
    pub node: String,
    /// Its operator, as it was.
    pub op_type: String,
    /// Dimensions of the weight; empty if it is no constant.
    pub shape: Vec<i64>,
    /// The form that it has; `None` if it is as it was.
    pub form: Option<QuantizeMode>,
    /// Why it is as it was.
    pub reason: Option<String>,
    /// The forms that were tried on it alone.
    pub trials: Vec<LayerTrial>,
}

/// One form of one layer, tried while the others were as they were.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerTrial {
    /// The form.
    pub form: QuantizeMode,
    /// Time that a run of the layer alone takes as floats.
    pub float_ns: Option<f64>,
    /// Time that it takes in this form.
    pub form_ns: Option<f64>,
    /// One minus the mean similarity of the model's outputs with only this layer changed.
    pub damage: Option<f64>,
}

impl LayerTrial {
    /// What the form saves in a run of the layer alone; negative if it is slower. `None` if that was not measured.
    pub fn gain_ns(&self) -> Option<f64> {
        Some(self.float_ns? - self.form_ns?)
    }
}

/// How often a rewriting was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RewritingCount {
    /// Which kind.
    pub kind: RewriteKind,
    /// How often.
    pub count: u64,
}

/// What became of one candidate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrecisionCandidate {
    /// What it consists of, in words.
    pub name: String,
    /// Whether it was chosen.
    pub is_chosen: bool,
    /// Why it was not.
    pub reason: Option<String>,
    /// Layers that are quantized in it, and blocks that Ortlet's kernels compute.
    pub quantized_count: u64,
    /// Size of its tensors.
    pub parameter_bytes: u64,
    /// How far it is off on the samples that candidates are chosen by.
    pub accuracy: Option<AccuracyFigures>,
    /// Median time of a run; `None` if it was not timed.
    pub median_ns: Option<f64>,
    /// The lower quartile.
    pub lower_quartile_ns: Option<f64>,
    /// The upper quartile.
    pub upper_quartile_ns: Option<f64>,
    /// Its time as a share of that of the model it raced against, which is the original or the rewritten one.
    pub ratio: Option<f64>,
    /// The same in the final, which decides.
    pub final_ratio: Option<f64>,
}

/// What figures were measured on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MadeFor {
    /// Version of ONNX Runtime.
    pub runtime_version: String,
    /// Name of the processor; empty where the system does not tell.
    pub cpu_model: String,
    /// Threads that computed a run.
    pub thread_count: u64,
}
