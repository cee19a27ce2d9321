//! Tests of the command line: the real program, on real models, with a real ONNX Runtime.
#![allow(missing_docs)]

mod bench;
mod cache;
mod compile;
mod doctor;
mod errors;
mod inspect;
mod numpy;
mod precision;
mod quantize;
mod run;
mod setup;
mod tune;
