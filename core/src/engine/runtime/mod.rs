//! ONNX Runtime: found, checked, loaded once per process, and every call into it.
//!
//! This folder and `engine::ops` are the only places that know the `ort` crate. What the rest of the library needs is
//! offered as safe types without any of `ort`'s in their signatures.

mod bound;
mod cache_option;
mod call;
mod cpu;
mod doctor;
mod dtype;
pub(super) mod exit;
pub(super) mod fork;
mod library;
mod log;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod old_glibc;
mod options;
mod own_operators;
mod pool;
mod precision;
mod profiling;
mod providers;
mod raw_session;
mod run_options;
mod search;
mod session_options;
mod status;
mod strings;
mod threading;
mod tiny_model;
mod type_info;
mod value;

pub(super) use bound::{BoundTensor, IoBinding};
pub use cache_option::Cache;
pub(super) use call::{Call, CallMemory};
pub use cpu::CpuReport;
pub(super) use cpu::{features as cpu_features, model as cpu_model};
pub use doctor::{DoctorReport, RuntimeReport, RuntimeSummary, doctor};
pub use library::{MINIMUM_VERSION, Runtime, RuntimeOptions};
pub use options::{OptimizationLevel, Profile, Provider, SessionOptions, Threads};
pub use precision::{Precision, Sample, Samples};
pub(super) use raw_session::{Creation, ModelFormat, ModelSource, RawSession};
pub(super) use run_options::EndableRun;
pub(super) use session_options::SaveOptimized;
pub(super) use value::{OwnedValue, from_output, tensor_output};
