//! Normalizations that exporters spell out: mean, difference, square, mean, root, quotient, scale and shift.

use super::block::NormKind;
use super::norm::{Found, norm};
use super::scene::{Scene, operand};
use crate::quantize::simplify::view::{axes, is, whole};

/// `(x - mean) / sqrt(mean((x - mean)²) + epsilon) * gamma + beta`.
pub(super) fn layer(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    let readers = scene.view.readers(name);
    let mean = *readers.iter().find(|&&reader| is_mean(scene, reader, name))?;
    let average = scene.node(mean).output.first()?;
    let (difference, node) = scene.only_reader(average)?;
    let deviation = node.output.first()?;
    if !is(node, "Sub") || !node.input.iter().eq([name, average]) {
        return None;
    }
    let mut nodes = vec![mean, difference];
    let (epsilon, quotient) = root(scene, deviation, &mut nodes)?;
    finish(scene, name, NormKind::Layer, epsilon, quotient, nodes, width)
}

/// `x / sqrt(mean(x²) + epsilon) * gamma`.
pub(super) fn root_mean_square(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    let mut nodes = Vec::new();
    let (epsilon, quotient) = root(scene, name, &mut nodes)?;
    finish(scene, name, NormKind::Rms, epsilon, quotient, nodes, width)
}

/// From a value to its quotient by the root of its mean square: epsilon and the node that gives the quotient.
fn root(scene: &Scene, value: &str, nodes: &mut Vec<usize>) -> Option<(f64, usize)> {
    let square = *scene.view.readers(value).iter().find(|&&reader| is_square(scene, reader, value))?;
    let mut step = |name: &str, accept: &dyn Fn(usize) -> bool| {
        let (index, node) = scene.only_reader(name).filter(|(index, _)| accept(*index))?;
        nodes.push(index);
        Some((index, node.output.first()?.clone()))
    };
    let squared = scene.node(square).output.first()?.clone();
    let (_, averaged) = step(&squared, &|index| is_mean(scene, index, &squared))?;
    let (sum, summed) = step(&averaged, &|index| is(scene.node(index), "Add"))?;
    let epsilon = scene.factor(operand(scene.node(sum), &averaged)?, 1)?;
    let (_, rooted) = step(&summed, &|index| is(scene.node(index), "Sqrt"))?;
    let (last, result) = step(&rooted, &|_| true)?;
    let quotient = scene.node(last);
    nodes.push(square);
    if is(quotient, "Div") && quotient.input.iter().eq([value, rooted.as_str()]) {
        return Some((epsilon, last));
    }
    // The reciprocal of the root, multiplied by the value.
    let is_one_over = match quotient.input.as_slice() {
        [one, root] => is(quotient, "Div") && *root == rooted && scene.factor(one, 1) == Some(1.0),
        _ => false,
    };
    if !is_one_over && !is(quotient, "Reciprocal") {
        return None;
    }
    let (product, node) = scene.only_reader(&result)?;
    nodes.push(product);
    (is(node, "Mul") && operand(node, &result)? == value).then_some((epsilon, product))
}

/// Scale and shift behind the quotient.
fn finish(
    scene: &Scene,
    name: &str,
    kind: NormKind,
    epsilon: f64,
    quotient: usize,
    mut nodes: Vec<usize>,
    width: i64,
) -> Option<Found> {
    let value = scene.node(quotient).output.first()?;
    let (scale, node) = scene.only_reader(value).filter(|(_, node)| is(node, "Mul"))?;
    let gamma = operand(node, value)?;
    nodes.push(scale);
    let scaled = node.output.first()?;
    let shift = match kind {
        NormKind::Layer => scene.only_reader(scaled).filter(|(_, node)| is(node, "Add")),
        NormKind::Rms => None,
    };
    let beta = shift.and_then(|(index, node)| {
        let beta = operand(node, scaled)?;
        scene.vector(beta, width, None)?;
        Some((index, beta, node.output.first()?))
    });
    let last = beta.map_or(scale, |(index, ..)| index);
    nodes.extend(beta.map(|(index, ..)| index));
    let found = norm(scene, kind, epsilon as f32, [gamma, beta.map_or("", |(_, beta, _)| beta)], width)?;
    let output = beta.map_or(scaled, |(_, _, output)| output).clone();
    let is_alone = scene.view.is_closed(&nodes, last) && scene.read_only_by(name, &nodes);
    is_alone.then_some(Found { norm: found, nodes, output, residual: None, bias: None })
}

/// Whether a node is the mean over the last axis of a value, which stays as an axis of length 1.
fn is_mean(scene: &Scene, index: usize, value: &str) -> bool {
    let node = scene.node(index);
    let rank = scene.dims.rank(value).and_then(|rank| i64::try_from(rank).ok());
    let is_last = |axes: Vec<i64>| matches!(axes[..], [axis] if axis == -1 || rank.is_some_and(|rank| axis + 1 == rank));
    let averages = is(node, "ReduceMean")
        && whole(node, "keepdims", 1) == 1
        && axes(&scene.view, node).is_some_and(is_last);
    // Of three axes, the last is the only one that is pooled: simplified models have it so.
    let pools = is(node, "GlobalAveragePool") && rank == Some(3);
    node.input.first().is_some_and(|input| input == value) && (averages || pools)
}

/// Whether a node squares a value.
fn is_square(scene: &Scene, index: usize, value: &str) -> bool {
    let node = scene.node(index);
    let two = |name: &String| {
        scene.number(name) == Some(2.0) && scene.view.fact(name).rank.is_some_and(|rank| rank <= 1)
    };
    match node.input.as_slice() {
        [left, right] if is(node, "Mul") => left == value && right == value,
        [base, exponent] if is(node, "Pow") => base == value && two(exponent),
        _ => false,
    }
}
