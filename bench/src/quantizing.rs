//! What the benchmark `quantize` orders of Ortlet's quantizer, and what every tool answers.

use std::path::PathBuf;

use ortlet::Accuracy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model to make.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The original.
    pub model: PathBuf,
    /// Where the result goes.
    pub out: PathBuf,
    /// How.
    pub way: Way,
}

/// How Ortlet makes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Without samples.
    Int8Dynamic,
    /// What is fastest within a budget.
    Auto {
        /// Threads that will compute.
        threads: u32,
        /// A folder of `.npz` files.
        samples: PathBuf,
        /// The budget.
        accuracy: Accuracy,
    },
}

/// What making a model took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    /// From reading to writing, without starting the program and loading libraries.
    pub seconds: f64,
    /// The most memory that the process had at a time.
    pub peak_kib: Option<u64>,
    /// What it had before it began.
    pub idle_kib: Option<u64>,
    /// What the tool has to say.
    pub note: Option<String>,
    /// Ortlet's whole report.
    #[serde(default)]
    pub report: Option<Value>,
}
