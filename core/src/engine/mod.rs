//! The native engine: ONNX Runtime underneath, sessions on top. Absent from the browser build.

pub mod compile;
pub mod precision;
pub mod runtime;
pub mod session;
pub mod tune;

pub mod calibrate;
mod files;
mod race;
