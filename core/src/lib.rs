//! Run ONNX models on the device, with latency you can plan on.
//!
//! Ortlet wraps ONNX Runtime: it finds and checks the library, validates models and inputs before the runtime sees
//! them, and gives one set of names, options, errors and results in every language it is bound to.
#![deny(unsafe_code)]

pub mod artifact;
#[cfg(feature = "engine")]
#[allow(unsafe_code)]
mod engine;
pub mod error;
pub mod lower;
pub mod metrics;
pub mod model;
pub mod quantize;
mod random;
#[cfg(feature = "schema")]
pub mod schema;
pub mod tensor;

#[cfg(feature = "engine")]
pub use engine::calibrate::{CalibrateObserver, CalibrateOptions, CalibrateProgress, calibrate};
#[cfg(feature = "engine")]
pub use engine::compile::{
    CacheEntry, CacheEntryKind, CacheOutcome, CompileReport, Plan, PlanCandidate, PlanChanges, PlanKey,
    PlanOutcome, PlanReport, PlanRound,
};
#[cfg(feature = "engine")]
pub use engine::observer::Observer;
#[cfg(feature = "engine")]
pub use engine::precision::{
    PrecisionChoice, PrecisionObserver, PrecisionOptions, PrecisionProgress, choose_precision, compile,
    compile_with,
};
#[cfg(feature = "engine")]
pub use engine::runtime;
#[cfg(feature = "engine")]
pub use engine::runtime::{
    Cache, OptimizationLevel, Precision, Profile, Provider, Sample, Samples, SessionOptions, Threads,
};
#[cfg(feature = "engine")]
pub use engine::session::{
    Binder, Binding, CacheReport, CancelToken, Origin, Outputs, RunFuture, RunOptions, Session,
    SessionReport, profile,
};
#[cfg(feature = "engine")]
pub use engine::tune::{TuneObserver, TuneOptions, TuneProgress, tune};
pub use error::{Error, ErrorCode, ErrorKind, Result};
pub use metrics::LoadPhases;
pub use quantize::{
    Accuracy, AccuracyFigures, Calibration, KernelPrecision, Measure, PrecisionReport, QuantizeMode,
    QuantizeOptions, QuantizeReport, quantize,
};

/// The README's examples are compiled with the documentation tests.
#[cfg(all(doctest, feature = "engine"))]
#[doc = include_str!("../../README.md")]
struct Readme;
