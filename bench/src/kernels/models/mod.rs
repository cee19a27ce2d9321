//! Part two: whole models with Ortlet's kernels, beside other engines.

mod contestants;
mod figures;
mod heldout;
mod measure;
mod situations;

use std::path::Path;

use anyhow::Result;
use ortlet_bench::harness::comparison::Comparison;
use ortlet_bench::harness::places::{Places, setting};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::harness::table;
use serde_json::{Value, json};

pub use contestants::{BF16, FP32, INT8, OPENVINO_DEFAULT, OWN};
pub use figures::{CREATION, FIRST_OUTPUT, LOAD, STEADY};
pub use heldout::{Accuracy, Judged};
pub use situations::{MAGIKA, MINILM};

use crate::options::Options;
use situations::Situation;

const LEGEND: &str = "\
Times in ms, memory in MB, medians; x: the median over the rounds of the ratio to plain ORT in the same round. steady:
a run of a session that is warm; load: anonymous memory that creating the session adds. Ortlet's sessions, and no other,
come from a cache. Loading the libraries is not timed. outputs: their cosine with plain ORT's for the input that is timed.
";

/// One situation with its figures.
pub struct Outcome {
    pub situation: Situation,
    pub comparison: Comparison,
    /// For each contestant, the cosine of its outputs with the peer's.
    pub cosines: Vec<(&'static str, Option<f64>)>,
    /// What is kept besides.
    record: Value,
}

/// All that was measured of models.
pub struct Models {
    pub outcomes: Vec<Outcome>,
    /// How alike outputs for held-out inputs are.
    pub judged: Vec<Judged>,
    /// Whether the peer ran everywhere.
    pub trusted: bool,
}

impl Models {
    /// The situation of a model with so many threads.
    pub fn outcome(&self, model: &str, dims: &[usize], threads: u32) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.situation.is(model, dims, threads))
    }

    /// How good the outputs of a contestant are.
    pub fn accuracy(&self, model: &str, name: &str) -> Option<Accuracy> {
        let judged = self.judged.iter().find(|judged| judged.model == model)?;
        judged.accuracies.iter().find(|(known, _)| known == name)?.1.as_ref().ok().copied()
    }

    /// Everything as JSON.
    pub fn record(&self) -> Value {
        let outcomes: Vec<&Value> = self.outcomes.iter().map(|outcome| &outcome.record).collect();
        json!({ "situations": outcomes, "held_out": self.judged })
    }

    /// The tables for people.
    pub fn text(&self) -> String {
        let mut out = LEGEND.to_owned();
        for outcome in &self.outcomes {
            out += &table::comparison(&outcome.comparison);
            out += "  outputs";
            for (name, cosine) in &outcome.cosines {
                out += &cosine.map_or_else(String::new, |cosine| format!("  {name}: {cosine:.5}"));
            }
            out.push('\n');
        }
        out + &heldout::text(&self.judged)
    }
}

/// Measures and judges everything that the options ask for.
///
/// # Errors
/// A model or the samples are missing.
pub fn measure(options: &Options, places: &Places) -> Result<Models> {
    let (data, progress) = (setting("ORTLET_BENCH_QUANTIZE_DATA")?, Progress::default());
    let situations = situations::all(options.quick);
    let dynamic = contestants::dynamic_models(places, &data, &situations, &progress)?;
    let mut outcomes = Vec::new();
    let mut heats = measure::heats(places, &data, &dynamic, situations)?;
    measure::measure(places, options.rounds, &mut heats, &progress);
    let trusted = heats.iter().all(|(_, heat)| heat.can_be_trusted());
    let judged = heldout::judge(places, &data, &dynamic, &heats, &progress)?;
    for (situation, heat) in heats {
        let comparison = figures::comparison(&situation, &heat);
        let cosines = heat.lanes.iter().skip(1).map(|lane| (lane.contestant.name, lane.cosine)).collect();
        let record = figures::record(&situation, &heat, &comparison);
        outcomes.push(Outcome { situation, comparison, cosines, record });
    }
    Ok(Models { outcomes, judged, trusted })
}

/// The folder of a model's samples.
fn data_of(data: &Path, model: &str) -> std::path::PathBuf {
    data.join(model)
}
