//! Constants that the result of a layer is multiplied by and added to become part of its weight and bias.
//!
//! ONNX Runtime does this too, but when it loads a model; a model that is quantized needs it before.

use super::edit::{Edit, floats, node};
use super::hard_sigmoid;
use super::layer::{Kind, Layer, by_channel};
use super::report::RewriteKind;
use super::view::{View, is, whole};
use crate::Result;
use crate::model::{NodeProto, TensorProto};
use crate::quantize::names::Names;
use crate::quantize::plan::label;

/// `scale * value + shift`, each with one number for all channels or one for each.
struct Affine {
    scale: Option<Vec<f64>>,
    shift: Option<Vec<f64>>,
}

/// What is done to a layer: its own bias first.
struct Fold<'v> {
    layer: Layer<'v>,
    /// The `Add` that gives a `MatMul` its bias.
    add: Option<usize>,
    bias: Option<Vec<f64>>,
    /// The value that the layer gives, bias included.
    value: &'v str,
}

pub(super) fn output(view: &View, at: usize, names: &mut Names) -> Result<Option<Edit>> {
    let operands = match view.nodes[at].op_type() {
        "Add" | "Mul" | "Sub" => 0..2,
        "Div" | "BatchNormalization" => 0..1,
        _ => return Ok(None),
    };
    // The 3 of a hard sigmoid has to stay, or nobody recognises it.
    if is_in_hard_sigmoid(view, at) {
        return Ok(None);
    }
    for value in operands.filter_map(|operand| view.nodes[at].input.get(operand)) {
        let Some(fold) = fold(view, at, value)? else { continue };
        let Some(affine) = affine(view, at, &fold)? else { continue };
        return apply(view, at, &fold, &affine, names);
    }
    Ok(None)
}

fn is_in_hard_sigmoid(view: &View, at: usize) -> bool {
    let reader = view.nodes[at].output.first().and_then(|sum| view.only_reader(sum));
    is(&view.nodes[at], "Add") && reader.is_some_and(|reader| hard_sigmoid::pattern(view, reader).is_some())
}

/// The layer that makes a value which only the node `at` reads.
fn fold<'v>(view: &'v View, at: usize, value: &'v str) -> Result<Option<Fold<'v>>> {
    let Some(maker) = view.maker(value).filter(|_| view.only_reader(value) == Some(at)) else {
        return Ok(None);
    };
    if let Some(layer) = Layer::of(view, maker) {
        let Some(bias) = own_bias(view, &layer)? else { return Ok(None) };
        return Ok(Some(Fold { layer, add: None, bias, value }));
    }
    if !is(&view.nodes[maker], "Add") {
        return Ok(None);
    }
    for product in &view.nodes[maker].input {
        let layer = view.made_by(product, "MatMul").and_then(|index| Layer::of(view, index));
        let Some((layer, (bias, _))) = layer.zip(view.other(&view.nodes[maker], product)) else { continue };
        let bias = by_channel(view, bias, layer.channels, 0, layer.least_rank(view))?;
        if bias.is_some() && view.only_reader(product) == Some(maker) {
            return Ok(Some(Fold { layer, add: Some(maker), bias, value }));
        }
    }
    Ok(None)
}

/// The bias that is an input of the layer: `Some(None)` if it has none, `None` if it is not constant.
fn own_bias(view: &View, layer: &Layer) -> Result<Option<Option<Vec<f64>>>> {
    let Some(name) = layer.node.input.get(2).filter(|name| !name.is_empty()) else { return Ok(Some(None)) };
    let rank = if layer.kind == Kind::Gemm { 2 } else { 1 };
    let bias = by_channel(view, name, layer.channels, 0, rank)?;
    let beta = layer.node.attribute("beta").and_then(|beta| beta.f).map_or(1.0, f64::from);
    let factor = if layer.kind == Kind::Gemm { beta } else { 1.0 };
    Ok(bias.map(|bias| Some(bias.into_iter().map(|number| number * factor).collect())))
}

/// What a node does to the value of a layer.
fn affine(view: &View, at: usize, fold: &Fold) -> Result<Option<Affine>> {
    let node = &view.nodes[at];
    if !node.domain().is_empty() {
        return Ok(None);
    }
    if node.op_type() == "BatchNormalization" {
        return normalization(view, node, &fold.layer);
    }
    let Some((constant, place)) = view.other(node, fold.value) else { return Ok(None) };
    let layer = &fold.layer;
    let numbers = by_channel(view, constant, layer.channels, layer.axes_behind(), layer.least_rank(view))?;
    let Some(numbers) = numbers else { return Ok(None) };
    let negative = |numbers: Vec<f64>| numbers.into_iter().map(|number| -number).collect();
    Ok(match node.op_type() {
        "Mul" => Some(Affine { scale: Some(numbers), shift: None }),
        "Div" if place == 1 => {
            let scale = numbers.into_iter().map(f64::recip).collect();
            Some(Affine { scale: Some(scale), shift: None })
        }
        "Add" => Some(Affine { scale: None, shift: Some(numbers) }),
        "Sub" if place == 1 => Some(Affine { scale: None, shift: Some(negative(numbers)) }),
        "Sub" => Some(Affine { scale: Some(vec![-1.0]), shift: Some(numbers) }),
        _ => None,
    })
}

fn normalization(view: &View, node: &NodeProto, layer: &Layer) -> Result<Option<Affine>> {
    let others_are_read = node
        .output
        .iter()
        .skip(1)
        .any(|name| !name.is_empty() && (view.is_pinned(name) || !view.readers(name).is_empty()));
    let trains = whole(node, "training_mode", 0) != 0 || whole(node, "spatial", 1) != 1;
    let is_on_channels = match layer.kind {
        Kind::Conv | Kind::ConvTranspose | Kind::Gemm => true,
        // The channels are those of the second axis, whatever the number of axes.
        Kind::MatMul => view.fact(&layer.node.output[0]).rank == Some(2),
    };
    if others_are_read || trains || !is_on_channels {
        return Ok(None);
    }
    let mut parameters = Vec::new();
    for name in node.input.iter().skip(1).take(4) {
        let Some(numbers) = by_channel(view, name, layer.channels, 0, 1)? else { return Ok(None) };
        if numbers.len() != layer.channels {
            return Ok(None);
        }
        parameters.push(numbers);
    }
    let [gain, offset, mean, variance] = parameters.as_slice() else { return Ok(None) };
    let epsilon = f64::from(node.attribute("epsilon").and_then(|epsilon| epsilon.f).unwrap_or(1e-5));
    let scale: Vec<f64> =
        gain.iter().zip(variance).map(|(gain, variance)| gain / (variance + epsilon).sqrt()).collect();
    let shift = offset.iter().zip(mean).zip(&scale).map(|((offset, mean), scale)| offset - mean * scale);
    let shift = Some(shift.collect());
    Ok(Some(Affine { scale: Some(scale), shift }))
}

/// The layer with other constants, in the place of the node behind it.
fn apply(view: &View, at: usize, fold: &Fold, affine: &Affine, names: &mut Names) -> Result<Option<Edit>> {
    let (layer, old) = (&fold.layer, &view.nodes[at]);
    // The bias of a MatMul is an Add; to write it as one gains nothing.
    if layer.kind == Kind::MatMul && fold.add.is_none() && affine.scale.is_none() {
        return Ok(None);
    }
    let mut constants = Vec::new();
    let mut weight = layer.weight.to_owned();
    if let Some(scale) = &affine.scale {
        let Some(numbers) = layer.scaled(view, scale)?.filter(|_| layer.owns_weight(view)) else {
            return Ok(None);
        };
        let tensor = floats(names, &format!("{weight}_folded"), layer.dims.to_vec(), &numbers);
        tensor.name().clone_into(&mut weight);
        constants.push(tensor);
    }
    let bias = match bias(fold, affine) {
        None => None,
        Some(numbers) if numbers.iter().all(|number| number.is_finite()) => {
            let name = format!("{}_bias", label(layer.node));
            Some(floats(names, &name, vec![numbers.len() as i64], &numbers))
        }
        Some(_) => return Ok(None),
    };
    let nodes = nodes(layer, old, &weight, bias.as_ref(), names);
    constants.extend(bias);
    let uses = [Some(layer.index), fold.add, Some(at)].into_iter().flatten().collect();
    Ok(Some(Edit::replace(RewriteKind::FoldIntoWeights, at, uses, nodes).with_constants(constants)))
}

/// One number for each channel.
fn bias(fold: &Fold, affine: &Affine) -> Option<Vec<f32>> {
    if fold.bias.is_none() && affine.shift.is_none() {
        return None;
    }
    let at = |numbers: &Option<Vec<f64>>, channel: usize, default: f64| {
        numbers.as_ref().map_or(default, |numbers| numbers[channel % numbers.len()])
    };
    let number = |channel| {
        at(&fold.bias, channel, 0.0) * at(&affine.scale, channel, 1.0) + at(&affine.shift, channel, 0.0)
    };
    Some((0..fold.layer.channels).map(|channel| number(channel) as f32).collect())
}

fn nodes(
    layer: &Layer,
    old: &NodeProto,
    weight: &str,
    bias: Option<&TensorProto>,
    names: &mut Names,
) -> Vec<NodeProto> {
    let mut main = layer.node.clone();
    weight.clone_into(&mut main.input[1]);
    main.output = old.output[..1].to_vec();
    let Some(bias) = bias else { return vec![main] };
    if layer.kind == Kind::MatMul {
        let product = names.fresh(format!("{}_folded", layer.node.output[0]));
        let sum = node("Add", label(old).to_owned(), &[&product, bias.name()], &main.output[0]);
        main.output = vec![product];
        return vec![main, sum];
    }
    main.input.truncate(2);
    main.input.push(bias.name().to_owned());
    main.attribute.retain(|attribute| attribute.name() != "beta");
    vec![main]
}
