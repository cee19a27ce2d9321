//! Layers that exporters write with weights of three axes, as products of matrices: `Einsum` with a constant, and a bias
//! that is added after the width was split into heads. And a `Softmax` in rows, which lifting an old model has made of one
//! whose axis it did not know to be the last.

use super::dims::{axis, equation};
use super::scene::Scene;
use crate::model::{NodeProto, TensorProto};
use crate::quantize::names::Names;
use crate::quantize::nodes::{initializer, node};
use crate::quantize::plan::label;
use crate::quantize::simplify::view::{is, whole};
use crate::tensor::DType;

/// Nodes in the place of one, and the constants that they read.
pub(super) struct Change {
    pub at: usize,
    /// Nodes that go, besides that one.
    pub gone: Vec<usize>,
    pub nodes: Vec<NodeProto>,
    pub constants: Vec<TensorProto>,
}

/// What would be written otherwise at a node.
pub(super) fn at(scene: &Scene, index: usize, names: &mut Names) -> Option<Change> {
    einsum(scene, index, names)
        .or_else(|| bias(scene, index, names))
        .or_else(|| softmax(scene, index))
        .or_else(|| super::lift::at(scene, index, names))
}

/// `Einsum("abc,cde->abde", x, W)` and its like.
fn einsum(scene: &Scene, index: usize, names: &mut Names) -> Option<Change> {
    let einsum = Some(scene.node(index)).filter(|node| is(node, "Einsum"))?;
    let [mut left, mut right, out] = equation(einsum)?;
    let (mut x, mut weight) = (&einsum.input[0], &einsum.input[1]);
    if scene.view.constant(x).is_some() {
        (x, weight, left, right) = (weight, x, right, left);
    }
    let tensor = scene.view.constant(weight).filter(|tensor| tensor.dtype() == Ok(DType::F32))?;
    let summed = left.iter().filter(|letter| !out.contains(letter)).count();
    let (before, inner) = left.split_at(left.len() - summed);
    let new = right.strip_prefix(inner)?;
    let is_product =
        !inner.is_empty() && !new.is_empty() && !before.is_empty() && out == [before, new].concat();
    if !is_product || scene.view.constant(x).is_some() || tensor.dims.len() != right.len() {
        return None;
    }
    let (rows, columns) = tensor.dims.split_at(summed);
    let (k, n) = (rows.iter().product::<i64>(), columns.iter().product::<i64>());
    let base = label(einsum).to_owned();
    let mut fresh = |part: &str| names.fresh(format!("{base}/{part}"));
    let matrix = TensorProto { name: Some(fresh("weights")), dims: vec![k, n], ..tensor.clone() };
    let output = einsum.output.first()?;
    let (mut nodes, mut constants) = (Vec::new(), vec![matrix.clone()]);
    let mut reshape = |from: &str, to: &str, last: &[i64], name: String| {
        let shape = [vec![0; before.len()], last.to_vec()].concat();
        let bytes: Vec<u8> = shape.iter().flat_map(|size| size.to_le_bytes()).collect();
        let tensor = initializer(&format!("{name}_shape"), DType::I64, vec![shape.len() as i64], bytes);
        nodes.push(node("Reshape", name, &[from, tensor.name()], to));
        constants.push(tensor);
    };
    let product = node("MatMul", fresh("product"), &[x, matrix.name()], output);
    let (mut from, mut to) = (x.clone(), output.clone());
    if summed > 1 {
        from = fresh("joined");
        reshape(x, &from, &[k], fresh("join"));
    }
    if columns.len() > 1 {
        to = fresh("rows");
        reshape(&to, output, columns, fresh("split"));
    }
    let place = nodes.iter().position(|node| node.input[0] == to).unwrap_or(nodes.len());
    nodes.insert(
        place,
        NodeProto { input: vec![from, matrix.name().to_owned()], output: vec![to], ..product },
    );
    Some(Change { at: index, gone: Vec::new(), nodes, constants })
}

/// A constant that is added after a `Reshape` of a product has split its last axis: added before.
fn bias(scene: &Scene, index: usize, names: &mut Names) -> Option<Change> {
    let add = Some(scene.node(index)).filter(|node| is(node, "Add"))?;
    let [left, right] = add.input.as_slice() else { return None };
    let (value, bias) = if scene.view.constant(right).is_some() { (left, right) } else { (right, left) };
    let tensor = scene.view.constant(bias)?;
    let (split, reshape) = scene.maker(value).filter(|(_, node)| is(node, "Reshape"))?;
    let product = reshape.input.first()?;
    let ends = scene.view.only_reader(product) == Some(split) && scene.view.only_reader(value) == Some(index);
    let (_, maker) = scene.maker(product).filter(|(_, node)| is(node, "MatMul"))?;
    scene.view.constant(maker.input.get(1)?)?;
    let shape = scene.dims.shape(value)?;
    let own = tensor.dims.len().checked_sub(2).map(|_| tensor.dims.iter())?;
    let fits =
        tensor.dims.len() < shape.len() && own.rev().zip(shape.iter().rev()).all(|(dim, size)| size.is(*dim));
    let n = tensor.dims.iter().product::<i64>();
    if !ends || !fits || !scene.width(product)?.is(n) {
        return None;
    }
    let base = label(add).to_owned();
    let mut fresh = |part: &str| names.fresh(format!("{base}/{part}"));
    let vector = TensorProto { name: Some(fresh("bias")), dims: vec![n], ..tensor.clone() };
    let sum = fresh("rows");
    let nodes = vec![
        NodeProto { name: add.name.clone(), ..node("Add", String::new(), &[product, vector.name()], &sum) },
        NodeProto {
            name: Some(fresh("split")),
            input: vec![sum.clone(), reshape.input.get(1)?.clone()],
            output: add.output.clone(),
            ..reshape.clone()
        },
    ];
    Some(Change { at: index, gone: vec![split], nodes, constants: vec![vector] })
}

/// `Softmax` between `Flatten` and a `Reshape` to the shape before, if its axis is the last one.
fn softmax(scene: &Scene, index: usize) -> Option<Change> {
    let restored = Some(scene.node(index)).filter(|node| is(node, "Reshape"))?;
    let [result, shape] = restored.input.as_slice() else { return None };
    let (inner, node) = scene.maker(result).filter(|(_, node)| is(node, "Softmax"))?;
    let rows = node.input.first()?;
    let (flatten, flat) = scene.maker(rows).filter(|(_, node)| is(node, "Flatten"))?;
    let value = flat.input.first()?;
    let (_, of) = scene.maker(shape).filter(|(_, node)| is(node, "Shape"))?;
    let is_whole = of.attribute.is_empty() && of.input.first() == Some(value);
    let ends = scene.view.only_reader(rows) == Some(inner) && scene.view.only_reader(result) == Some(index);
    let rank = scene.dims.rank(value)?;
    let is_last = axis(whole(flat, "axis", 1), rank)? + 1 == rank && axis(whole(node, "axis", -1), 2)? == 1;
    let changed = NodeProto { input: vec![value.clone()], output: restored.output.clone(), ..node.clone() };
    (is_whole && ends && is_last).then(|| Change {
        at: index,
        gone: vec![flatten, inner],
        nodes: vec![changed],
        constants: Vec::new(),
    })
}
