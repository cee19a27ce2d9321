//! Who quantizes, and how each is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use ortlet_bench::harness::places::beside;
use ortlet_bench::harness::programs::{self, quantizers_python};
use ortlet_bench::quantizing::{Made, Order, Way};

use crate::tasks::Task;

/// A way to make a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Ortlet's choice for so many threads.
    Auto(u32),
    /// Ortlet without samples.
    Int8Dynamic,
    /// `make_model.py` with this tool.
    Python(&'static str),
}

/// One contestant besides the original.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    pub name: &'static str,
    pub tool: Tool,
}

/// The name of the original, run by plain ONNX Runtime.
pub const ORIGINAL: &str = "fp32";

pub const ALL: [Contestant; 6] = [
    Contestant { name: "Ortlet auto, 1 thread", tool: Tool::Auto(1) },
    Contestant { name: "Ortlet auto, 2 threads", tool: Tool::Auto(2) },
    Contestant { name: "Ortlet int8-dynamic", tool: Tool::Int8Dynamic },
    Contestant { name: "ORT quantize_dynamic", tool: Tool::Python("dynamic") },
    Contestant { name: "ORT quantize_static", tool: Tool::Python("static") },
    Contestant { name: "NNCF in OpenVINO", tool: Tool::Python("nncf") },
];

/// How often those that need only moments make their model.
const REPETITIONS: usize = 3;

impl Contestant {
    /// The file that the model goes to.
    pub fn file(&self, folder: &Path) -> PathBuf {
        let name = self.name.replace([' ', ','], "-");
        folder.join(name).with_extension(if self.tool == Tool::Python("nncf") { "xml" } else { "onnx" })
    }

    /// Whether Ortlet made it.
    pub fn is_ortlet(&self) -> bool {
        !matches!(self.tool, Tool::Python(_))
    }

    /// Makes the model in a process of its own. Of repetitions the median time counts.
    pub fn make(&self, task: Task, model: &Path, data: &Path, out: &Path) -> Result<Made> {
        let quick = matches!(self.tool, Tool::Int8Dynamic | Tool::Python("dynamic"));
        let mut made = (0..if quick { REPETITIONS } else { 1 })
            .map(|_| self.make_once(task, model, data, out))
            .collect::<Result<Vec<_>>>()?;
        made.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let middle = made.len() / 2;
        Ok(made.swap_remove(middle))
    }

    fn make_once(&self, task: Task, model: &Path, data: &Path, out: &Path) -> Result<Made> {
        let samples = data.join("samples");
        let way = match self.tool {
            Tool::Auto(threads) => Way::Auto { threads, samples, accuracy: task.budget() },
            Tool::Int8Dynamic => Way::Int8Dynamic,
            Tool::Python(tool) => {
                let mut command = quantizers_python()?;
                command.arg(programs::scripts().join("make_model.py")).args([tool, task.name]);
                command.args([model, &samples, out]);
                return answer(command);
            }
        };
        let order = Order { model: model.into(), out: out.into(), way };
        let mut command = Command::new(beside("candidate-quantize")?);
        command.arg(serde_json::to_string(&order)?);
        answer(command)
    }
}

fn answer(command: Command) -> Result<Made> {
    let lines = programs::run(command, |_| ())?;
    let last = lines.last().context("no answer")?;
    serde_json::from_str(last).with_context(|| format!("an answer, not `{last}`"))
}
