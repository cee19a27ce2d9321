//! Convolutions along one axis, however the axes lay before and lie behind.

use super::activation;
use super::attention::pieces::{Axes, Piece, Role};
use super::attention::trace::{after, before};
use super::block::{Activation, Convolution, Layout};
use super::dims::Size;
use super::linear::summed;
use super::scene::{Scene, operand};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, whole};
use crate::tensor::DType;

/// Kernels with fewer weights are not worth an operator.
const MINIMUM_WEIGHTS: i64 = 1024;

/// More nodes than exporters put before or behind a convolution to bring axes into order.
const MAXIMUM_STEPS: usize = 12;

/// The convolution at a node.
pub(super) fn at(scene: &Scene, index: usize) -> Option<Convolution> {
    let node = Some(scene.node(index)).filter(|node| is(node, "Conv"))?;
    let ([x, weight, more @ ..], [result]) = (node.input.as_slice(), node.output.as_slice()) else {
        return None;
    };
    let tensor = scene.view.constant(weight).filter(|tensor| tensor.dtype() == Ok(DType::F32))?;
    let [n, channels, kernel @ ..] = tensor.dims.as_slice() else { return None };
    let axis = kernel.iter().position(|&size| size != 1)?;
    let is_line = kernel.iter().enumerate().all(|(at, &size)| at == axis || size == 1);
    let count = n.checked_mul(*channels)?.checked_mul(kernel[axis])?;
    let (x_shape, shape) = (scene.dims.shape(x)?, scene.dims.shape(result)?);
    let others_are_one =
        |shape: &[Size]| shape[2..].iter().enumerate().all(|(at, size)| at == axis || size.is(1));
    let fits = is_line && count >= MINIMUM_WEIGHTS && others_are_one(x_shape) && others_are_one(shape);
    if !fits || whole(node, "group", 1) != 1 || !x_shape[1].is(*channels) || scene.view.constant(x).is_some()
    {
        return None;
    }
    let [stride, begin, end] = window(node, kernel.len(), axis)?;
    let bias = match more.first().filter(|name| !name.is_empty()) {
        Some(bias) => Some(scene.vector(bias, *n, None)?),
        None => None,
    };
    let (x, input) = source(scene, x, axes(x_shape, axis))?;
    let own = Convolution {
        conv: index,
        nodes: vec![index],
        x,
        input,
        weight: weight.clone(),
        size: [*n, *channels, kernel[axis]],
        stride,
        padding: [begin, end],
        bias,
        activation: Activation::None,
        output: result.clone(),
        layout: Layout::ChannelsFirst,
    };
    follow(scene, own, axes(shape, axis))
}

/// Stride and padding along the axis; `None` if there is any along the others.
fn window(node: &NodeProto, rank: usize, axis: usize) -> Option<[i64; 3]> {
    let list = |name: &str, at: usize, default: i64| match node.attribute(name) {
        Some(attribute) => attribute.ints.get(at).copied(),
        None => Some(default),
    };
    let has_own_padding = match node.attribute("auto_pad").map(|word| word.s.as_deref()) {
        None | Some(Some(b"NOTSET")) => true,
        // Without padding, whatever else is said.
        Some(Some(b"VALID")) => node.attribute("pads").is_none(),
        Some(_) => false,
    };
    let is_plain = (0..rank).all(|at| {
        let pads = [list("pads", at, 0), list("pads", at + rank, 0)];
        let usual = at == axis || list("strides", at, 1) == Some(1) && pads == [Some(0); 2];
        list("dilations", at, 1) == Some(1) && usual
    });
    let found = [list("strides", axis, 1)?, list("pads", axis, 0)?, list("pads", axis + rank, 0)?];
    (has_own_padding && is_plain && found[0] >= 1 && found[1] >= 0 && found[2] >= 0).then_some(found)
}

/// The axes of a value that a convolution reads or gives: batch, channels, places.
fn axes(shape: &[Size], axis: usize) -> Axes {
    let role = |at: usize| match at {
        0 => Role::Batch,
        1 => Role::Column,
        _ => Role::Row,
    };
    let piece = |(at, size): (usize, &Size)| match at < 2 || at == axis + 2 {
        true => Piece::whole(role(at), size),
        false => Vec::new(),
    };
    shape.iter().enumerate().map(piece).collect()
}

/// How three axes lie, each of them whole. Axes of length 1 say nothing about it.
fn layout(scene: &Scene, name: &str, axes: &Axes) -> Option<Layout> {
    let [batch, second, third] = axes.as_slice() else { return None };
    let is = |pieces: &[Piece], role: Role, at: usize| {
        let size = scene.dims.shape(name).and_then(|shape| shape.get(at));
        matches!(pieces, [piece] if piece.role == role && piece.stride.is(1) && Some(&piece.size) == size)
    };
    let is_batch = batch.is_empty() || is(batch, Role::Batch, 0);
    match (is(second, Role::Column, 1), is(third, Role::Row, 2)) {
        (true, true) if is_batch => return Some(Layout::ChannelsFirst),
        _ => {}
    }
    let is_last = is(second, Role::Row, 1) && is(third, Role::Column, 2);
    (is_batch && is_last).then_some(Layout::ChannelsLast)
}

/// Where the input comes from, at best with channels last.
fn source(scene: &Scene, x: &str, axes: Axes) -> Option<(String, Layout)> {
    let (mut name, mut axes, mut best) = (x.to_owned(), axes, None::<(String, Layout)>);
    for _ in 0..MAXIMUM_STEPS {
        if let Some(layout) = layout(scene, &name, &axes)
            && best.as_ref().is_none_or(|(_, known)| *known <= layout)
        {
            best = Some((name.clone(), layout));
        }
        let Some((_, node)) = scene.maker(&name) else { break };
        let Some((input, above, 1.0)) = before(scene, node, &name, &axes) else { break };
        (name, axes) = (input.to_owned(), above);
    }
    best
}

/// Bias, activation and maximum behind a convolution, as far as nobody else reads what is between.
fn follow(scene: &Scene, mut own: Convolution, mut axes: Axes) -> Option<Convolution> {
    let mut best = None;
    let mut name = own.output.clone();
    let mut has_maximum = false;
    for _ in 0..MAXIMUM_STEPS {
        let found = match has_maximum {
            true => is_maximum(scene, &name, &axes).then_some(Layout::Maximum),
            false => layout(scene, &name, &axes),
        };
        if let Some(layout) = found {
            best = Some(Convolution { output: name.clone(), layout, ..own.clone() });
        }
        if let Some(found) = activation::of(scene, &name, own.size[0]).filter(|found| found.bias.is_none())
            && own.activation == Activation::None
            && !has_maximum
        {
            own.nodes.extend(found.nodes);
            (own.activation, name) = (found.activation, found.output);
            continue;
        }
        let Some((index, node)) = scene.only_reader(&name) else { break };
        own.nodes.push(index);
        if is(node, "Add") && own.activation == Activation::None && !has_maximum {
            let Some(bias) = bias(scene, node, &name, &axes, own.size[0]) else { break };
            own.bias = summed(own.bias.take(), Some(bias));
            name = node.output.first()?.clone();
        } else if is(node, "GlobalMaxPool")
            && !has_maximum
            && axes.get(1).is_some_and(|axis| matches!(axis[..], [Piece { role: Role::Column, .. }]))
        {
            has_maximum = true;
            axes.iter_mut().skip(2).for_each(Vec::clear);
            name = node.output.first()?.clone();
        } else {
            let Some((output, behind)) = after(scene, node, &name, &axes) else { break };
            (name, axes) = (output.to_owned(), behind);
        }
    }
    best
}

/// Whether what is left are batch and channels.
fn is_maximum(scene: &Scene, name: &str, axes: &Axes) -> bool {
    let [batch, channels] = axes.as_slice() else { return false };
    let shape = scene.dims.shape(name);
    let is_whole = matches!(channels.as_slice(), [piece] if piece.role == Role::Column && piece.stride.is(1));
    is_whole && shape.is_some_and(|shape| batch.is_empty() || batch.len() == 1 && batch[0].size == shape[0])
}

/// A constant with a number for each channel.
fn bias(scene: &Scene, add: &NodeProto, name: &str, axes: &Axes, n: i64) -> Option<Vec<f32>> {
    let other = operand(add, name)?;
    let dims = &scene.view.constant(other)?.dims;
    let skipped = axes.len().checked_sub(dims.len())?;
    let column = axes.iter().position(|axis| axis.iter().any(|piece| piece.role == Role::Column))?;
    let is_alone = axes[column].len() == 1;
    let fits = dims.iter().enumerate().all(|(at, &dim)| dim == if at + skipped == column { n } else { 1 });
    let numbers = scene.view.floats(other).ok().flatten()?;
    (is_alone && fits && column >= skipped && i64::try_from(numbers.len()) == Ok(n)).then_some(numbers)
}
