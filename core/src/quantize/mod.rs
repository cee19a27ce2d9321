//! Quantization: smaller weights and activations, and what that costs in accuracy.

mod blocks;
mod ranges;

pub use blocks::{BlockBits, BlockScheme, BlockWeights};
pub use ranges::{ActivationScheme, Range, RangeMethod, RangeObserver, ScaleAndZeroPoint};
