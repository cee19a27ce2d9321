//! What `judge.py` tells of the models of one task, and what asks it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use ortlet_bench::harness::programs::{self, quantizers_python};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::harness::statistics::{Better, quiet_ratio, ratio};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contestants::ORIGINAL;
use crate::tasks::Task;

/// One model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    pub name: String,
    /// Why it is no good at all.
    pub problem: Option<String>,
    /// For each number of threads, the median time of a run in each round.
    pub seconds: BTreeMap<u32, Vec<f64>>,
    /// On samples that were held out; the original has none.
    pub accuracy: Option<Accuracy>,
}

/// How alike the outputs for held-out samples are to the original's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    pub mean_cosine: f64,
    pub min_cosine: f64,
    pub samples: u64,
    /// How many answers of a hundred are the same.
    pub task_percent: Option<f64>,
    /// Where answers are vectors: their cosines.
    pub task_mean: Option<f64>,
    pub task_min: Option<f64>,
}

impl Judged {
    /// How many times as fast as the original: the median over the rounds.
    pub fn speed(&self, original: &Self, threads: u32) -> Option<f64> {
        ratio(original.seconds.get(&threads)?, self.seconds.get(&threads)?)
    }

    /// The same of the quick quarters, which neighbours disturb less.
    pub fn quiet_speed(&self, original: &Self, threads: u32) -> Option<f64> {
        quiet_ratio(original.seconds.get(&threads)?, self.seconds.get(&threads)?, Better::Lower)
    }
}

/// What the judge says in one line.
#[derive(Deserialize)]
struct Line {
    /// What it is at.
    step: Option<String>,
    /// At the end.
    results: Option<Vec<Judged>>,
}

/// Judges models, the original first.
pub fn judge(
    task: Task,
    data: &Path,
    rounds: usize,
    models: &[(&str, &Path)],
    progress: &Progress,
) -> Result<Vec<Judged>> {
    let contestants: Vec<_> =
        models.iter().map(|(name, model)| json!({ "name": name, "model": model })).collect();
    let order = json!({ "task": task.name, "data": data, "rounds": rounds, "contestants": contestants });
    let mut command = quantizers_python()?;
    command.arg(programs::scripts().join("judge.py")).arg(order.to_string());
    let lines = programs::run(command, |line| {
        if let Ok(Line { step: Some(step), .. }) = serde_json::from_str(line) {
            progress.show(format_args!("{}: {step}", task.name));
        }
    });
    let lines = lines.with_context(|| format!("judge the models of {}", task.name))?;
    let last = lines.last().context("no answer")?;
    let line: Line = serde_json::from_str(last).context("read what was judged")?;
    line.results.context("the judge ended without results")
}

/// The original among those that were judged.
pub fn original(judged: &[Judged]) -> Option<&Judged> {
    judged.iter().find(|each| each.name == ORIGINAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_judge_are_read() {
        let line = r#"{"results": [{"name": "x", "problem": null, "seconds": {"1": [0.5]}}]}"#;
        let results = serde_json::from_str::<Line>(line).unwrap().results.unwrap();
        assert_eq!(results[0].seconds[&1], [0.5]);
        let step: Line = serde_json::from_str(r#"{"step": "checking x"}"#).unwrap();
        assert_eq!((step.step.as_deref(), step.results.is_none()), (Some("checking x"), true));
    }

    #[test]
    fn speed_is_of_the_same_round() {
        let judged = |seconds: &[f64]| Judged {
            name: "x".into(),
            problem: None,
            seconds: [(1, seconds.to_vec())].into(),
            accuracy: None,
        };
        let (original, faster) = (judged(&[2.0, 40.0, 2.0]), judged(&[1.0, 20.0, 1.0]));
        assert_eq!(faster.speed(&original, 1), Some(2.0));
        assert_eq!(faster.quiet_speed(&original, 1), Some(2.0));
        assert_eq!(faster.speed(&original, 2), None);
    }
}
