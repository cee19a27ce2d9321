//! What is done to the input of a layer becomes part of it: factors of channels, zeros around an image.

use super::edit::{Edit, floats};
use super::layer::{Kind, Layer, by_channel};
use super::report::RewriteKind;
use super::view::{View, is};
use crate::Result;
use crate::model::{AttributeProto, NodeProto};
use crate::quantize::names::Names;

/// `Mul` or `Div` by constants. Zeros that the layer pads with stay zeros.
pub(super) fn scale(view: &View, at: usize, names: &mut Names) -> Result<Option<Edit>> {
    let Some(layer) = Layer::of(view, at).filter(|layer| layer.owns_weight(view)) else { return Ok(None) };
    let value = layer.node.input[0].as_str();
    let maker = view.maker(value).filter(|_| view.only_reader(value) == Some(at));
    let Some(maker) = maker else { return Ok(None) };
    let product = &view.nodes[maker];
    let operands = match product.input.as_slice() {
        [left, right] if is(product, "Mul") => vec![(left, right), (right, left)],
        [left, right] if is(product, "Div") => vec![(left, right)],
        _ => return Ok(None),
    };
    for (x, constant) in operands {
        let Some(factors) = factors(view, &layer, x, constant)? else { continue };
        let divides = is(product, "Div");
        let factors: Vec<f64> =
            factors.into_iter().map(|factor| if divides { factor.recip() } else { factor }).collect();
        let Some(numbers) = layer.scaled_by_input(view, &factors)? else { return Ok(None) };
        let weight = floats(names, &format!("{}_folded", layer.weight), layer.dims.to_vec(), &numbers);
        let mut main = layer.node.clone();
        main.input[0].clone_from(x);
        weight.name().clone_into(&mut main.input[1]);
        let edit = Edit::replace(RewriteKind::FoldInputScale, at, vec![maker, at], vec![main]);
        return Ok(Some(edit.with_constants(vec![weight])));
    }
    Ok(None)
}

/// One number for each channel of the input. A single channel in `x` could be stretched to as many.
fn factors(view: &View, layer: &Layer, x: &str, constant: &str) -> Result<Option<Vec<f64>>> {
    let (axis, group) = match layer.kind {
        Kind::Conv => (1, super::view::whole(layer.node, "group", 1)),
        Kind::Gemm if super::view::whole(layer.node, "transB", 0) != 0 => (1, 1),
        _ => (0, 1),
    };
    let channels = layer.dims[axis].checked_mul(group).and_then(|channels| usize::try_from(channels).ok());
    // The input of a convolution has the number of dimensions of its weight.
    let least_rank = match layer.kind {
        Kind::Conv | Kind::ConvTranspose => layer.dims.len(),
        Kind::Gemm => 2,
        Kind::MatMul => view.fact(x).least_rank,
    };
    // A product may stretch x itself, which only then has the number of dimensions that the layer needs.
    if view.fact(x).least_rank < least_rank && layer.kind != Kind::MatMul {
        return Ok(None);
    }
    let Some(channels) = channels.filter(|_| has_channels(view, x)) else { return Ok(None) };
    // One number for all may be the half of a GELU, which ONNX Runtime would not recognise without it.
    let numbers = by_channel(view, constant, channels, layer.axes_behind(), least_rank)?;
    Ok(numbers.filter(|numbers| numbers.len() > 1))
}

/// Whether a value is known to have more than one channel, because a layer with more than one makes it.
fn has_channels<'v>(view: &'v View, mut name: &'v str) -> bool {
    // Activations and normalizations lie between, seldom more of them.
    for _ in 0..4 {
        let Some(maker) = view.maker(name) else { return false };
        if let Some(layer) = Layer::of(view, maker) {
            return layer.channels > 1;
        }
        let node = &view.nodes[maker];
        let keeps = ["Relu", "Sigmoid", "Tanh", "Clip", "HardSigmoid", "BatchNormalization", "LeakyRelu"];
        match node.input.first().filter(|_| keeps.iter().any(|op_type| is(node, op_type))) {
            Some(input) => name = input,
            None => return false,
        }
    }
    false
}

/// `Pad` with zeros before a convolution.
pub(super) fn pad(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(padded(view, at))
}

fn padded(view: &View, at: usize) -> Option<Edit> {
    let conv = Some(&view.nodes[at]).filter(|node| is(node, "Conv"))?;
    let rank = view.constant(conv.input.get(1)?)?.dims.len();
    let value = conv.input.first()?;
    let pad = view.made_by(value, "Pad").filter(|_| view.only_reader(value) == Some(at))?;
    let around = zeros_around(view, &view.nodes[pad])?;
    let text = |name| conv.attribute(name).and_then(|attribute| attribute.s.as_deref());
    if !matches!(text("auto_pad"), None | Some(b"NOTSET")) || around.len() != 2 * rank || rank < 3 {
        return None;
    }
    let (begins, ends) = around.split_at(rank);
    let is_of_image = begins[..2].iter().chain(&ends[..2]).all(|&count| count == 0);
    let added = begins[2..].iter().chain(&ends[2..]);
    let own = conv.attribute("pads").map_or_else(|| vec![0; 2 * (rank - 2)], |pads| pads.ints.clone());
    if !is_of_image || added.clone().any(|&count| count < 0) || own.len() != 2 * (rank - 2) {
        return None;
    }
    let sum = own.iter().zip(added).map(|(own, added)| own.checked_add(*added));
    let pads = AttributeProto {
        name: Some("pads".to_owned()),
        ints: sum.collect::<Option<Vec<i64>>>()?,
        r#type: Some(7),
        ..Default::default()
    };
    let mut main = NodeProto { ..conv.clone() };
    main.input[0].clone_from(view.nodes[pad].input.first()?);
    main.attribute.retain(|attribute| attribute.name() != "pads");
    main.attribute.push(pads);
    Some(Edit::replace(RewriteKind::FoldPad, at, vec![pad, at], vec![main]))
}

/// How many zeros a `Pad` adds before and behind each axis.
fn zeros_around(view: &View, pad: &NodeProto) -> Option<Vec<i64>> {
    let mode = pad.attribute("mode").and_then(|mode| mode.s.as_deref());
    if !matches!(mode, None | Some(b"constant")) {
        return None;
    }
    if view.opset < 11 {
        let is_zero = pad.attribute("value").and_then(|value| value.f).unwrap_or(0.0) == 0.0;
        return pad.attribute("pads").filter(|_| is_zero).map(|pads| pads.ints.clone());
    }
    let input = |index: usize| pad.input.get(index).filter(|name| !name.is_empty());
    let is_zero = input(2).is_none_or(|value| view.scalar(value).is_some_and(|zero| zero.value == 0.0));
    view.wholes(input(1)?).filter(|_| is_zero && input(3).is_none())
}
