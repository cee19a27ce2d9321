//! What to quantize, and how.

use serde::{Deserialize, Serialize};

/// A way to quantize a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum QuantizeMode {
    /// Constant matrices of `MatMul` and `Gemm` as signed 8-bit numbers with a scale for each output channel;
    /// activations become unsigned 8-bit numbers while the model runs, with a scale for each tensor. Needs no samples.
    /// Layers in graphs inside of nodes are quantized too, those in functions that the model defines are not.
    Int8Dynamic,
}

/// How [`quantize`](super::quantize) goes about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantizeOptions {
    /// Nodes to leave as they are, by name, or by their first output if they have none.
    pub exclude: Vec<String>,
    /// Weights of 7 bits, from -64 to 64. For x86 processors without VNNI, whose sums of two products of 8 bits
    /// saturate; needless on others.
    pub reduce_range: bool,
    /// Weights with fewer elements than this stay as they are: they are not worth the work on the activations.
    pub min_weight_elements: u64,
    /// Also quantize the constant tables of `Gather`, with a scale for each row. This saves memory, not time.
    pub embeddings: bool,
    /// Use operators of the ONNX standard only (`DynamicQuantizeLinear`, `MatMulInteger`, from operator set 11 on)
    /// instead of ONNX Runtime's `com.microsoft.DynamicQuantizeMatMul`, which works with any.
    pub standard_operators: bool,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            exclude: Vec::new(),
            reduce_range: false,
            min_weight_elements: 1024,
            embeddings: true,
            standard_operators: false,
        }
    }
}

impl QuantizeOptions {
    /// The largest magnitude of a quantized weight.
    pub(super) fn limit(&self) -> f32 {
        // 255 * 64 * 2 is the most that two products can add up to without leaving 16 bits.
        if self.reduce_range { 64.0 } else { 127.0 }
    }
}
