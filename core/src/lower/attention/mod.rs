//! Attention: `softmax(q kᵀ · scale + mask) v` for each head, however the heads were split off and joined.

mod chain;
mod operators;
pub(super) mod pieces;
mod products;
pub(super) mod trace;

use std::collections::HashSet;

use super::block::{Attention, Border};
use super::dims::{Assume, Dims, Size, axis};
use super::scene::{Scene, is_no_op};
use crate::model::GraphProto;
use crate::quantize::simplify::view::{View, is, whole};
use crate::tensor::DType;
use trace::{Source, Wanted};

/// The first operator set whose `Softmax` works along one axis.
const SINGLE_AXIS_OPSET: i64 = 13;

/// The attention around a node: an operator for all of it, or a `Softmax`.
fn at(scene: &Scene, index: usize) -> Option<Attention> {
    operators::at(scene, index).or_else(|| around(scene, index))
}

fn around(scene: &Scene, softmax: usize) -> Option<Attention> {
    let node = Some(scene.node(softmax)).filter(|node| is(node, "Softmax"))?;
    let ([exponents], [result]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let rank = scene.dims.rank(exponents)?;
    let default = if scene.view.opset < SINGLE_AXIS_OPSET { 1 } else { -1 };
    let is_float = scene.dims.dtype(exponents) == Some(DType::F32);
    if !is_float || axis(whole(node, "axis", default), rank)? + 1 != rank {
        return None;
    }
    let chain = chain::above(scene, exponents)?;
    let scores = &chain.scores;
    let mut nodes = [chain.nodes.as_slice(), &[softmax]].concat();
    let (mut probabilities, mut last) = (result, trace::next(scene, result)?);
    while is_no_op(scene, last.1) || chain::keeps_rows(scene, last.1) {
        nodes.push(last.0);
        probabilities = last.1.output.first()?;
        last = trace::next(scene, probabilities)?;
    }
    nodes.push(last.0);
    let values = products::values(scene, last.1, probabilities, [&scores.rows, &scores.keys])?;
    let wanted = Wanted {
        batch: scores.batch.clone(),
        rows: scores.rows.clone(),
        columns: scores.columns.clone(),
        heads: None,
    };
    let q = trace::up(scene, &scores.q.0, scores.q.1.clone(), &wanted)?;
    let heads = q.heads;
    let of_keys = Wanted { rows: scores.keys.clone(), heads: Some(heads), ..wanted.clone() };
    let k = trace::up(scene, &scores.k.0, scores.k.1.clone(), &of_keys)?;
    let v = trace::up(scene, &values.v.0, values.v.1.clone(), &of_keys)?;
    let of_result = Wanted { heads: Some(heads), ..wanted };
    let result = trace::down(scene, last.1.output.first()?, values.axes.clone(), &of_result)?;
    let inner: Vec<usize> = nodes.iter().chain(&result.path).copied().collect();
    let fits = k.heads == v.heads
        && result.heads == heads
        && values.columns == scores.columns
        && v.factor == 1.0
        && scene.is_closed(&inner, &result.value)
        && chain
            .shapes
            .iter()
            .zip(&chain.masks)
            .all(|(shape, mask)| is_placed(scene, shape, mask.source(), heads));
    let scale = (chain.factor * q.factor * k.factor) as f32;
    (fits && scale.is_finite())
        .then(|| Attention {
            center: softmax,
            nodes: inner,
            kv_heads: k.heads,
            q: border(q),
            k: border(k),
            v: border(v),
            projection: None,
            masks: chain.masks.clone(),
            zeros_without_keys: false,
            heads,
            head_size: chain.scores.columns.known().unwrap_or(0),
            scale,
            causal: false,
            output: result.value,
            form: result.form,
        })
        .filter(|attention| attention.head_size > 0)
}

/// All attentions of a scene, and the scene with only those sizes taken for sure that these rely on.
pub(super) fn all<'g>(graph: &'g GraphProto, view: View<'g>) -> (Scene<'g>, Vec<Attention>) {
    let mut scene = Scene::of(graph, view, &Assume::All);
    loop {
        let found: Vec<Attention> = (0..graph.node.len()).filter_map(|index| at(&scene, index)).collect();
        let inner: HashSet<usize> = found.iter().flat_map(|found| found.nodes.clone()).collect();
        if scene.dims.assumed.is_subset(&inner) {
            return (scene, found);
        }
        let kept: HashSet<usize> = scene.dims.assumed.intersection(&inner).copied().collect();
        // Fewer each time, so that it ends.
        scene.dims = Dims::of(graph, &scene.view, &Assume::These(kept));
    }
}

fn border(source: Source) -> Border {
    Border { value: source.value, form: source.form, bias: None, path: source.path, part: source.part }
}

/// Whether a mask for scores of this shape means the same for `[batch, heads, rows, keys]`.
fn is_placed(scene: &Scene, shape: &[Size], mask: &str, heads: i64) -> bool {
    let Some(own) = scene.dims.shape(mask) else { return false };
    match shape.len() {
        4 => shape[1].is(heads),
        // Batch and heads are one axis.
        3 => own.len() == 2 || own.len() == 3 && own[0].is(1),
        _ => false,
    }
}
