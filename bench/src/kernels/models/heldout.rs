//! How good outputs for held-out inputs are, judged as the benchmark `quantize` judges.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use ortlet_bench::harness::places::{Places, beside};
use ortlet_bench::harness::programs::{self, quantizers_python};
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::heldout::HeldOut;
use ortlet_bench::order::Order;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::contestants::{DYNAMIC, DynamicModels, OPENVINO_DEFAULT, OWN};
use super::data_of;
use super::measure::Heats;
use super::situations::{MAGIKA, MINILM};

const TASKS: [&str; 2] = [MINILM, MAGIKA];

/// One model.
#[derive(Debug, Serialize)]
pub struct Judged {
    pub model: &'static str,
    /// For each contestant, how alike its outputs are to plain ONNX Runtime's, or why it is not known.
    pub accuracies: Vec<(String, Result<Accuracy, String>)>,
}

/// How alike outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Similarity of all outputs as the library defines it: the cosine, limited by the error's length.
    pub mean_cosine: f64,
    pub min_cosine: f64,
    pub samples: u64,
    /// How many answers of a hundred are the same.
    pub task_percent: Option<f64>,
    /// Where answers are vectors: their cosines.
    pub task_mean: Option<f64>,
    pub task_min: Option<f64>,
}

/// What the judge says of one contestant.
#[derive(Debug, Deserialize)]
struct Line {
    name: String,
    problem: Option<String>,
    accuracy: Option<Accuracy>,
}

/// Lets contestants compute the held-out inputs, and judges what they give.
pub fn judge(
    places: &Places,
    data: &Path,
    dynamic: &DynamicModels,
    heats: &Heats,
    progress: &Progress,
) -> Result<Vec<Judged>> {
    let of_task = |model: &'static str| {
        let heat = heats.iter().rfind(|(situation, _)| situation.model.name == model);
        heat.map(|(_, heat)| {
            let mut accuracies = Vec::new();
            let mut outputs = Vec::new();
            for lane in heat.lanes.iter().filter(|lane| OWN.contains(&lane.contestant.name)) {
                let name = lane.contestant.name;
                progress.show(format_args!("{model}: held-out inputs, {name}"));
                let folder = places.scratch.join(model).join("held-out").join(name);
                match compute(&lane.order, &data_of(data, model).join("heldout"), &folder) {
                    Ok(()) => outputs.push(json!({ "name": name, "outputs": folder })),
                    Err(error) => accuracies.push((name.to_owned(), Err(format!("{error:#}")))),
                }
            }
            let original = heat.lanes[0].order.models[0].file.as_path();
            outputs.push(json!({ "name": DYNAMIC, "model": dynamic.get(model) }));
            outputs.push(json!({ "name": OPENVINO_DEFAULT, "model": original, "openvino": true }));
            progress.show(format_args!("{model}: judging"));
            accuracies.extend(ask(model, &data_of(data, model), original, &outputs)?);
            Ok(Judged { model, accuracies })
        })
    };
    TASKS.into_iter().filter_map(of_task).collect()
}

/// Lets a process compute all inputs.
fn compute(order: &Order, inputs: &Path, out: &Path) -> Result<()> {
    let order = HeldOut { session: order.clone(), inputs: inputs.into(), out: out.into() };
    let mut command = Command::new(beside("candidate-heldout")?);
    command.arg(serde_json::to_string(&order)?);
    programs::run(command, |_| ()).map(|_| ())
}

fn ask(
    task: &str,
    data: &Path,
    original: &Path,
    contestants: &[serde_json::Value],
) -> Result<Vec<(String, Result<Accuracy, String>)>> {
    let order = json!({ "task": task, "data": data, "original": original, "contestants": contestants });
    let mut command = quantizers_python()?;
    command.arg(programs::scripts().join("judge_outputs.py")).arg(order.to_string());
    let lines = programs::run(command, |_| ()).with_context(|| format!("judge the outputs of {task}"))?;
    read(lines.last().context("no answer")?)
}

fn read(line: &str) -> Result<Vec<(String, Result<Accuracy, String>)>> {
    let lines: Vec<Line> = serde_json::from_str(line).context("read what was judged")?;
    let accuracy = |line: Line| (line.name, line.accuracy.ok_or_else(|| line.problem.unwrap_or_default()));
    Ok(lines.into_iter().map(accuracy).collect())
}

/// The tables for people.
pub fn text(judged: &[Judged]) -> String {
    let mut out = "\nHeld-out inputs, against plain ORT. outputs: cosine, limited by the error's length. answers: cosines \
                   of embeddings,\nor how many labels of a hundred are the same.\n"
        .to_owned();
    for Judged { model, accuracies } in judged {
        let _ = writeln!(out, "\n{model:<19}{:>14}{:>14}{:>22}", "outputs mean", "minimum", "answers");
        for (name, accuracy) in accuracies {
            let _ = match accuracy {
                Ok(accuracy) => writeln!(
                    out,
                    "  {name:<17}{:>14.6}{:>14.6}{:>22}",
                    accuracy.mean_cosine,
                    accuracy.min_cosine,
                    accuracy.answers()
                ),
                Err(reason) => writeln!(out, "  {name:<17} {reason}"),
            };
        }
    }
    out
}

impl Accuracy {
    /// How alike the answers are.
    pub fn answers(&self) -> String {
        match (self.task_percent, self.task_mean, self.task_min) {
            (Some(percent), ..) => format!("{percent:.1} %"),
            (None, Some(mean), Some(min)) => format!("{mean:.6} / {min:.6}"),
            _ => "-".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_judge_says_is_read_and_shown() {
        let line = r#"[{"name": "a", "problem": null, "accuracy": {"mean_cosine": 0.5, "min_cosine": 0.25, "samples": 2,
            "task_mean": 0.75, "task_min": 0.5}}, {"name": "b", "problem": "gone", "accuracy": null}]"#;
        let accuracies = read(line).unwrap();
        assert_eq!(accuracies[0].1.as_ref().unwrap().answers(), "0.750000 / 0.500000");
        assert_eq!(accuracies[1], ("b".into(), Err("gone".into())));
        let text = text(&[Judged { model: MINILM, accuracies }]);
        assert!(text.contains("0.250000") && text.contains("gone"), "{text}");
    }
}
