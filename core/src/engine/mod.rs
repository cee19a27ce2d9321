//! The native engine: ONNX Runtime underneath, sessions on top. Absent from the browser build.

pub mod calibrate;
pub mod compile;
pub mod observer;
pub mod precision;
pub mod runtime;
pub mod session;
pub mod tune;

mod files;
mod ops;
mod race;
