//! [`Calibration`]: what the values of a model's tensors were over samples of real inputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RangeObserver;

/// What the values of a model's tensors were over samples of real inputs.
///
/// Takes the same memory for any number of samples. As JSON it comes back as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Batches of inputs that were run.
    pub sample_count: u64,
    /// `float32` tensors of the main graph, by the name of their value.
    pub tensors: BTreeMap<String, TensorStatistics>,
}

/// What the values of one tensor were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorStatistics {
    /// All elements.
    pub range: RangeObserver,
    /// Dimensions at the last observation.
    pub shape: Vec<usize>,
    /// Elements by their index along the last axis; only of left sides of products with a constant, and `None` where
    /// that axis was not always of one length.
    pub channels: Option<ChannelStatistics>,
}

/// Elements of a tensor by their index along its last axis: the channels of a matrix product's left side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelStatistics {
    /// Elements that were seen of each channel.
    pub count: u64,
    /// The largest finite magnitude of each channel, in the tensor's own unit.
    pub max_magnitude: Vec<f32>,
    /// The sum of the squares of each channel's finite elements.
    pub sum_of_squares: Vec<f64>,
}
