//! With what numbers a model computes: the choice, the samples that it needs, and how far results may be off.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::quantize::QuantizeMode;
use crate::tensor::Value;

/// With what numbers a model computes.
///
/// In JSON `"original"`, `"auto"` or the name of a [`QuantizeMode`], for example `"weights-8"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As the model says.
    #[default]
    Original,
    /// The fastest that was measured on this device and keeps within [`Accuracy`]: the original if nothing else pays.
    /// Needs [`SessionOptions::samples`](super::SessionOptions::samples).
    Auto,
    /// All layers that the mode is for, unmeasured. Needs samples if the mode does.
    Mode(QuantizeMode),
}

impl Serialize for Precision {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Original => serializer.serialize_str("original"),
            Self::Auto => serializer.serialize_str("auto"),
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
            mode => {
                let plain: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                    serde::de::IntoDeserializer::into_deserializer(mode);
                QuantizeMode::deserialize(plain).map(Self::Mode).map_err(|_| {
                    serde::de::Error::custom(format!(
                        "precision must be \"original\", \"auto\" or a mode of quantization, not \"{mode}\""
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
#[serde(into = "Option<PathBuf>", from = "Option<PathBuf>")]
pub enum Samples {
    /// There are none.
    #[default]
    None,
    /// A folder of NumPy archives (`.npz`), each a batch with an array for every input, taken in the order of their
    /// names.
    Folder(PathBuf),
    /// In memory, shared.
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

/// How far the results of a changed model may be off, compared with the original's on the same samples. Whatever is
/// `None` is not asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accuracy {
    /// The smallest cosine similarity of any output of any sample, 0 to 1. A result of the right direction and another
    /// length counts as off too: the similarity is at most `1 - r² / 2`, `r` being the error's share of the length.
    /// Default: 0.997.
    pub min_cosine: Option<f64>,
    /// The mean of those similarities. Default: 0.999.
    pub mean_cosine: Option<f64>,
    /// The largest difference of any element of any output, in the output's own unit.
    pub max_absolute_error: Option<f64>,
    /// The share, 0 to 1, of rows (along the last axis) whose largest element is at the same index.
    pub top1_agreement: Option<f64>,
    /// The caller's own measure.
    #[serde(skip)]
    pub measure: Option<Measure>,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self {
            min_cosine: Some(0.997),
            mean_cosine: Some(0.999),
            max_absolute_error: None,
            top1_agreement: None,
            measure: None,
        }
    }
}

/// The caller's own measure of how good results are: a function of the reference's and the candidate's outputs for one
/// sample, larger being better.
#[derive(Clone)]
pub struct Measure {
    function: Arc<MeasureFunction>,
    /// The least that the mean over the samples may be.
    pub at_least: f64,
}

type MeasureFunction = dyn Fn(&[(String, Value)], &[(String, Value)]) -> f64 + Send + Sync;

impl Measure {
    /// Judges with this function. NaN counts as a failure of the candidate.
    pub fn new(
        at_least: f64,
        function: impl Fn(&[(String, Value)], &[(String, Value)]) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { function: Arc::new(function), at_least }
    }

    pub(in crate::engine) fn of(&self, reference: &[(String, Value)], candidate: &[(String, Value)]) -> f64 {
        (self.function)(reference, candidate)
    }
}

impl PartialEq for Measure {
    /// Whether both are clones of one measure, with the same bound.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.at_least == other.at_least
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measure(at least {})", self.at_least)
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
