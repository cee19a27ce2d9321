//! From a `Softmax` up to the product of queries and keys: masks that are added, and factors.

use super::super::block::Mask;
use super::products::{Scores, scores};
use crate::lower::dims::{Size, stretches_to};
use crate::lower::scene::{Scene, is_no_op};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, wholes};
use crate::tensor::DType;

/// More nodes than exporters put between a product and its `Softmax`.
const MAXIMUM_STEPS: usize = 10;

/// A number so large that no score that is added to it makes a difference.
const ABSORBING: f32 = -1e30;

pub(super) struct Chain {
    pub scores: Scores,
    pub masks: Vec<Mask>,
    pub factor: f64,
    pub nodes: Vec<usize>,
    /// Shapes that masks are added to.
    pub shapes: Vec<Vec<Size>>,
}

/// What a `Softmax` takes the exponentials of.
pub(super) fn above(scene: &Scene, name: &str) -> Option<Chain> {
    let (mut name, mut factor) = (name, 1.0);
    let (mut masks, mut nodes, mut shapes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MAXIMUM_STEPS {
        let (index, node) = scene.maker(name)?;
        nodes.push(index);
        let shape = scene.dims.shape(name)?;
        if let Some(scores) = scores(scene, node) {
            let factor = factor * scores.factor;
            return Some(Chain { scores, masks, factor, nodes, shapes });
        }
        if is_no_op(scene, node) || keeps_rows(scene, node) {
            name = node.input.first()?;
        } else if let Some((input, times)) = scaled(scene, node, shape.len()) {
            factor *= times;
            name = input;
        } else if factor == 1.0 {
            let (input, mask) = masked(scene, node)?;
            masks.push(mask);
            shapes.push(shape.to_vec());
            name = input;
        } else {
            return None;
        }
    }
    None
}

/// Whether a node changes the shape of scores, but only joins or splits batch and heads.
pub(super) fn keeps_rows(scene: &Scene, node: &NodeProto) -> bool {
    let ends = |name: Option<&String>| {
        let shape = scene.dims.shape(name?)?;
        let (before, last) = shape.split_at(shape.len().checked_sub(2)?);
        Some((Size::product(before)?, last.to_vec()))
    };
    let (before, after) = (ends(node.input.first()), ends(node.output.first()));
    is(node, "Reshape") && before.is_some() && before == after
}

/// A value times a number.
fn scaled<'n>(scene: &Scene, node: &'n NodeProto, rank: usize) -> Option<(&'n str, f64)> {
    let [left, right] = node.input.as_slice() else { return None };
    let found = match (scene.factor(left, rank), scene.factor(right, rank)) {
        (None, Some(factor)) if is(node, "Mul") => (left, factor),
        (None, Some(factor)) if is(node, "Div") => (left, factor.recip()),
        (Some(factor), None) if is(node, "Mul") => (right, factor),
        _ => return None,
    };
    found.1.is_finite().then_some((found.0, found.1))
}

/// A mask that a node puts on scores, whose shape it keeps.
fn masked<'n>(scene: &Scene, node: &'n NodeProto) -> Option<(&'n str, Mask)> {
    let shape = scene.dims.shape(node.output.first()?)?;
    match node.input.as_slice() {
        [left, right] if is(node, "Add") => {
            let (scores, mask) = match (leads_to_scores(scene, left), leads_to_scores(scene, right)) {
                (true, false) => (left, right),
                (false, true) => (right, left),
                _ => return None,
            };
            let mask = unstretched(scene, mask, shape);
            let fits = scene.dims.shape(scores) == Some(shape) && fits(scene.dims.shape(mask)?, shape);
            fits.then(|| (scores.as_str(), Mask::Added(mask.to_owned())))
        }
        [condition, yes, no] if is(node, "Where") => {
            let (scores, other, inverted) = match (constant(scene, yes), constant(scene, no)) {
                (None, Some(other)) => (yes, other, false),
                (Some(other), None) => (no, other, true),
                _ => return None,
            };
            let condition = unstretched(scene, condition, shape);
            let fits = scene.dims.shape(scores) == Some(shape) && fits(scene.dims.shape(condition)?, shape);
            let mask = Mask::Chosen { condition: condition.to_owned(), inverted, other };
            (fits && other <= ABSORBING).then_some((scores.as_str(), mask))
        }
        _ => None,
    }
}

/// A mask before it was stretched to the shape of scores, which the operator does itself.
fn unstretched<'s>(scene: &'s Scene, mask: &'s str, shape: &[Size]) -> &'s str {
    let mut mask = mask;
    for _ in 0..MAXIMUM_STEPS {
        let Some((_, node)) = scene.maker(mask) else { return mask };
        let to = node.attribute("to").and_then(|to| to.i).and_then(|to| i32::try_from(to).ok());
        let input = node.input.first().map_or("", String::as_str);
        let keeps_type = to.and_then(DType::from_onnx).is_some_and(|to| scene.dims.dtype(input) == Some(to));
        let passes = is(node, "Expand") || is(node, "Cast") && keeps_type;
        if !passes || !scene.dims.shape(input).is_some_and(|own| fits(own, shape)) {
            return mask;
        }
        mask = input;
    }
    mask
}

/// Whether a value stretches over these axes and stretches none of them. A size that only runs know is taken for the
/// size of the axis or 1, unless that is 1 for sure: others fail then, one way or the other.
pub(super) fn fits(mask: &[Size], shape: &[Size]) -> bool {
    mask.len() >= 2 && stretches_to(mask, shape)
}

/// Whether a value is the product of two values that are no constants, a few steps further up.
fn leads_to_scores(scene: &Scene, name: &str) -> bool {
    let mut name = name;
    for _ in 0..MAXIMUM_STEPS {
        let Some((_, node)) = scene.maker(name) else { return false };
        if scores(scene, node).is_some_and(|found| {
            [&found.q.0, &found.k.0].iter().all(|name| scene.view.constant(name).is_none())
        }) {
            return true;
        }
        let next = match node.op_type() {
            "Mul" | "Div" | "Identity" | "Cast" | "Reshape" => node.input.first(),
            "Where" if constant(scene, node.input.get(1).map_or("", String::as_str)).is_some() => {
                node.input.get(2)
            }
            "Where" => node.input.get(1),
            "Add" if node.input.iter().any(|input| leads_to_scores(scene, input)) => return true,
            _ => return false,
        };
        match next {
            // The number may stand first.
            Some(first) if scene.number(first).is_some() => {
                name = node.input.get(1).map_or("", String::as_str);
            }
            Some(first) => name = first,
            None => return false,
        }
    }
    false
}

/// A constant float with one element, infinite ones too.
fn constant(scene: &Scene, name: &str) -> Option<f32> {
    let tensor = scene.view.constant(name)?;
    let is_one = tensor.dims.iter().all(|&dim| dim == 1) && tensor.dtype() == Ok(DType::F32);
    let bytes = tensor
        .data_bytes(&crate::model::NoExternalData)
        .ok()
        .filter(|_| is_one && wholes(tensor).is_none())?;
    Some(f32::from_le_bytes(*bytes.first_chunk()?)).filter(|number| !number.is_nan())
}
