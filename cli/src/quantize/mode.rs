//! `ortlet quantize --mode`: every layer that the mode is for.

use std::path::PathBuf;

use ortlet::error::ResultExt;
use ortlet::model::Model;
use ortlet::quantize::{LayerOutcome, LayerReport, quantize_with};
use ortlet::{
    CalibrateObserver, CalibrateOptions, Calibration, QuantizeMode, QuantizeOptions, QuantizeReport, Result,
    Samples, SessionOptions, calibrate,
};
use serde::Serialize;

use super::{Origin, target, write};
use crate::args::QuantizeArgs;
use crate::output::{bytes, emit, emit_json, right_align, significant, table};
use crate::precision::{Progress, mode_name};

/// Quantizes by a mode.
///
/// # Errors
/// Of reading, calibrating and quantizing the model, and of writing the result.
pub fn run(args: &QuantizeArgs, mode: QuantizeMode, as_json: bool) -> Result<()> {
    let target = target(args, extension(mode))?;
    let model = Model::open(&args.model)?;
    let title = || format!("model `{}`", args.model.display());
    let calibration = args.precision.samples.is_some().then(|| learn(args, &model)).transpose();
    let calibration = calibration.with_context(title)?;
    let external = Model::external_data(&args.model);
    let made = quantize_with(&model, mode, calibration.as_ref(), &options(args), &external);
    let (quantized, report) = made.with_context(title)?;
    let name = mode_name(mode);
    let ortlet_version = env!("CARGO_PKG_VERSION");
    let origin = Origin { precision: &name, verdict: &report.verdict, accuracy: None, ortlet_version };
    write(quantized, &args.model, &target, &origin)?;
    let written = Written { path: target, report };
    if as_json { emit_json(&written) } else { emit(&written.text()) }
}

/// How the file of a model that was made by a mode ends.
pub fn extension(mode: QuantizeMode) -> &'static str {
    match mode {
        QuantizeMode::Int8Static => "int8-static.onnx",
        QuantizeMode::Weights8 => "w8.onnx",
        QuantizeMode::Weights4 => "w4.onnx",
        QuantizeMode::Float16 => "f16.onnx",
        _ => "int8.onnx",
    }
}

fn options(args: &QuantizeArgs) -> QuantizeOptions {
    let (given, default) = (&args.layers, QuantizeOptions::default());
    QuantizeOptions {
        exclude: given.exclude.clone(),
        layers: given.layer.iter().cloned().collect(),
        reduce_range: given.reduce_range,
        embeddings: !given.no_embeddings,
        standard_operators: given.standard_operators,
        range_method: given.range_method.unwrap_or(default.range_method),
        outlier_channels: given.outlier_channels.unwrap_or(default.outlier_channels),
        block_size: given.block_size.unwrap_or(default.block_size),
        ..default
    }
}

/// Learns how large activations get.
fn learn(args: &QuantizeArgs, model: &Model) -> Result<Calibration> {
    let mut session: SessionOptions = args.engine.session_options()?;
    session.look_beside(&args.model);
    let samples = Samples::from(args.precision.samples.clone());
    let progress = Progress::new();
    let bar = progress.clone();
    let observer =
        CalibrateObserver::new(move |now| bar.show("learning the ranges", Some(now.done), now.left_ns));
    let options = CalibrateOptions { session, progress: Some(observer), ..Default::default() };
    let calibration = calibrate(model, &samples, &options);
    progress.finish();
    calibration
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
            table(["layer", "operator", "weight", "shape", "form", "outcome", "mean error", "max error"]);
        layers.add_rows(self.report.layers.iter().map(row));
        right_align(&mut layers, [6, 7]);
        let about = format!("{}\n{}\n", self.report.verdict, self.path.display());
        if self.report.layers.is_empty() { about } else { format!("{layers}\n{about}") }
    }
}

fn row(layer: &LayerReport) -> [String; 8] {
    let percent = |share: f64| format!("{} %", significant(share * 100.0));
    let dims: Vec<String> = layer.shape.iter().map(ToString::to_string).collect();
    let (form, outcome, mean, max) = match &layer.outcome {
        LayerOutcome::Quantized { mode, mean_error, max_error, bytes_before, bytes_after } => {
            let sizes = format!("{} → {}", bytes(*bytes_before), bytes(*bytes_after));
            (mode_name(*mode), sizes, percent(*mean_error), percent(*max_error))
        }
        LayerOutcome::Skipped { reason } => {
            (String::new(), format!("as it was: {reason}"), String::new(), String::new())
        }
    };
    let (node, op_type) = (layer.node.clone(), layer.op_type.clone());
    [node, op_type, layer.weight.clone(), dims.join("×"), form, outcome, mean, max]
}
