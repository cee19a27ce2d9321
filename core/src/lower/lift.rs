//! Layers that exporters flatten rows for: `Reshape`, `Gemm`, `Reshape` as a product of the value as it was.

use super::canonical::Change;
use super::scene::{Scene, float, operand};
use crate::model::NodeProto;
use crate::quantize::names::Names;
use crate::quantize::nodes::node;
use crate::quantize::plan::label;
use crate::quantize::simplify::view::{is, whole};

/// A layer of flattened rows.
struct Flat<'s> {
    product: &'s NodeProto,
    nodes: Vec<usize>,
    x: &'s str,
    weight: &'s str,
    turned: bool,
    bias: Option<&'s str>,
}

/// What would be written otherwise at the `Reshape` that brings a layer's rows back.
pub(super) fn at(scene: &Scene, index: usize, names: &mut Names) -> Option<Change> {
    let back = Some(scene.node(index)).filter(|node| is(node, "Reshape"))?;
    let flat = flat(scene, back, index)?;
    let rows = scene.dims.shape(flat.x).filter(|shape| shape.len() > 2)?.split_last()?.1;
    let result = scene.dims.shape(back.output.first()?)?;
    let n = scene.width(back.input.first()?)?;
    let keeps_rows = result.len() > rows.len() && &result[..rows.len()] == rows;
    let splits = result.len() > rows.len() + 1;
    // A zero would copy another axis than before.
    let has_zero = scene.dims.contents(back.input.get(1)?)?.iter().any(|element| match element {
        Some(element) => element.is(0),
        None => true,
    });
    if !keeps_rows || splits && has_zero || !splits && result.last() != Some(n) {
        return None;
    }
    let base = label(flat.product).to_owned();
    let mut fresh = |part: &str| names.fresh(format!("{base}/{part}"));
    let (mut right, mut nodes) = (flat.weight.to_owned(), Vec::new());
    if flat.turned {
        right = fresh("turned");
        nodes.push(node("Transpose", fresh("turn"), &[flat.weight], &right));
    }
    let output = back.output.first()?;
    let last = if splits { fresh("rows") } else { output.clone() };
    let sum = if flat.bias.is_some() { fresh("product") } else { last.clone() };
    nodes.push(NodeProto {
        name: flat.product.name.clone(),
        ..node("MatMul", String::new(), &[flat.x, &right], &sum)
    });
    nodes.extend(flat.bias.map(|bias| node("Add", fresh("add"), &[&sum, bias], &last)));
    if splits {
        nodes.push(NodeProto { input: vec![last, back.input.get(1)?.clone()], ..back.clone() });
    }
    Some(Change { at: index, gone: flat.nodes, nodes, constants: Vec::new() })
}

/// The layer whose rows a `Reshape` brings back, with a vector as bias if it has one.
fn flat<'s>(scene: &'s Scene, back: &'s NodeProto, index: usize) -> Option<Flat<'s>> {
    let value = back.input.first()?;
    let (last, mut layer) = scene.maker(value)?;
    let mut nodes = vec![last];
    let mut added = None;
    if is(layer, "Add") {
        let [left, right] = layer.input.as_slice() else { return None };
        let product = if scene.view.constant(right).is_some() { left } else { right };
        let (inner, node) = scene.maker(product).filter(|(_, node)| is(node, "MatMul"))?;
        if scene.view.only_reader(product) != Some(last) {
            return None;
        }
        added = operand(layer, product);
        nodes.push(inner);
        layer = node;
    }
    let is_gemm = is(layer, "Gemm") && whole(layer, "transA", 0) == 0;
    let is_plain = float(layer, "alpha", 1.0) == Some(1.0) && float(layer, "beta", 1.0) == Some(1.0);
    let [flat, weight, more @ ..] = layer.input.as_slice() else { return None };
    let bias = added.or(more.first().map(String::as_str)).filter(|name| !name.is_empty());
    let n = scene.width(value)?;
    let has_vector = bias.is_none_or(|bias| {
        let dims = scene.view.constant(bias).map(|tensor| tensor.dims.as_slice());
        matches!(dims, Some([only]) if n.is(*only))
    });
    let (_, flatten) = scene.maker(flat).filter(|(_, node)| is(node, "Reshape") || is(node, "Flatten"))?;
    let x = flatten.input.first()?;
    let fits = scene.dims.rank(flat) == Some(2) && scene.width(flat) == scene.width(x);
    let is_alone = scene.view.only_reader(value) == Some(index);
    let is_matrix = scene.view.constant(weight).is_some_and(|tensor| tensor.dims.len() == 2);
    let is_known = (is_gemm || is(layer, "MatMul")) && is_plain && has_vector && is_matrix;
    let turned = is_gemm && whole(layer, "transB", 0) != 0;
    (fits && is_alone && is_known).then_some(Flat { product: layer, nodes, x, weight, turned, bias })
}
