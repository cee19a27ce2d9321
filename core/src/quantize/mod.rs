//! Quantization of models as a rewrite of data: the quantized model is ordinary ONNX, nothing is run for it.
//!
//! [`quantize`] takes a model and a [`QuantizeMode`] and gives another model with a [`QuantizeReport`], which says of
//! every layer what was done, or why nothing was. What the mode does not touch stays as it is, layers that are already
//! quantized among it.
//!
//! The parts that modes are made of are public too: [`BlockWeights`] packs weights, [`RangeObserver`] finds the range of
//! activations.

mod accuracy;
mod blocks;
mod calibration;
mod calibrator;
mod constants;
mod dynamic;
mod embedding;
mod initializers;
mod lift_opset;
mod names;
mod options;
mod plan;
mod precision_report;
mod ranges;
mod report;
mod rewrite;
mod simplify;
mod single_layer;
mod static_int8;
mod watched;
mod weight;

pub use accuracy::{Accuracy, AccuracyFigures, AccuracyJudge, Breach, Measure, NamedValues};
pub use blocks::{BlockBits, BlockScheme, BlockWeights};
pub use calibration::{Calibration, ChannelStatistics, TensorStatistics};
pub use calibrator::Calibrator;
pub use lift_opset::lift_opset;
pub use options::{QuantizeMode, QuantizeOptions};
pub use precision_report::{
    LayerTrial, MadeFor, PrecisionCandidate, PrecisionLayer, PrecisionReport, RewritingCount, SampleCounts,
};
pub use ranges::{ActivationScheme, Range, RangeMethod, RangeObserver, ScaleAndZeroPoint};
pub use report::{LayerOutcome, LayerReport, QuantizeReport, parameter_bytes};
pub use simplify::{Rewrite, RewriteKind, SimplifyReport, simplify, simplify_with};
pub use single_layer::single_layer;

use crate::model::{ExternalDataResolver, Model};
use crate::{Error, Result};

/// Quantizes a model. Weights that it keeps in files of their own are left as they are; see [`quantize_with`].
///
/// `calibration` tells how large activations get; [`QuantizeMode::Int8Static`] needs it, [`QuantizeMode::Int8Dynamic`]
/// keeps outlier channels as floats with it, the others ignore it.
///
/// The model is not changed; the one that is given back shares with it what both have. Takes time in proportion to the
/// weights and, beside the new weights, memory for one old one.
///
/// # Errors
/// Those of [`Model::validate`], `not_found` if there is no node of a name that the options give, `unsupported` if
/// [`QuantizeOptions::standard_operators`] needs a later operator set than the model's, `invalid_argument` for options
/// that make no sense and for a mode that needs a calibration without one.
///
/// # Examples
/// ```
/// use ortlet::model::{GraphProto, Model, OperatorSetIdProto};
/// use ortlet::{QuantizeMode, QuantizeOptions, quantize};
///
/// let opset = OperatorSetIdProto { version: Some(17), ..Default::default() };
/// let graph = Some(GraphProto::default());
/// let empty = Model { ir_version: Some(8), graph, opset_import: vec![opset], ..Default::default() };
/// let (same, report) = quantize(&empty, QuantizeMode::Int8Dynamic, None, &QuantizeOptions::default())?;
/// assert_eq!(same, empty);
/// assert_eq!(report.quantized_count, 0);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn quantize(
    model: &Model,
    mode: QuantizeMode,
    calibration: Option<&Calibration>,
    options: &QuantizeOptions,
) -> Result<(Model, QuantizeReport)> {
    run(model, mode, calibration, options, None)
}

/// Quantizes a model, weights in files of their own included. Those become part of the model.
///
/// # Errors
/// As [`quantize`], and the errors of `external`.
pub fn quantize_with(
    model: &Model,
    mode: QuantizeMode,
    calibration: Option<&Calibration>,
    options: &QuantizeOptions,
    external: &dyn ExternalDataResolver,
) -> Result<(Model, QuantizeReport)> {
    run(model, mode, calibration, options, Some(external))
}

fn run(
    model: &Model,
    mode: QuantizeMode,
    calibration: Option<&Calibration>,
    options: &QuantizeOptions,
    external: Option<&dyn ExternalDataResolver>,
) -> Result<(Model, QuantizeReport)> {
    model.validate()?;
    let form_of = |node: &crate::model::NodeProto| {
        let label = plan::label(node);
        if options.exclude.iter().any(|name| name == label) {
            return None;
        }
        Some(options.layers.get(label).copied().unwrap_or(mode))
    };
    let mut layers = Vec::new();
    let mut quantized = model.clone();
    if model.nodes().any(|at| form_of(at.node) == Some(QuantizeMode::Int8Static)) {
        let Some(calibration) = calibration else {
            return Err(Error::invalid_argument("calibration", "int8-static needs one"));
        };
        let wants = |node: &crate::model::NodeProto| form_of(node) == Some(QuantizeMode::Int8Static);
        let (changed, rows) = static_int8::apply(model, &wants, calibration, options, external)?;
        quantized = changed;
        layers.extend(rows);
    }
    if mode == QuantizeMode::Int8Dynamic {
        let others: Vec<String> = model
            .nodes()
            .filter(|at| form_of(at.node) != Some(QuantizeMode::Int8Dynamic))
            .map(|at| plan::label(at.node).to_owned())
            .collect();
        let options = QuantizeOptions { exclude: others.clone(), ..options.clone() };
        let mut plan = plan::Plan::of(&quantized, &options, external)?;
        layers.extend(std::mem::take(&mut plan.layers).into_iter().filter(|row| !others.contains(&row.node)));
        if !plan.replacements.is_empty() {
            let before = quantized.clone();
            quantized = before;
            rewrite::apply(&mut quantized, plan);
        }
    }
    quantized.validate()?;
    let bytes = |model: &Model| report::parameter_bytes(model);
    let report = QuantizeReport::new(mode, layers, bytes(model), bytes(&quantized));
    Ok((quantized, report))
}
