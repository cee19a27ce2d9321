//! `Clip(x + 3, 0, 6) / 6` as `HardSigmoid`, and `x` times it as the two operators that `HardSwish` stands for.
//!
//! ONNX Runtime has no kernel for `HardSwish`; it makes these two of it.

use super::edit::{Edit, in_place_of, node, number};
use super::product::{Climb, Pattern, climb, is_near};
use super::report::RewriteKind;
use super::view::{View, is};
use crate::Result;
use crate::model::NodeProto;
use crate::quantize::names::Names;
use crate::quantize::plan::label;

const SIXTH: f64 = 1.0 / 6.0;

pub(super) fn hard_sigmoid(view: &View, at: usize, names: &mut Names) -> Result<Option<Edit>> {
    let Some((x, pattern, product)) = pattern(view, at) else { return Ok(None) };
    let old = &view.nodes[product.last];
    let attribute = vec![number("alpha", SIXTH as f32), number("beta", 0.5)];
    let nodes = if product.x.is_none() {
        vec![NodeProto { attribute, ..in_place_of(old, "HardSigmoid", &[x]) }]
    } else {
        let value = names.fresh(format!("{}_hard_sigmoid", label(old)));
        let sigmoid = node("HardSigmoid", value.clone(), &[x], &value);
        vec![NodeProto { attribute, ..sigmoid }, in_place_of(old, "Mul", &[x, &value])]
    };
    Ok(Some(Edit::replace(RewriteKind::HardSigmoid, product.last, pattern.nodes, nodes)))
}

/// Finds x and the nodes around a `Clip`.
pub(super) fn pattern<'v>(view: &'v View, clip: usize) -> Option<(&'v str, Pattern, Climb)> {
    let node_of = |index: usize| &view.nodes[index];
    let clipped = node_of(clip).input.first().filter(|_| is(node_of(clip), "Clip"))?;
    let sum = view.made_by(clipped, "Add")?;
    let [left, right] = node_of(sum).input.as_slice() else { return None };
    let mut pattern = Pattern { nodes: vec![sum, clip], scalar_rank: 0 };
    let (x, three) = match (pattern.scalar(view, left), pattern.scalar(view, right)) {
        (None, Some(number)) => (left, number),
        (Some(number), None) => (right, number),
        _ => return None,
    };
    if three != 3.0 || bounds(view, node_of(clip))? != (0.0, 6.0) {
        return None;
    }
    let is_x = |name: &str, _: &mut Pattern| name == x;
    let product = climb(view, &mut pattern, clip, is_x, |climb| is_near(climb.factor, SIXTH))?;
    let is_whole = view.is_closed(&pattern.nodes, product.last) && pattern.keeps_shape_of(view, x);
    is_whole.then_some((x, pattern, product))
}

/// The lower and upper bound of a `Clip`: inputs, or attributes before operator set 11.
fn bounds(view: &View, clip: &NodeProto) -> Option<(f64, f64)> {
    if view.opset < 11 {
        let bound = |name| clip.attribute(name).and_then(|bound| bound.f).map(f64::from);
        return Some((bound("min")?, bound("max")?));
    }
    Some((view.scalar(clip.input.get(1)?)?.value, view.scalar(clip.input.get(2)?)?.value))
}
