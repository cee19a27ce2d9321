//! Where the time of a load went.

use serde::{Deserialize, Serialize};

/// Where the time of a load went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoadPhases {
    /// Finding and loading ONNX Runtime, which only the first load of a process has to do.
    pub runtime_ns: u64,
    /// Reading and checking the model.
    pub check_ns: u64,
    /// Digesting the model's content for the cache.
    pub digest_ns: u64,
    /// Opening, checking and mapping the artifact.
    pub map_ns: u64,
    /// Creating the session in ONNX Runtime: optimising, unless that was done before, and packing weights.
    pub create_ns: u64,
    /// Storing the compiled model.
    pub store_ns: u64,
    /// Runs on zeros, if they were asked for.
    pub warm_up_ns: u64,
    /// The whole load.
    pub total_ns: u64,
    /// The first run; `None` before it.
    pub first_run_ns: Option<u64>,
}
