//! What Chromium measures: the script that drives it, told by JSON and answering by JSON.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ortlet_bench::harness::models::{self, Model};
use ortlet_bench::harness::places::{Places, setting};
use serde::Deserialize;
use serde_json::{Value, json};

/// Every way to call or to visit that the script knows.
const WAYS: [&str; 7] = [
    "onnxruntime-web",
    "Session.run",
    "Session.run, int8",
    "WorkerSession.run",
    "ortlet",
    "ortlet, int8",
    "ortlet, worker",
];

/// One model: values by the way in which they came about.
#[derive(Debug, Deserialize)]
pub struct Measured {
    pub title: String,
    pub values: Vec<(String, Vec<f64>)>,
}

/// All that the script measures.
#[derive(Debug, Deserialize)]
pub struct Measurements {
    /// Which browser it was.
    pub browser: String,
    /// Nanoseconds of calls; first of a model of one node.
    pub calls: Vec<Measured>,
    /// Milliseconds until the first output.
    pub visits: Vec<Measured>,
}

/// The name as it lives as long as the program.
pub fn way(name: &str) -> &'static str {
    WAYS.into_iter().find(|known| *known == name).unwrap_or("?")
}

/// Starts the script.
///
/// # Errors
/// If there is no Node or Chromium, and in the script's words.
pub fn measure(places: &Places, models: &[Model], rounds: usize, visits: usize) -> Result<Measurements> {
    let onnx = setting("ORTLET_TEST_ONNX")?;
    let order = json!({
        "project": setting("ORTLET_TEST_NPM")?,
        "folders": { "models": places.models, "onnx": onnx },
        "profile": places.scratch.join("profile"),
        "rounds": rounds,
        "visits": visits,
        "floor": ordered(&models::floor(), "onnx"),
        "models": models.iter().map(|model| ordered(model, "models")).collect::<Vec<_>>(),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm/js/bench/measure.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(order.to_string()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = node.output().context("run Node")?;
    ensure!(output.status.success(), "measure.mjs failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("read what measure.mjs says")
}

/// A model as the script is told of it: where the page finds it.
fn ordered(model: &Model, folder: &str) -> Value {
    json!({ "name": model.name, "file": format!("/{folder}/{}", model.file), "inputs": model.inputs })
}
