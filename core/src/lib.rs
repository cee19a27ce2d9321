//! Run ONNX models on the device, with latency you can plan on.
//!
//! Ortlet wraps ONNX Runtime: it finds and checks the library, validates models and inputs before the runtime sees
//! them, and gives one set of names, options, errors and results in every language it is bound to.
#![deny(unsafe_code)]

pub mod error;
pub mod model;
pub mod tensor;

pub use error::{Error, ErrorCode, ErrorKind, Result};
