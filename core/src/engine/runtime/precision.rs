//! With what numbers a model computes: the choice, and the samples that it needs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::quantize::{KernelPrecision, QuantizeMode};
use crate::tensor::Value;

/// With what numbers a model computes.
///
/// In JSON `"original"`, `"auto"`, or the name of a [`KernelPrecision`], for example `"int8"`, or of a [`QuantizeMode`],
/// for example `"weights-8"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub enum Precision {
    /// As the model says.
    #[default]
    Original,
    /// The fastest that was measured on this device and keeps within [`SessionOptions::accuracy`](super::SessionOptions::accuracy): the original if nothing else pays.
    /// Needs [`SessionOptions::samples`](super::SessionOptions::samples).
    Auto,
    /// All blocks that Ortlet's own kernels are for, checked but not timed; the others as they are.
    #[cfg_attr(feature = "schema", schemars(untagged))]
    Kernels(KernelPrecision),
    /// All layers that the mode is for, unmeasured. Needs samples if the mode does.
    #[cfg_attr(feature = "schema", schemars(untagged))]
    Mode(QuantizeMode),
}

impl Serialize for Precision {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Original => serializer.serialize_str("original"),
            Self::Auto => serializer.serialize_str("auto"),
            Self::Kernels(precision) => precision.serialize(serializer),
            Self::Mode(mode) => mode.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Precision {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "original" => Ok(Self::Original),
            "auto" => Ok(Self::Auto),
            word => {
                if let Some(precision) = KernelPrecision::ALL.into_iter().find(|known| known.name() == word) {
                    return Ok(Self::Kernels(precision));
                }
                let plain: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                    serde::de::IntoDeserializer::into_deserializer(word);
                QuantizeMode::deserialize(plain).map(Self::Mode).map_err(|_| {
                    serde::de::Error::custom(format!(
                        "precision must be \"original\", \"auto\", \"fp32\", \"fp16\", \"bf16\", \"int8\" or a mode of \
                         quantization, not \"{word}\""
                    ))
                })
            }
        }
    }
}

/// A batch of inputs, by name.
pub type Sample = Vec<(String, Value)>;

/// Batches of real inputs, to measure with.
///
/// In JSON `null` or the path of a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged, !from, !into))]
#[serde(into = "Option<PathBuf>", from = "Option<PathBuf>")]
pub enum Samples {
    /// There are none.
    #[default]
    None,
    /// A folder of NumPy archives (`.npz`), each a batch with an array for every input, taken in the order of their
    /// names.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "path")))]
    Folder(PathBuf),
    /// In memory, shared.
    #[cfg_attr(feature = "schema", schemars(skip))]
    Batches(Arc<[Sample]>),
}

impl PartialEq for Samples {
    /// Batches in memory are equal if they are the same memory.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Folder(own), Self::Folder(other)) => own == other,
            (Self::Batches(own), Self::Batches(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

impl From<Option<PathBuf>> for Samples {
    fn from(folder: Option<PathBuf>) -> Self {
        folder.map_or(Self::None, Self::Folder)
    }
}

impl From<Samples> for Option<PathBuf> {
    /// The folder. Batches in memory have no form in JSON.
    fn from(samples: Samples) -> Self {
        match samples {
            Samples::Folder(folder) => Some(folder),
            Samples::None | Samples::Batches(_) => None,
        }
    }
}

impl From<Vec<Sample>> for Samples {
    fn from(batches: Vec<Sample>) -> Self {
        Self::Batches(batches.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_reads_from_json_and_names_what_is_unknown() {
        for (json, precision) in [
            (r#""original""#, Precision::Original),
            (r#""auto""#, Precision::Auto),
            (r#""weights-8""#, Precision::Mode(QuantizeMode::Weights8)),
            (r#""int8-dynamic""#, Precision::Mode(QuantizeMode::Int8Dynamic)),
            (r#""int8""#, Precision::Kernels(KernelPrecision::Int8)),
            (r#""bf16""#, Precision::Kernels(KernelPrecision::Bf16)),
        ] {
            assert_eq!(serde_json::from_str::<Precision>(json).unwrap(), precision);
            assert_eq!(serde_json::to_string(&precision).unwrap(), json);
        }
        assert!(serde_json::from_str::<Precision>(r#""int7""#).unwrap_err().to_string().contains("int7"));
        let samples: Samples = serde_json::from_str(r#""a/b""#).unwrap();
        assert_eq!(
            (samples, Samples::None),
            (Samples::Folder("a/b".into()), serde_json::from_str("null").unwrap())
        );
    }
}
