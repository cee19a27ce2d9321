//! The native engine: ONNX Runtime underneath, sessions on top. Absent from the browser build.

pub mod compile;
pub mod runtime;
pub mod session;

mod files;
