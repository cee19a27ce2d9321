//! Layers: a product with a constant matrix, and what is done to each of its rows afterwards.

use super::block::{Activation, Linear};
use super::matrix::Matrix;
use super::scene::{Scene, float, is_microsoft, operand};
use super::{activation, norm};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, whole};

/// Products with fewer weights are not worth an operator.
const MINIMUM_WEIGHTS: i64 = 1024;

/// A step from a layer's result on.
type Step = fn(&Scene, &mut Linear) -> Option<()>;

/// In the order in which a layer takes them.
const STEPS: [Step; 4] = [bias, activate, residual, normalize];

/// The layer that begins with a node; nodes that are `taken` are not for it.
pub(super) fn at(scene: &Scene, index: usize, taken: &[bool]) -> Option<Linear> {
    let mut linear = product(scene, index)?;
    for step in STEPS {
        let mut longer = linear.clone();
        if step(scene, &mut longer).is_some() && longer.nodes.iter().all(|&node| !taken[node]) {
            linear = longer;
        }
    }
    (!taken[index]).then_some(linear)
}

fn product(scene: &Scene, index: usize) -> Option<Linear> {
    let node = scene.node(index);
    let is_unset = |name: &str| whole(node, name, 0) == 0;
    let (alpha, transposed) = match node.op_type() {
        "MatMul" if is(node, "MatMul") => (1.0, false),
        "Gemm" if is(node, "Gemm") => (float(node, "alpha", 1.0)?, !is_unset("transB")),
        "FusedGemm" if is_microsoft(node, "FusedGemm") => (float(node, "alpha", 1.0)?, !is_unset("transB")),
        "FusedMatMul" if is_microsoft(node, "FusedMatMul") => {
            (float(node, "alpha", 1.0)?, !is_unset("transB"))
        }
        _ => return None,
    };
    if !["transA", "transBatchA", "transBatchB"].into_iter().all(is_unset) {
        return None;
    }
    let ([x, right, more @ ..], [output]) = (node.input.as_slice(), node.output.as_slice()) else {
        return None;
    };
    let weight = Matrix::of(scene, right, transposed, alpha)?;
    if scene.view.constant(x).is_some() || weight.count() < MINIMUM_WEIGHTS {
        return None;
    }
    let bias = match more.first().filter(|name| !name.is_empty()) {
        Some(_) if float(node, "beta", 1.0) != Some(1.0) => return None,
        Some(bias) => Some(scene.vector(bias, weight.n, Some(2))?),
        None => None,
    };
    Some(Linear {
        product: index,
        nodes: vec![index],
        x: x.clone(),
        weights: vec![weight],
        bias,
        activation: own_activation(node)?,
        residual: None,
        norm: None,
        output: output.clone(),
    })
}

/// What the product's own operator does to its result.
fn own_activation(node: &NodeProto) -> Option<Activation> {
    match node.attribute("activation").and_then(|attribute| attribute.s.as_deref()) {
        None => Some(Activation::None),
        Some(b"Relu") if is_microsoft(node, "FusedGemm") => Some(Activation::Relu),
        Some(_) => None,
    }
}

/// The vector that is added to a product, if it has none yet.
fn bias(scene: &Scene, linear: &mut Linear) -> Option<()> {
    let (index, node) = scene.only_reader(&linear.output).filter(|(_, node)| is(node, "Add"))?;
    if linear.bias.is_some() || linear.activation != Activation::None {
        return None;
    }
    let other = operand(node, &linear.output)?;
    linear.bias = Some(scene.vector(other, linear.n(), scene.dims.rank(&linear.output))?);
    step(linear, &[index], node.output.first()?)
}

fn activate(scene: &Scene, linear: &mut Linear) -> Option<()> {
    if linear.activation != Activation::None {
        return None;
    }
    let found = activation::of(scene, &linear.output, linear.n())?;
    add_bias(linear, found.bias);
    linear.activation = found.activation;
    step(linear, &found.nodes, &found.output)
}

fn residual(scene: &Scene, linear: &mut Linear) -> Option<()> {
    let (index, node) = scene.only_reader(&linear.output)?;
    let other = operand(node, &linear.output)?;
    let is_sum = is(node, "Add") || is(node, "Sum");
    if !is_sum || scene.view.constant(other).is_some() || !scene.same_shape(&linear.output, other) {
        return None;
    }
    linear.residual = Some(other.to_owned());
    step(linear, &[index], node.output.first()?)
}

fn normalize(scene: &Scene, linear: &mut Linear) -> Option<()> {
    let found = norm::of(scene, &linear.output, linear.n())?;
    let has_both = linear.residual.is_some() && found.residual.is_some();
    if has_both
        || found.bias.is_some() && (linear.activation != Activation::None || linear.residual.is_some())
    {
        return None;
    }
    add_bias(linear, found.bias);
    linear.residual = found.residual.or_else(|| linear.residual.take());
    linear.norm = Some(found.norm);
    step(linear, &found.nodes, &found.output)
}

pub(super) fn add_bias(linear: &mut Linear, more: Option<Vec<f32>>) {
    linear.bias = summed(linear.bias.take(), more);
}

/// Two vectors as one, as far as they are there.
pub(super) fn summed(own: Option<Vec<f32>>, more: Option<Vec<f32>>) -> Option<Vec<f32>> {
    match (own, more) {
        (Some(own), Some(more)) => Some(own.iter().zip(&more).map(|(own, more)| own + more).collect()),
        (own, more) => own.or(more),
    }
}

fn step(linear: &mut Linear, nodes: &[usize], output: &str) -> Option<()> {
    linear.nodes.extend(nodes);
    output.clone_into(&mut linear.output);
    Some(())
}
