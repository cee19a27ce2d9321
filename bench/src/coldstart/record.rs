//! The same as JSON, with every sample, for those who calculate further.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::figures::{Metric, figure};
use crate::machine::Machine;
use crate::measure::{Heat, Lane};
use crate::verdict::Verdict;

pub fn write(
    path: &Path,
    (rounds, machine): (usize, &Machine),
    heats: &[Heat],
    floor: &Heat,
    verdicts: &[Verdict],
) -> Result<()> {
    let record = json!({
        "bench": "coldstart",
        "rounds": rounds,
        "machine": machine,
        "models": heats.iter().map(heat).collect::<Vec<_>>(),
        "floor": heat(floor),
        "verdicts": verdicts,
    });
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(&record)?;
    fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
}

fn heat(heat: &Heat) -> Value {
    let lanes: Vec<Value> = heat.lanes.iter().map(|each| lane(heat, each)).collect();
    json!({ "model": heat.model.name, "inputs": heat.model.inputs, "candidates": lanes })
}

fn lane(heat: &Heat, lane: &Lane) -> Value {
    let cell = |metric: Metric| {
        let figure = figure(heat, lane.contestant.name, metric);
        (metric.key().to_owned(), json!(figure))
    };
    let figures: Map<String, Value> = Metric::ALL.into_iter().map(cell).collect();
    json!({
        "candidate": lane.contestant.name,
        "problem": lane.problem,
        "outputs": lane.agreement,
        "figures": figures,
        "samples": lane.samples,
        "latencies_ns": lane.latencies,
        "four_processes_kib": lane.weights,
    })
}
