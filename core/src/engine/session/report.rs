//! What became of a load: where the session came from, where the time went, what memory it takes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::compile::{CacheOutcome, PlanReport};
use crate::metrics::LoadPhases;
use crate::quantize::PrecisionReport;

/// How a session came to be. Times are in nanoseconds, sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionReport {
    /// What the session was made of.
    pub origin: Origin,
    /// Why the portable model of an artifact was used, if it was.
    pub portable_reason: Option<String>,
    /// The stored plan that the session follows, if it does.
    #[serde(default)]
    pub plan: Option<PlanReport>,
    /// How the model came to compute with other numbers than the original, if that was asked for at this load or when
    /// the artifact was compiled.
    #[serde(default)]
    pub precision: Option<PrecisionReport>,
    /// The cache's part in it.
    pub cache: CacheReport,
    /// Where the time went.
    pub phases: LoadPhases,
    /// Weights that lie in the artifact's file and are mapped from there, shared by all processes that use it.
    pub mapped_bytes: u64,
    /// Private memory of the whole process when the report was made; `None` where the system does not tell.
    pub private_bytes: Option<u64>,
    /// What went wrong without making the load fail.
    pub warnings: Vec<String>,
}

/// What a session was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The model itself, optimised at this load.
    #[default]
    Model,
    /// The part of an artifact that was optimised for this device.
    ArtifactDevice,
    /// The portable model of an artifact, optimised at this load.
    ArtifactPortable,
}

/// The cache's part in a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheReport {
    /// What happened.
    pub outcome: CacheOutcome,
    /// The cache folder, if there was one.
    pub folder: Option<PathBuf>,
    /// The entry's name.
    pub key: Option<String>,
}
