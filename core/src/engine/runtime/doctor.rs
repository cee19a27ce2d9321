//! What this machine offers, and what to do about what is missing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::runtime::{CpuReport, Runtime, RuntimeOptions};
use crate::error::SearchedPlace;
use crate::{Error, ErrorKind};

/// The state of the machine as far as running models goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DoctorReport {
    /// Version of Ortlet.
    pub ortlet_version: String,
    /// ONNX Runtime, found or not.
    pub runtime: RuntimeReport,
    /// The CPU.
    pub cpu: CpuReport,
    /// What to do about anything missing or slow; empty if all is well.
    pub advice: Vec<String>,
}

/// ONNX Runtime, found or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuntimeReport {
    /// The library that is used, if one was found.
    pub found: Option<RuntimeSummary>,
    /// Why none can be used.
    pub error: Option<String>,
    /// The places searched, if none was found.
    pub searched: Vec<SearchedPlace>,
}

/// A loaded ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuntimeSummary {
    /// The library's file.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// Branch, commit and compiler flags of its build.
    pub build_info: String,
    /// Execution providers that sessions can ask for.
    pub providers: Vec<String>,
}

/// Looks at the machine. Loads ONNX Runtime if it is not loaded yet; never fails.
pub fn doctor(options: &RuntimeOptions) -> DoctorReport {
    let runtime = match Runtime::load(options) {
        Ok(runtime) => found(runtime),
        Err(error) => missing(&error),
    };
    let cpu = CpuReport::read();
    let advice = advice(&runtime, &cpu);
    DoctorReport { ortlet_version: env!("CARGO_PKG_VERSION").into(), runtime, cpu, advice }
}

fn found(runtime: &Runtime) -> RuntimeReport {
    let summary = RuntimeSummary {
        path: runtime.path().to_owned(),
        version: runtime.version().to_owned(),
        build_info: runtime.build_info(),
        providers: runtime.providers(),
    };
    RuntimeReport { found: Some(summary), error: None, searched: Vec::new() }
}

fn missing(error: &Error) -> RuntimeReport {
    let searched = match error.kind() {
        ErrorKind::RuntimeNotFound { searched, .. } => searched.clone(),
        _ => Vec::new(),
    };
    RuntimeReport { found: None, error: Some(error.to_string()), searched }
}

fn advice(runtime: &RuntimeReport, cpu: &CpuReport) -> Vec<String> {
    let mut advice = Vec::new();
    if runtime.found.is_none() {
        advice.push(super::search::remedy());
    }
    let has = |name: &str| cpu.features.iter().any(|feature| feature == name);
    if cpu.architecture == "x86_64" && !has("avx2") {
        advice.push("this CPU has no AVX2: expect a fraction of the usual speed".into());
    }
    let int8 = ["avxvnni", "avx512vnni", "dotprod", "i8mm"];
    if !int8.iter().any(|&name| has(name)) {
        advice.push(
            "this CPU has no int8 dot product: quantize with reduced range, and expect less gain".into(),
        );
    }
    if cpu.logical_count.is_some_and(|all| cpu.usable_logical_count < all) {
        advice.push(format!(
            "only {} of {} logical CPUs are left to this process: widen its affinity mask or CPU quota if that is \
             not meant",
            cpu.usable_logical_count,
            cpu.logical_count.unwrap_or_default()
        ));
    }
    advice
}
