//! What a choice of precision can be asked for, and what it tells while it is under way.

use serde::{Deserialize, Serialize};

use crate::engine::observer::Observer;
use crate::engine::runtime::SessionOptions;
use crate::engine::session::CancelToken;

/// How a precision is chosen. Every field has a default; unknown fields are an error when read from JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PrecisionOptions {
    /// The options that sessions will be loaded with: `precision`, `samples` and `accuracy` say what is asked for,
    /// `threads` and `profile` how runs are timed.
    pub session: SessionOptions,
    /// How long the choice may take, in milliseconds. What was not tried by then is left out; what is needed for any
    /// answer is always done. Default: 300,000.
    pub time_limit_ms: u64,
    /// Decides how samples are divided and in which order candidates run. Default: 0.
    pub seed: u64,
    /// Ends the choice with `cancelled`.
    #[serde(skip)]
    pub cancel: Option<CancelToken>,
    /// Is told how it goes.
    #[serde(skip)]
    pub progress: Option<PrecisionObserver>,
}

impl Default for PrecisionOptions {
    fn default() -> Self {
        Self {
            session: SessionOptions::default(),
            time_limit_ms: 300_000,
            seed: 0,
            cancel: None,
            progress: None,
        }
    }
}

/// Where a choice of precision is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrecisionProgress {
    /// What is being done, in words.
    pub stage: String,
    /// The share of the stage that is done, 0 to 1; `None` where it cannot be told.
    pub done: Option<f64>,
    /// Time since the beginning.
    pub elapsed_ns: u64,
    /// Time that the rest of the stage will take, by how long its beginning took; `None` where it cannot be told.
    pub remaining_ns: Option<u64>,
}

/// A function that is told how a choice of precision goes. It is called on the thread that chooses and takes time from it.
pub type PrecisionObserver = Observer<PrecisionProgress>;
