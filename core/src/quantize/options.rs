//! What to quantize, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RangeMethod;

/// A way to quantize a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum QuantizeMode {
    /// Constant matrices of `MatMul` and `Gemm`, and of `Conv` along one axis, as signed 8-bit numbers with a scale for each
    /// output channel; activations become unsigned 8-bit numbers while the model runs, with a scale for each tensor. Needs
    /// no samples.
    /// Layers in graphs inside of nodes are quantized too, those in functions that the model defines are not.
    #[serde(alias = "int8")]
    #[cfg_attr(feature = "schema", schemars(extend("x-alias" = "int8")))]
    Int8Dynamic,
    /// Layers of the main graph with 8-bit activations, whose ranges come from a calibration, and signed 8-bit weights
    /// with a scale for each output channel, written with `QuantizeLinear` and `DequantizeLinear`. What lies between such
    /// layers is computed in 8 bits too where that is exact enough. Older operator sets are lifted to 13 for it.
    Int8Static,
    /// Constant matrices in blocks of 8-bit numbers; activations stay floats, which ONNX Runtime may round in blocks of
    /// their own while it multiplies. Needs no samples.
    #[serde(rename = "weights-8")]
    Weights8,
    /// The same with 4-bit numbers. Needs no samples. This saves memory, not time.
    #[serde(rename = "weights-4")]
    Weights4,
    /// Constants are stored as `float16` and computed with as `float32`. Needs no samples. This halves the file.
    Float16,
}

/// How [`quantize`](super::quantize) goes about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct QuantizeOptions {
    /// Nodes to leave as they are, by name, or by their first output if they have none.
    pub exclude: Vec<String>,
    /// Nodes, named likewise, that get another form than the mode says.
    pub layers: BTreeMap<String, QuantizeMode>,
    /// Weights so small that two products with an activation of 8 bits never add up to more than 16 bits hold: x86
    /// processors without VNNI saturate there. Weights of products are scaled by the largest sum of two neighbours,
    /// those of [`QuantizeMode::Int8Static`] have 7 bits, from -64 to 64. `None` asks the processor that this runs on.
    pub reduce_range: Option<bool>,
    /// Weights with fewer elements than this stay as they are: they are not worth the work on the activations.
    pub min_weight_elements: u64,
    /// Also quantize the constant tables of `Gather`, with a scale for each row. This saves memory, not time.
    pub embeddings: bool,
    /// Use operators of the ONNX standard only (`DynamicQuantizeLinear`, `MatMulInteger`, from operator set 11 on)
    /// instead of ONNX Runtime's `com.microsoft.DynamicQuantizeMatMul`, which works with any.
    pub standard_operators: bool,
    /// How the ranges of activations are chosen from a calibration.
    pub range_method: RangeMethod,
    /// The most channels of a layer's activations that stay floats in [`QuantizeMode::Int8Dynamic`], where a calibration
    /// shows that they are much larger than the others; 0 turns this off.
    pub outlier_channels: usize,
    /// Weights that share a scale in [`QuantizeMode::Weights8`] and [`QuantizeMode::Weights4`]: 16, 32, 64, 128 or 256.
    pub block_size: usize,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            exclude: Vec::new(),
            layers: BTreeMap::new(),
            reduce_range: None,
            min_weight_elements: 1024,
            embeddings: true,
            standard_operators: false,
            range_method: RangeMethod::MeanSquaredError,
            outlier_channels: 4,
            block_size: 32,
        }
    }
}

impl QuantizeOptions {
    /// Whether the range of weights is reduced.
    pub(super) fn is_reduced(&self) -> bool {
        self.reduce_range.unwrap_or_else(saturates)
    }

    /// The largest magnitude of a quantized weight whose neighbours are not known.
    pub(super) fn limit(&self) -> f32 {
        // 255 * 64 * 2 is the most that two products can add up to without leaving 16 bits.
        if self.is_reduced() { 64.0 } else { 127.0 }
    }
}

/// Whether this processor adds up products of 8-bit numbers, two at a time, in 16 bits that saturate.
#[cfg(target_arch = "x86_64")]
fn saturates() -> bool {
    !std::arch::is_x86_feature_detected!("avx512vnni") && !std::arch::is_x86_feature_detected!("avxvnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn saturates() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int8_is_another_word_for_the_mode_that_needs_no_samples() {
        let read = |word: &str| serde_json::from_value::<QuantizeMode>(word.into());
        assert_eq!(read("int8").unwrap(), QuantizeMode::Int8Dynamic);
        assert_eq!(serde_json::to_value(read("int8").unwrap()).unwrap(), "int8-dynamic");
        assert!(read("int4").is_err());
        let layers = r#"{ "layers": { "a": "int8" } }"#;
        let options: QuantizeOptions = serde_json::from_str(layers).unwrap();
        assert_eq!(options.layers["a"], QuantizeMode::Int8Dynamic);
    }
}
