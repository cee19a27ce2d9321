//! The sum of two branches before a layer normalization as `Sum` instead of `Add`.
//!
//! ONNX Runtime fuses `Add` and `LayerNormalization` into `SkipLayerNormalization`, whose kernel is slower than the two.
//! It looks for `Add` only, and computes a `Sum` of two just like an `Add`.

use super::edit::{Edit, in_place_of};
use super::report::RewriteKind;
use super::view::{View, is, whole};
use crate::Result;
use crate::quantize::names::Names;
use crate::tensor::DType;

/// The first operator set whose `Sum` stretches operands to one shape.
const BROADCASTING_SUM: i64 = 8;

pub(super) fn sum(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(find(view, at))
}

fn find(view: &View, at: usize) -> Option<Edit> {
    let node = Some(&view.nodes[at]).filter(|node| is(node, "Add") && view.opset >= BROADCASTING_SUM)?;
    let ([left, right], [sum]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let is_constant = |name: &String| view.constant(name).is_some();
    if is_constant(left) || is_constant(right) || !is_normalized(view, sum) {
        return None;
    }
    let changed = in_place_of(node, "Sum", &[left, right]);
    Some(Edit::replace(RewriteKind::ResidualSum, at, vec![at], vec![changed]))
}

/// Whether a layer normalization of floats reads a value: the operator, or its first steps spelled out.
fn is_normalized(view: &View, name: &str) -> bool {
    view.readers(name).iter().map(|&index| &view.nodes[index]).any(|reader| {
        let scale = reader.input.get(1).map(|scale| view.fact(scale).dtype);
        let is_operator = is(reader, "LayerNormalization") && scale == Some(Some(DType::F32));
        let is_mean = is(reader, "ReduceMean") && view.fact(name).dtype == Some(DType::F32);
        is_operator && reader.input.first().is_some_and(|input| input == name)
            || is_mean && whole(reader, "keepdims", 1) == 1 && is_deviation(view, name, &reader.output)
    })
}

/// Whether a value has its mean subtracted from it.
fn is_deviation(view: &View, name: &str, mean: &[String]) -> bool {
    let [mean] = mean else { return false };
    let axes = view.maker(mean).and_then(|mean| super::view::axes(view, &view.nodes[mean]));
    let is_difference = |index: &usize| {
        let difference = &view.nodes[*index];
        is(difference, "Sub") && difference.input.iter().eq([name, mean])
    };
    axes == Some(vec![-1]) && view.readers(mean).iter().any(is_difference)
}
