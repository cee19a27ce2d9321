//! What a calibration can be asked for, and what it tells while it is under way.

use serde::{Deserialize, Serialize};

use crate::engine::observer::Observer;
use crate::engine::runtime::SessionOptions;
use crate::engine::session::CancelToken;
use crate::{Error, Result};

/// How a model is calibrated. Every field has a default; unknown fields are an error when read from JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CalibrateOptions {
    /// How the model is run: threads, providers, sizes of dimensions, where its external data and ONNX Runtime are. Its
    /// other fields are not used.
    pub session: SessionOptions,
    /// The most bytes of values that are held at once, beyond what a run of the model takes by itself. A single value
    /// that is larger is held alone. Less memory takes more runs. Default: 64 MiB.
    pub max_bytes: u64,
    /// Ends the calibration with `cancelled`; what was seen so far is lost.
    #[serde(skip)]
    pub cancel: Option<CancelToken>,
    /// Is told how far it is.
    #[serde(skip)]
    pub progress: Option<CalibrateObserver>,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        Self { session: SessionOptions::default(), max_bytes: 64 << 20, cancel: None, progress: None }
    }
}

impl CalibrateOptions {
    pub(super) fn check(&self) -> Result<()> {
        match self.max_bytes {
            0 => Err(Error::invalid_argument("max_bytes", "must be at least 1")),
            _ => Ok(()),
        }
    }
}

/// How far a calibration is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalibrateProgress {
    /// The share of the work that is done, from 0 to 1.
    pub done: f64,
    /// Time since it began.
    pub elapsed_ns: u64,
    /// The time that is probably left; `None` while nothing is known.
    pub left_ns: Option<u64>,
}

/// A function that is told how far a calibration is. It is called after each run, on the thread that calibrates.
pub type CalibrateObserver = Observer<CalibrateProgress>;
