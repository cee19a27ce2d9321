//! The shape of a part of a value.

use super::{Dims, Shape, Size, axis};
use crate::model::NodeProto;
use crate::quantize::simplify::view::View;

pub(super) fn shape(dims: &mut Dims, view: &View, node: &NodeProto) -> Option<Shape> {
    let mut shape = dims.shape(node.input.first()?)?.to_vec();
    let given = |index: usize| node.input.get(index).filter(|name| !name.is_empty());
    // Bounds as far as they are known; with those of older operator sets, which are attributes.
    let list = |dims: &Dims, index: usize, name: &str| match node.attribute(name) {
        Some(attribute) => attribute.ints.iter().map(|&number| Some(Size::constant(number))).collect(),
        None => given(index).and_then(|name| dims.contents(name)).map(<[_]>::to_vec).unwrap_or_default(),
    };
    let (starts, ends) = (list(dims, 1, "starts"), list(dims, 2, "ends"));
    let axes: Vec<i64> = match (node.attribute("axes"), given(3)) {
        (Some(axes), _) => axes.ints.clone(),
        (None, Some(axes)) => view.wholes(axes)?,
        (None, None) => (0..starts.len() as i64).collect(),
    };
    let steps = given(4).map(|steps| view.wholes(steps).unwrap_or_default());
    for (index, &number) in axes.iter().enumerate() {
        let axis = axis(number, shape.len())?;
        let bound = |list: &[Option<Size>]| list.get(index).cloned().flatten();
        let is_whole = steps.as_ref().is_none_or(|steps| steps.get(index) == Some(&1));
        let (start, end) = (bound(&starts).and_then(|start| start.known()), bound(&ends));
        let size = match (start, end) {
            (Some(start), Some(end)) if is_whole => part(dims, &shape[axis], start, &end, no_end(&shape)),
            _ => None,
        };
        shape[axis] = size.unwrap_or_else(|| dims.fresh());
    }
    Some(shape)
}

/// A number that no axis of a tensor of this shape reaches, as exporters write it for all that there is.
fn no_end(shape: &[Size]) -> i64 {
    const MANY: i64 = 1_000_000_000;
    let others = shape.iter().filter_map(Size::known).fold(1_i64, i64::saturating_mul);
    // So many of so many bytes each are terabytes.
    if others >= 1024 { MANY } else { i64::from(i32::MAX) }
}

/// The length of a part of an axis, all of it up to an end that no axis reaches.
fn part(dims: &mut Dims, length: &Size, start: i64, end: &Size, no_end: i64) -> Option<Size> {
    match (length.known(), end.known()) {
        (Some(length), Some(end)) => {
            let bound = |number: i64| {
                (if number < 0 { number.saturating_add(length) } else { number }).clamp(0, length)
            };
            Some(Size::constant((bound(end) - bound(start)).max(0)))
        }
        (Some(length), None) => (start == 0 && length > 1).then(|| dims.cut(length, end)),
        (None, Some(end)) => (start == 0 && end >= no_end).then(|| length.clone()),
        (None, None) => (start == 0 && length == end).then(|| length.clone()),
    }
}
