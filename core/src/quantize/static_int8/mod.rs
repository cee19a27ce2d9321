//! Static 8-bit quantization: layers and what lies between them, written with `QuantizeLinear` and `DequantizeLinear`.
//!
//! Activations are unsigned with a zero point, weights signed with a scale for each output channel, biases 32-bit numbers
//! whose scales are the products of both. An engine makes kernels with scales of a layer between a dequantization and a
//! quantization. What only moves numbers is written on 8-bit numbers directly.

mod codes;
mod emit;
mod follower;
mod gelu;
mod initializers;
mod layer;
mod prune;
mod region;
mod tail;
mod values;
mod weights;

use std::collections::{BTreeMap, HashMap, HashSet};

use self::layer::Layers;
use self::region::{Region, Work};
use self::values::Values;
use super::names::Names;
use super::plan::{Refusal, label};
use super::rewrite::{import_microsoft, initializers_are_inputs, input_of};
use super::{
    ActivationScheme, Calibration, LayerOutcome, LayerReport, QuantizeMode, QuantizeOptions, RangeObserver,
    lift_opset,
};
use crate::Result;
use crate::model::{ExternalDataResolver, Model, NodeProto};

/// The first operator set whose `DequantizeLinear` has a scale for each channel.
const FIRST_OPSET: i64 = 13;

/// A model of an older operator set in the first that will do; `None` if there is no need, or if it has operators that
/// cannot be lifted, whose layers then say so.
pub(super) fn lifted(model: &Model) -> Option<Model> {
    (opset(model) < FIRST_OPSET).then(|| lift_opset(model, FIRST_OPSET).ok()).flatten()
}

fn opset(model: &Model) -> i64 {
    let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty());
    opset.and_then(|opset| opset.version).unwrap_or(1)
}

/// Quantizes the layers of the main graph that `wants` names, of a valid model, and what lies between them.
///
/// Layers that 8 bits make slower are skipped, unless [`QuantizeOptions::layers`] names them.
///
/// # Errors
/// Those of reading external data, `invalid_argument` if the options' percentage is out of bounds.
pub(super) fn apply(
    model: &Model,
    wants: &dyn Fn(&NodeProto) -> bool,
    calibration: &Calibration,
    options: &QuantizeOptions,
    external: Option<&dyn ExternalDataResolver>,
) -> Result<(Model, Vec<LayerReport>)> {
    let Some(graph) = &model.graph else { return Ok((model.clone(), Vec::new())) };
    check_method(options)?;
    let layers =
        (0..graph.node.len()).filter(|&at| layer::is_layer(&graph.node[at]) && wants(&graph.node[at]));
    let layers: Vec<usize> = layers.collect();
    let values = Values::of(model, graph, calibration, options, external);
    if let Some(reason) = refusal(model, &values) {
        return Ok((
            model.clone(),
            rows(&values, &layers, |_| LayerOutcome::Skipped { reason: reason.clone() }),
        ));
    }
    let mut refused: HashMap<usize, String> = HashMap::new();
    let (mut works, mut named) = (BTreeMap::new(), HashSet::new());
    let mut recognised = Layers::new(&values, options.min_weight_elements);
    let mut taken_in = HashSet::new();
    for &at in &layers {
        let is_named = options.layers.get(label(&graph.node[at])) == Some(&QuantizeMode::Int8Static);
        match recognised.of(at, is_named) {
            Ok(layer) => {
                taken_in.extend(layer.tail.iter().copied());
                works.insert(at, Work::Layer(layer));
                named.extend(is_named.then_some(at));
            }
            Err(Refusal::Skip(reason)) => drop(refused.insert(at, reason)),
            Err(Refusal::Fail(error)) => {
                return Err(error.context(format!("layer `{}`", label(&graph.node[at]))));
            }
        }
    }
    let gelus = gelu::find(&values);
    taken_in.extend(gelu::nodes(&gelus));
    for at in 0..graph.node.len() {
        if !taken_in.contains(&at)
            && let Some(follower) = follower::of(&values, at)
        {
            taken_in.extend(follower.tail.iter().copied());
            works.insert(at, Work::Follower(follower));
        }
    }
    let region = Region::of(&values, works, named);
    let emitted = emit::emit(&values, &region, &gelus, graph, Names::of(model), options.limit())?;
    let rows = rows(&values, &layers, |at| match (emitted.outcomes.get(&at), refused.get(&at)) {
        (Some(outcome), _) => outcome.clone(),
        (None, Some(reason)) => LayerOutcome::Skipped { reason: reason.clone() },
        (None, None) => {
            LayerOutcome::Skipped { reason: "it looks at each channel alone, between floats".into() }
        }
    });
    let mut quantized = model.clone();
    if emitted.outcomes.is_empty() {
        return Ok((quantized, rows));
    }
    if let Some(graph) = &mut quantized.graph {
        graph.node = emitted.nodes;
        if initializers_are_inputs(model.ir_version) {
            graph.input.extend(emitted.initializers.iter().map(input_of));
        }
        graph.initializer.extend(emitted.initializers);
    }
    prune::prune(&mut quantized, model);
    import_microsoft(&mut quantized);
    Ok((quantized, rows))
}

/// Finds options that make no sense, whether anything needs a range or not.
fn check_method(options: &QuantizeOptions) -> Result<()> {
    let mut observer = RangeObserver::new();
    observer.observe(&[1.0]);
    observer.range(options.range_method, ActivationScheme::AsymmetricU8).map(drop)
}

/// Why nothing in a model can be quantized.
fn refusal(model: &Model, values: &Values) -> Option<String> {
    let version = opset(model);
    if version < FIRST_OPSET {
        return Some(format!("the model's operator set {version} is older than {FIRST_OPSET}"));
    }
    (!values.are_in_order()).then(|| "the nodes of the model are not in order".to_owned())
}

fn rows(values: &Values, layers: &[usize], outcome: impl Fn(usize) -> LayerOutcome) -> Vec<LayerReport> {
    let row = |&at: &usize| {
        let node = &values.nodes[at];
        let name = node.input.get(1).map_or("", String::as_str);
        LayerReport {
            node: label(node).to_owned(),
            op_type: node.op_type().to_owned(),
            weight: name.to_owned(),
            shape: values.constant(name).map_or_else(Vec::new, |weight| weight.dims.clone()),
            outcome: outcome(at),
        }
    };
    layers.iter().map(row).collect()
}
