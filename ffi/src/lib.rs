//! Ortlet for C and C++: the functions of `ortlet.h`.
//!
//! One noun, one file, with the names of the Rust library. Functions translate and decide nothing: each turns pointers
//! into references (`arguments`), calls the Rust library behind a `guard` against panics, and hands out what it gave.
//! Comments on public items become those of the header.
//!
//! Every `unsafe` of this crate rests on what the header asks of its callers: handles are those that Ortlet gave and are
//! not freed yet, other pointers are NULL or lead to as much as is said beside them, texts end with a zero byte, `const`
//! handles may be shared by threads and others may not.
// The names are those of C, where every function takes pointers that only its caller can vouch for.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod arguments;
mod guard;

// In the order of the header.
pub mod status;
pub mod version;

pub mod buffer;
pub mod error;

pub mod runtime;

pub mod tensor;
pub mod value;
pub mod value_info;

pub mod input;
pub mod outputs;

pub mod cancel;
pub mod hooks;
pub mod samples;

pub mod session;

pub mod run;

pub mod asynchronous;

pub mod binder;
pub mod binding;

pub mod metrics;

pub mod model;

pub mod calibrate;
pub mod quantize;

pub mod precision;

pub mod compile;

pub mod tune;

pub mod cache;
