//! The elements of small tensors of whole numbers that a model computes its shapes with.

use super::{Dims, Element, MAXIMUM_ELEMENTS, Size};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{View, axes, whole};
use crate::tensor::DType;

/// The elements of a node's first output.
pub(super) fn of(dims: &Dims, view: &View, node: &NodeProto) -> Option<Vec<Element>> {
    if !node.domain().is_empty() {
        return None;
    }
    let input = |index: usize| dims.contents(node.input.get(index)?);
    match node.op_type() {
        "Shape" => shape(dims, node),
        "Identity" | "Unsqueeze" | "Squeeze" => {
            input(0).map(<[_]>::to_vec).filter(|_| is_flat(dims, view, node))
        }
        "Reshape" => {
            let (elements, target) = (input(0)?, input(1)?);
            (target.len() <= 1).then(|| elements.to_vec())
        }
        "Cast" => {
            let to = i32::try_from(whole(node, "to", 0)).ok().and_then(DType::from_onnx)?;
            matches!(to, DType::I64 | DType::I32).then(|| input(0).map(<[_]>::to_vec))?
        }
        "Concat" if whole(node, "axis", 0) == 0 => {
            let parts: Option<Vec<&[Element]>> = node.input.iter().map(|name| dims.contents(name)).collect();
            Some(parts?.concat())
        }
        "Gather" if whole(node, "axis", 0) == 0 => {
            let (elements, at) = (input(0)?, view.wholes(node.input.get(1)?)?);
            at.iter().map(|&index| elements.get(place(index, elements.len())?).cloned()).collect()
        }
        "Slice" => slice(dims, view, node),
        "Mul" => pairs(input(0)?, input(1)?, Size::times),
        "Div" => pairs(input(0)?, input(1)?, Size::divided_by),
        "Add" => pairs(input(0)?, input(1)?, |a, b| known(a, b, i64::checked_add)),
        "Sub" => pairs(input(0)?, input(1)?, |a, b| match a == b {
            true => Some(Size::constant(0)),
            false => known(a, b, i64::checked_sub),
        }),
        "Equal" => pairs(input(0)?, input(1)?, |a, b| {
            let (left, right) = (a.known(), b.known());
            match (left, right) {
                // The length of an axis is never negative, -1 is what the comparison is with.
                (None, Some(number)) | (Some(number), None) if number < 0 => Some(Size::constant(0)),
                (Some(left), Some(right)) => Some(Size::constant(i64::from(left == right))),
                _ => (a == b).then(|| Size::constant(1)),
            }
        }),
        "Where" => choose(input(0)?, input(1)?, input(2)?),
        "ReduceProd" => {
            let elements: Option<Vec<&Size>> = input(0)?.iter().map(Option::as_ref).collect();
            Some(vec![Size::product(elements?)])
        }
        "ConstantOfShape" => filled(dims, node),
        _ => None,
    }
}

/// Whether a change of shape keeps a tensor at one axis or none.
fn is_flat(dims: &Dims, view: &View, node: &NodeProto) -> bool {
    match (node.op_type(), dims.rank(node.input.first().map_or("", String::as_str))) {
        ("Unsqueeze", Some(0)) => axes(view, node).is_some_and(|axes| axes.len() == 1),
        ("Unsqueeze", _) => false,
        _ => true,
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn shape(dims: &Dims, node: &NodeProto) -> Option<Vec<Element>> {
    let shape = dims.shape(node.input.first()?)?;
    let rank = i64::try_from(shape.len()).ok()?;
    let bound = |name: &str, default: i64| {
        let number = whole(node, name, default);
        let number = if number < 0 { number + rank } else { number };
        number.clamp(0, rank) as usize
    };
    Some(shape.get(bound("start", 0)..bound("end", rank))?.iter().cloned().map(Some).collect())
}

fn slice(dims: &Dims, view: &View, node: &NodeProto) -> Option<Vec<Element>> {
    let elements = dims.contents(node.input.first()?)?;
    let one = |index: usize, name: &str| match node.attribute(name) {
        Some(attribute) => Some(attribute.ints.clone()),
        None => view.wholes(node.input.get(index)?),
    };
    let (starts, ends) = (one(1, "starts")?, one(2, "ends")?);
    let ([start], [end]) = (starts.as_slice(), ends.as_slice()) else { return None };
    let steps = node.input.get(4).filter(|name| !name.is_empty());
    if steps.is_some_and(|steps| view.wholes(steps) != Some(vec![1])) {
        return None;
    }
    let length = i64::try_from(elements.len()).ok()?;
    let bound =
        |number: i64| (if number < 0 { number.saturating_add(length) } else { number }).clamp(0, length);
    elements.get(bound(*start) as usize..bound(*end) as usize).map(<[_]>::to_vec)
}

fn known(left: &Size, right: &Size, of: fn(i64, i64) -> Option<i64>) -> Option<Size> {
    Some(Size::constant(of(left.known()?, right.known()?)?))
}

/// Element by element; one element stands for any number.
fn pairs(
    left: &[Element],
    right: &[Element],
    of: impl Fn(&Size, &Size) -> Option<Size>,
) -> Option<Vec<Element>> {
    let count = count(&[left, right])?;
    let element = |at: usize| of(take(left, at)?, take(right, at)?);
    Some((0..count).map(element).collect())
}

fn choose(condition: &[Element], yes: &[Element], no: &[Element]) -> Option<Vec<Element>> {
    let count = count(&[condition, yes, no])?;
    let element = |at: usize| match take(condition, at)?.known()? {
        0 => take(no, at).cloned(),
        _ => take(yes, at).cloned(),
    };
    Some((0..count).map(element).collect())
}

fn take(elements: &[Element], at: usize) -> Option<&Size> {
    elements.get(if elements.len() == 1 { 0 } else { at })?.as_ref()
}

fn count(operands: &[&[Element]]) -> Option<usize> {
    let count = operands.iter().map(|operand| operand.len()).max()?;
    operands.iter().all(|operand| operand.len() == count || operand.len() == 1).then_some(count)
}

fn filled(dims: &Dims, node: &NodeProto) -> Option<Vec<Element>> {
    let [count] = dims.contents(node.input.first()?)? else { return None };
    let count = usize::try_from(count.as_ref()?.known()?).ok().filter(|count| *count <= MAXIMUM_ELEMENTS)?;
    let value = node.attribute("value")?.t.as_deref()?;
    let [number] = crate::quantize::simplify::view::wholes(value)?[..] else { return None };
    Some(vec![Some(Size::constant(number)); count])
}
