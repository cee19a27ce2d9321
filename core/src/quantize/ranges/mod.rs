//! Ranges of activations: watched while samples run, then turned into a scale and a zero point.

mod affine;
mod entropy;
mod histogram;
mod method;
mod observer;
mod squared_error;
mod stored;
mod summary;
mod tally;

pub use affine::{ActivationScheme, Range, ScaleAndZeroPoint};
pub use method::RangeMethod;
pub use observer::RangeObserver;
