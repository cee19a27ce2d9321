//! [`QuantizeReport`]: what was done to a model, layer by layer, as data.

use serde::{Deserialize, Serialize};

use super::QuantizeMode;
use crate::model::Model;

/// What [`quantize`](super::quantize) did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuantizeReport {
    /// How the model was quantized.
    pub mode: QuantizeMode,
    /// Every layer that the mode is for, in the order of the nodes, those of graphs inside of a node after it.
    pub layers: Vec<LayerReport>,
    /// Layers that were quantized.
    pub quantized_count: u64,
    /// Layers that were left as they are.
    pub skipped_count: u64,
    /// Size of all tensors stored in the model, or in files of its own, before.
    pub parameter_bytes_before: u64,
    /// The same after.
    pub parameter_bytes_after: u64,
    /// All of this in one sentence.
    pub verdict: String,
}

/// What became of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerReport {
    /// Name of the node, or of its first output if it has none.
    pub node: String,
    /// Its operator, as it was.
    pub op_type: String,
    /// Name of its weight; that of its second input if that is no constant.
    pub weight: String,
    /// Dimensions of the weight; empty if it is no constant.
    pub shape: Vec<i64>,
    /// What was done, or why nothing was.
    #[serde(flatten)]
    pub outcome: LayerOutcome,
}

/// What was done to a layer, or why nothing was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum LayerOutcome {
    /// The weight was quantized.
    Quantized {
        /// How.
        mode: QuantizeMode,
        /// Mean of the weight's errors, as a share of the mean of its magnitudes.
        mean_error: f64,
        /// Largest error of the weight, as a share of its largest magnitude.
        max_error: f64,
        /// Size of the weight before. Layers that share a weight each state it.
        bytes_before: u64,
        /// Size of the quantized weight with its scales.
        bytes_after: u64,
    },
    /// The layer is as it was.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl QuantizeReport {
    pub(super) fn new(mode: QuantizeMode, layers: Vec<LayerReport>, before: u64, after: u64) -> Self {
        let is_quantized = |layer: &&LayerReport| matches!(layer.outcome, LayerOutcome::Quantized { .. });
        let quantized_count = layers.iter().filter(is_quantized).count() as u64;
        let skipped_count = layers.len() as u64 - quantized_count;
        let verdict = match quantized_count {
            0 => "No layer was quantized; the model is as it was.".to_owned(),
            _ => format!(
                "{quantized_count} of {} layers were quantized; parameters went from {:.1} to {:.1} MB.",
                layers.len(),
                before as f64 / 1e6,
                after as f64 / 1e6
            ),
        };
        Self {
            mode,
            layers,
            quantized_count,
            skipped_count,
            parameter_bytes_before: before,
            parameter_bytes_after: after,
            verdict,
        }
    }
}

/// Size of all tensors of a model, wherever they are.
pub fn parameter_bytes(model: &Model) -> u64 {
    let bytes = model.tensors().filter_map(|tensor| {
        let size = tensor.dtype().ok()?.size_bytes(tensor.element_count().ok()?).ok()?;
        Some(size as u64)
    });
    bytes.fold(0, u64::saturating_add)
}
