//! ONNX Runtime: found, checked, loaded once per process, and every call into it.
//!
//! This folder and `engine::ops` are the only places that know the `ort` crate. What the rest of the library needs is
//! offered as safe types without any of `ort`'s in their signatures.

mod cpu;
mod doctor;
mod dtype;
mod library;
mod log;
mod options;
mod providers;
mod raw_session;
mod search;
mod status;
mod strings;
mod type_info;
mod value;

pub use cpu::CpuReport;
pub use doctor::{DoctorReport, RuntimeReport, RuntimeSummary, doctor};
pub use library::{MINIMUM_VERSION, Runtime, RuntimeOptions};
pub use options::{OptimizationLevel, Provider, SessionOptions, Threads};
pub(super) use raw_session::{ModelFormat, ModelSource, RawSession};
pub(super) use value::{BorrowedInput, OwnedValue, from_output};
