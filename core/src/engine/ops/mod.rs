//! Ortlet's own operators in ONNX Runtime: the domain `ai.ortlet`, computed by the crate `ortlet-kernels`.
//!
//! The operators read their weights packed, from constant `uint8` tensors. A kernel keeps a view of that memory, which
//! is a part of the mapped file if the tensor is external data, and is never changed after it was made, so that any
//! number of runs may use it at once. Loops run on the session's threads.
//!
//! Below `engine::runtime`, which gives the domain to every session: this knows the crate `ort`, but nothing of ours
//! that calls ONNX Runtime.

mod admit;
mod attention;
mod blob;
mod context;
mod convolution;
mod domain;
mod embedding;
mod epilogue;
mod feed_forward;
mod info;
mod linear;
#[cfg(test)]
mod panics;
mod pool;
mod problem;
mod table;

pub(super) use admit::{Refusal, attribute_type, blob_inputs, check_blob};
pub(super) use domain::add_domain;

/// The domain's name.
pub(super) const DOMAIN: &str = "ai.ortlet";
const DOMAIN_C: &std::ffi::CStr = c"ai.ortlet";

/// The configuration entry of a session that tells kernels how many threads work on a loop. Without it there is one.
pub(super) const THREADS_ENTRY: &str = "ortlet.threads";
const THREADS_ENTRY_C: &std::ffi::CStr = c"ortlet.threads";
