//! All that is known of the models of one task.

use std::fs;
use std::path::Path;

use ortlet_bench::quantizing::Made;
use serde_json::{Value, json};

use crate::contestants::{Contestant, Tool};
use crate::judged::{self, Judged};
use crate::tasks::Task;

/// One task with everybody's model.
pub struct Outcome {
    pub task: Task,
    /// Bytes of the original.
    pub original_bytes: u64,
    /// The original's times.
    pub original: Option<Judged>,
    pub rows: Vec<Row>,
}

/// One contestant.
pub struct Row {
    pub contestant: Contestant,
    /// What making the model took, or why there is none.
    pub made: Result<Made, String>,
    pub bytes: u64,
    pub judged: Option<Judged>,
}

impl Row {
    /// Why there are no figures; `None` if there are.
    pub fn problem(&self) -> Option<String> {
        match (&self.made, &self.judged) {
            (Err(reason), _) => Some(format!("makes none: {reason}")),
            (Ok(_), Some(judged)) => judged.problem.as_ref().map(|reason| format!("INVALID: {reason}")),
            (Ok(_), None) => Some("was not judged".into()),
        }
    }
}

impl Outcome {
    /// The row of a tool.
    pub fn row(&self, tool: Tool) -> Option<&Row> {
        self.rows.iter().find(|row| row.contestant.tool == tool)
    }

    /// How many times as fast as the original a tool's model is.
    pub fn speed(&self, row: &Row, threads: u32) -> Option<f64> {
        row.judged.as_ref()?.speed(self.original.as_ref()?, threads)
    }

    /// The same of the quick quarters.
    pub fn quiet_speed(&self, row: &Row, threads: u32) -> Option<f64> {
        row.judged.as_ref()?.quiet_speed(self.original.as_ref()?, threads)
    }

    /// Takes over what the judge says.
    pub fn judge(&mut self, judged: &[Judged]) {
        self.original = judged::original(judged).cloned();
        for row in &mut self.rows {
            row.judged = judged.iter().find(|each| each.name == row.contestant.name).cloned();
        }
    }

    /// The whole as JSON.
    pub fn record(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "contestant": row.contestant.name,
                    "problem": row.problem(),
                    "made": row.made.as_ref().ok(),
                    "size_bytes": row.bytes,
                    "speed_1_thread": self.speed(row, 1),
                    "speed_2_threads": self.speed(row, 2),
                    "quiet_speed_1_thread": self.quiet_speed(row, 1),
                    "quiet_speed_2_threads": self.quiet_speed(row, 2),
                    "judged": row.judged,
                })
            })
            .collect();
        let budget = self.task.budget();
        json!({
            "task": self.task.name,
            "model": self.task.model,
            "size_bytes": self.original_bytes,
            "budget": budget,
            "original": self.original,
            "contestants": rows,
        })
    }
}

/// Bytes of a model, weights beside it included.
pub fn model_bytes(model: &Path) -> u64 {
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let weights = [model.with_extension("bin"), model.with_extension("onnx.data")];
    bytes(model) + weights.iter().map(|path| bytes(path)).sum::<u64>()
}
