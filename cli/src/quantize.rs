//! `ortlet quantize`: a smaller model with 8-bit weights, and what became of each layer. Needs no ONNX Runtime.

use std::fs;
use std::path::{Path, PathBuf};

use ortlet::model::{Model, TensorProto};
use ortlet::quantize::{LayerOutcome, LayerReport, quantize_with};
use ortlet::{Error, QuantizeOptions, QuantizeReport, Result};
use serde::Serialize;

use crate::args::QuantizeArgs;
use crate::files::{check_writable, write_file};
use crate::output::{bytes, emit, emit_json, right_align, significant, table};

/// Runs the command.
///
/// # Errors
/// Of reading and quantizing the model, and of writing the result.
pub fn run(args: &QuantizeArgs, as_json: bool) -> Result<()> {
    let target = args.output.clone().unwrap_or_else(|| args.model.with_extension("int8.onnx"));
    if same_file(&args.model, &target) {
        return Err(Error::invalid_argument("output", "it is the model itself, which is never overwritten"));
    }
    let model = Model::open(&args.model)?;
    check_writable(&target)?;
    let options = QuantizeOptions {
        exclude: args.exclude.clone(),
        reduce_range: args.reduce_range,
        embeddings: !args.no_embeddings,
        standard_operators: args.standard_operators,
        ..Default::default()
    };
    let external = Model::external_data(&args.model);
    let (quantized, report) = quantize_with(&model, args.mode, None, &options, &external)
        .map_err(|error| error.context(format!("model `{}`", args.model.display())))?;
    check_external(&quantized, &args.model, &target)?;
    let file = quantized.to_bytes()?;
    write_file(&target, |out| out.write_all(&file))?;
    let written = Written { path: target, report };
    if as_json { emit_json(&written) } else { emit(&written.text()) }
}

/// Whether the output is the model, under whatever name.
fn same_file(model: &Path, target: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(model).is_some_and(|model| real(target) == Some(model))
}

/// External data that is left is found from the folder of the model, so the new model has to be there too.
fn check_external(quantized: &Model, model: &Path, target: &Path) -> Result<()> {
    let folder = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()
    };
    if folder(model) == folder(target) || !quantized.tensors().any(TensorProto::is_external) {
        return Ok(());
    }
    let reason =
        "the model keeps tensors in other files; the output has to be in the same folder as the model";
    Err(Error::invalid_argument("output", reason))
}

#[derive(Serialize)]
struct Written {
    path: PathBuf,
    #[serde(flatten)]
    report: QuantizeReport,
}

impl Written {
    fn text(&self) -> String {
        let mut layers =
            table(["layer", "operator", "weight", "shape", "outcome", "mean error", "max error"]);
        layers.add_rows(self.report.layers.iter().map(row));
        right_align(&mut layers, [5, 6]);
        let about = format!("{}\n{}\n", self.report.verdict, self.path.display());
        if self.report.layers.is_empty() { about } else { format!("{layers}\n{about}") }
    }
}

fn row(layer: &LayerReport) -> [String; 7] {
    let percent = |share: f64| format!("{} %", significant(share * 100.0));
    let dims: Vec<String> = layer.shape.iter().map(ToString::to_string).collect();
    let (outcome, mean, max) = match &layer.outcome {
        LayerOutcome::Quantized { mean_error, max_error, bytes_before, bytes_after, .. } => {
            let sizes = format!("{} → {}", bytes(*bytes_before), bytes(*bytes_after));
            (sizes, percent(*mean_error), percent(*max_error))
        }
        LayerOutcome::Skipped { reason } => (format!("as it was: {reason}"), String::new(), String::new()),
    };
    let (node, op_type) = (layer.node.clone(), layer.op_type.clone());
    [node, op_type, layer.weight.clone(), dims.join("×"), outcome, mean, max]
}
