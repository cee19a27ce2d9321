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
mod convolution;
mod division;
mod dynamic;
mod embedding;
mod forms;
mod gptq;
mod gram;
mod half;
mod initializers;
mod kernel_precision;
mod lift_opset;
pub(crate) mod names;
pub(crate) mod nodes;
mod options;
pub(crate) mod outliers;
pub(crate) mod plan;
mod precision_report;
mod product;
mod ranges;
mod reads;
mod report;
pub(crate) mod rewrite;
mod shapes;
pub(crate) mod simplify;
mod single_layer;
mod static_int8;
mod watched;
mod weight;
mod weights_only;

pub use accuracy::{Accuracy, AccuracyFigures, AccuracyJudge, Breach, Measure, NamedValues};
pub use blocks::{BlockBits, BlockScheme, BlockWeights};
pub use calibration::{Calibration, ChannelStatistics, TensorStatistics};
pub use calibrator::Calibrator;
pub use division::Division;
pub use gptq::gptq_codes;
pub use gram::Gram;
pub use kernel_precision::{BlockKind, KernelPrecision, PrecisionBlock};
pub use lift_opset::lift_opset;
pub use options::{QuantizeMode, QuantizeOptions};
pub use precision_report::{
    LayerTrial, MadeFor, PrecisionCandidate, PrecisionLayer, PrecisionReport, RewritingCount, SampleCounts,
};
pub use ranges::{ActivationScheme, Range, RangeMethod, RangeObserver, ScaleAndZeroPoint};
pub use report::{LayerOutcome, LayerReport, QuantizeReport, parameter_bytes};
pub use simplify::{Rewrite, RewriteKind, SimplifyReport, simplify, simplify_with};
pub use single_layer::single_layer;

use std::collections::HashMap;

use crate::model::{ExternalDataResolver, Model, NodeProto};
use crate::{Error, Result};
use forms::Forms;

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
    let forms = Forms::new(model, mode, options)?;
    let lifted = forms.occurs(QuantizeMode::Int8Static).then(|| static_int8::lifted(model)).flatten();
    let model = lifted.as_ref().unwrap_or(model);
    let mut layers = Vec::new();
    let mut quantized = model.clone();
    if forms.occurs(QuantizeMode::Int8Static) {
        let Some(calibration) = calibration else {
            let reason = "int8-static needs one, which samples of real inputs give";
            return Err(Error::invalid_argument("calibration", reason));
        };
        let wants = |node: &NodeProto| forms.of(node) == Some(QuantizeMode::Int8Static);
        (quantized, layers) = static_int8::apply(model, &wants, calibration, options, external)?;
    }
    let mut plan = plan::Plan::of(&quantized, forms, calibration, external)?;
    layers.append(&mut plan.layers);
    if !plan.replacements.is_empty() {
        let mut changed = quantized.clone();
        rewrite::apply(&mut changed, plan);
        quantized = changed;
    }
    quantized.validate()?;
    in_order(&mut layers, model);
    let bytes = |model: &Model| report::parameter_bytes(model);
    let report = QuantizeReport::new(mode, layers, bytes(model), bytes(&quantized));
    Ok((quantized, report))
}

/// Brings the rows into the order of the nodes.
fn in_order(layers: &mut [LayerReport], model: &Model) {
    let labels = model.nodes().enumerate().map(|(number, at)| (plan::label(at.node), number));
    let numbers: HashMap<&str, usize> = labels.collect();
    layers.sort_by_key(|layer| numbers.get(layer.node.as_str()).copied());
}
