//! Ortlet for browsers and Node: what the TypeScript in `js/` asks of Rust.
//!
//! Built twice: as it is for pages that run models, and with the feature `tools` for those that change them. Bytes are
//! copied in once and given out once; what is thrown is a text, see [`Thrown`].

mod describe;
mod errors;
mod json;
mod panics;
mod recorder;
#[cfg(feature = "tools")]
mod tools;

pub use describe::{describe, is_artifact};
pub use errors::Thrown;
pub use panics::last_panic;
pub use recorder::{Recorder, openmetrics};
#[cfg(feature = "tools")]
pub use tools::*;
