//! Changes of shape and of the order of axes that are undone, overwritten, or made of a constant.

use super::edit::{Edit, in_place_of};
use super::report::RewriteKind;
use super::view::{View, axes, is, whole};
use crate::Result;
use crate::model::{AttributeProto, NodeProto, TensorProto};
use crate::quantize::names::Names;

/// The most elements of a constant that others read too.
const MAXIMUM_COPY: usize = 64;

/// A constant that is reshaped by a constant: the same data with other dimensions.
pub(super) fn constant_reshape(view: &View, at: usize, names: &mut Names) -> Result<Option<Edit>> {
    Ok(reshaped(view, at, names))
}

fn reshaped(view: &View, at: usize, names: &mut Names) -> Option<Edit> {
    let node = &view.nodes[at];
    let (input, output) = (node.input.first()?, node.output.first()?);
    let tensor = view.constant(input).filter(|_| node.domain().is_empty())?;
    let dims = match node.op_type() {
        "Reshape" if whole(node, "allowzero", 0) == 0 => dims_of(tensor, &view.wholes(node.input.get(1)?)?)?,
        "Unsqueeze" => unsqueezed(tensor, axes(view, node)?)?,
        _ => return None,
    };
    // Written to a file, the data is there once for each of its shapes.
    let is_small = tensor.element_count().is_ok_and(|count| count <= MAXIMUM_COPY);
    if view.is_pinned(output) || !is_small && view.only_reader(input) != Some(at) {
        return None;
    }
    let name = names.fresh(format!("{}_reshaped", if input.is_empty() { "constant" } else { input }));
    // The data is shared, not copied.
    let constant = TensorProto { name: Some(name.clone()), dims, ..tensor.clone() };
    let edit = Edit::bypass(RewriteKind::ConstantReshape, at, view, &name)?;
    Some(edit.with_constants(vec![constant]))
}

/// The dimensions that a `Reshape` gives, if it is possible.
fn dims_of(tensor: &TensorProto, shape: &[i64]) -> Option<Vec<i64>> {
    let count = i64::try_from(tensor.element_count().ok()?).ok().filter(|count| *count > 0)?;
    let copied = shape.iter().enumerate().map(|(axis, &dim)| match dim {
        0 => tensor.dims.get(axis).copied(),
        _ => Some(dim),
    });
    let mut dims = copied.collect::<Option<Vec<i64>>>()?;
    let product = |dims: &[i64]| dims.iter().try_fold(1_i64, |product, &dim| product.checked_mul(dim));
    if let Some(open) = dims.iter().position(|&dim| dim == -1) {
        dims[open] = 1;
        dims[open] = count.checked_div(product(&dims)?)?;
    }
    (dims.iter().all(|&dim| dim > 0) && product(&dims) == Some(count)).then_some(dims)
}

/// The dimensions that an `Unsqueeze` gives, if it is possible.
fn unsqueezed(tensor: &TensorProto, mut axes: Vec<i64>) -> Option<Vec<i64>> {
    // More axes than any tensor has would only cost memory.
    let rank = i64::try_from(tensor.dims.len() + axes.len()).ok().filter(|rank| *rank <= 16)?;
    axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis = axis.saturating_add(rank));
    axes.sort_unstable();
    let mut dims = tensor.dims.clone();
    for axis in axes {
        let axis = usize::try_from(axis).ok().filter(|&axis| axis <= dims.len())?;
        dims.insert(axis, 1);
    }
    i64::try_from(dims.len()).is_ok_and(|count| count == rank).then_some(dims)
}

/// A transposition that changes nothing, or of a transposition.
pub(super) fn transposes(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(transposed(view, at))
}

fn transposed(view: &View, at: usize) -> Option<Edit> {
    let node = Some(&view.nodes[at]).filter(|node| is(node, "Transpose"))?;
    let [value] = node.input.as_slice() else { return None };
    let order = order(node)?;
    if is_sorted(&order) {
        return Edit::bypass(RewriteKind::TransposePair, at, view, value);
    }
    let first = view.made_by(value, "Transpose")?;
    let [source] = view.nodes[first].input.as_slice() else { return None };
    let before = self::order(&view.nodes[first])?;
    if before.len() != order.len() {
        return None;
    }
    let both: Vec<i64> = order.iter().map(|&axis| before[axis as usize]).collect();
    if is_sorted(&both) {
        return Edit::bypass(RewriteKind::TransposePair, at, view, source);
    }
    let perm =
        AttributeProto { name: Some("perm".to_owned()), ints: both, r#type: Some(7), ..Default::default() };
    let one = NodeProto { attribute: vec![perm], ..in_place_of(node, "Transpose", &[source]) };
    // With other readers the first one stays, and two in a row are as good as two side by side.
    view.only_reader(value)?;
    Some(Edit::replace(RewriteKind::TransposePair, at, vec![first, at], vec![one]))
}

/// The order of axes, if it is stated and is one.
fn order(transpose: &NodeProto) -> Option<Vec<i64>> {
    let order = transpose.attribute("perm")?.ints.clone();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    (!order.is_empty() && is_sorted(&sorted)).then_some(order)
}

fn is_sorted(order: &[i64]) -> bool {
    order.iter().copied().eq(0..order.len() as i64)
}

/// A `Reshape` to a shape that does not depend on the one before makes changes of shape before it useless.
pub(super) fn reshapes(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(reshape_of_reshape(view, at))
}

fn reshape_of_reshape(view: &View, at: usize) -> Option<Edit> {
    let node = Some(&view.nodes[at]).filter(|node| is(node, "Reshape"))?;
    let [value, shape] = node.input.as_slice() else { return None };
    // A zero copies a dimension, or makes the tensor empty: then -1 is not determined by the number of elements.
    if view.wholes(shape)?.contains(&0) {
        return None;
    }
    let first = view.maker(view.only_reader(value).map(|_| value)?)?;
    let before = &view.nodes[first];
    let changes_shape = matches!(before.op_type(), "Reshape" | "Flatten" | "Unsqueeze" | "Squeeze");
    if !changes_shape || !before.domain().is_empty() {
        return None;
    }
    let one = NodeProto {
        attribute: node.attribute.clone(),
        ..in_place_of(node, "Reshape", &[before.input.first()?, shape])
    };
    Some(Edit::replace(RewriteKind::ReshapePair, at, vec![first, at], vec![one]))
}
