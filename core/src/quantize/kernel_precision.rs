//! Ortlet's own kernels, as options and reports name them: with which numbers they compute, and what became of each block.

use serde::{Deserialize, Serialize};

/// With what numbers Ortlet's own kernels compute the blocks of a model that they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KernelPrecision {
    /// The original's numbers, packed ahead. Results differ from the original's by rounding only.
    Fp32,
    /// Weights as `float16`, activations as `float32`. Needs no samples.
    Fp16,
    /// Weights and activations as `bfloat16`, sums as `float32`; activations stay `float32` on processors without
    /// instructions for it. Needs no samples.
    Bf16,
    /// Weights as signed 8-bit numbers with a scale for each output channel, activations as 8-bit numbers with a scale for
    /// each row. Samples make it more accurate: channels of activations that are much larger than the others stay floats.
    Int8,
}

impl KernelPrecision {
    /// All of them, the most exact first.
    pub const ALL: [Self; 4] = [Self::Fp32, Self::Fp16, Self::Bf16, Self::Int8];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

/// What a part of a model is that one of Ortlet's operators takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockKind {
    /// A product with a constant matrix, and what follows it: bias, activation, residual, normalisation.
    Linear,
    /// Two of these, the first with an activation.
    FeedForward,
    /// Scores of queries and keys, softmax, and the sum of values by them.
    Attention,
    /// Rows of a constant table.
    Embedding,
    /// A convolution along one axis, and what follows it.
    #[serde(rename = "convolution_1d")]
    Convolution1d,
}

/// What became of one block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrecisionBlock {
    /// What it is.
    pub kind: BlockKind,
    /// Name of its product's node, or of that node's first output if it has none.
    pub node: String,
    /// The operators that it consists of.
    pub replaced: Vec<String>,
    /// Dimensions of its weights; empty if it has none.
    pub shape: Vec<i64>,
    /// The numbers that Ortlet's kernels compute it with; `None` if it is left to ONNX Runtime.
    pub precision: Option<KernelPrecision>,
    /// How similar its results are to the original's for the same inputs, when it was checked by itself; `None` if it could
    /// not be.
    pub similarity: Option<f64>,
    /// Why it is left to ONNX Runtime.
    pub reason: Option<String>,
}
