//! What to lower a model to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::model::Bytes;
use crate::quantize::{Calibration, Gram, KernelPrecision};

/// How [`lower`](super::lower) goes about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LowerOptions {
    /// The form of all blocks that `blocks` does not name.
    pub precision: KernelPrecision,
    /// Blocks, by [`LoweredBlock::node`](super::LoweredBlock::node), that get another form.
    pub blocks: BTreeMap<String, KernelPrecision>,
    /// Blocks, named likewise, that are left to ONNX Runtime.
    pub exclude: BTreeSet<String>,
    /// The most channels of a block's input that are multiplied as floats in [`KernelPrecision::Int8`]; 0 turns this off.
    pub outlier_channels: usize,
    /// Whether activations get a scale for each 128 channels instead of one for the row, in [`KernelPrecision::Int8`].
    pub group: bool,
}

/// What samples told of the values that weights are multiplied with, by the values' names in the model that is lowered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learned<'a> {
    /// Which channels are much larger than others; without it, the normalization before a layer tells, if there is one.
    pub calibration: Option<&'a Calibration>,
    /// How channels go together, by which weights are rounded (GPTQ); others are rounded to the nearest.
    pub grams: Option<&'a BTreeMap<String, Gram>>,
    /// What was packed before of the same model, with the same of everything above.
    pub packed: Option<&'a PackCache>,
}

/// Packed weights of one model, kept from one lowering to the next: rounding them takes long.
#[derive(Debug, Default)]
pub struct PackCache(RefCell<HashMap<String, Bytes>>);

impl PackCache {
    /// What is known under a key, else what `pack` makes.
    pub(super) fn get_or(&self, key: &str, pack: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        if let Some(known) = self.0.borrow().get(key) {
            return Some(known.clone());
        }
        let bytes = pack()?;
        self.0.borrow_mut().insert(key.to_owned(), bytes.clone());
        Some(bytes)
    }
}

impl Default for LowerOptions {
    fn default() -> Self {
        Self {
            precision: KernelPrecision::Fp32,
            blocks: BTreeMap::new(),
            exclude: BTreeSet::new(),
            outlier_channels: 4,
            group: false,
        }
    }
}

impl LowerOptions {
    /// The form of a block.
    pub(super) fn precision_of(&self, label: &str) -> KernelPrecision {
        self.blocks.get(label).copied().unwrap_or(self.precision)
    }
}
