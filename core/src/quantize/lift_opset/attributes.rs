//! Attributes that became inputs.

use super::Step;
use crate::Result;
use crate::model::NodeProto;

/// Takes an attribute out.
pub(super) fn take(node: &mut NodeProto, name: &str) -> Option<crate::model::AttributeProto> {
    let index = node.attribute.iter().position(|attribute| attribute.name() == name)?;
    Some(node.attribute.remove(index))
}

/// A list of whole numbers that became the last input; without it, or if it is empty, the input is left out.
pub(super) fn list(step: &mut Step, mut node: NodeProto, name: &str) -> NodeProto {
    if let Some(numbers) = take(&mut node, name).map(|list| list.ints).filter(|list| !list.is_empty()) {
        let input = step.wholes(&node, name, &numbers);
        node.input.push(input);
    }
    node
}

/// `Clip`: bounds.
pub(super) fn clip(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let value = node.input.first().cloned().unwrap_or_default();
    let bounds = ["min", "max"].map(|name| take(&mut node, name).and_then(|bound| bound.f));
    let [lower, upper] = bounds;
    if let Some(lower) = lower {
        let input = step.number(&node, "min", lower, &value)?;
        node.input.push(input);
    }
    if let Some(upper) = upper {
        let input = step.number(&node, "max", upper, &value)?;
        node.input.resize(2, String::new());
        node.input.push(input);
    }
    Ok(node)
}

/// `Pad`: how much, and with what.
pub(super) fn pad(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let padded = node.input.first().cloned().unwrap_or_default();
    let Some(pads) = take(&mut node, "pads") else { return Err(step.refuse(&node, "it has no `pads`")) };
    let value = take(&mut node, "value").and_then(|value| value.f).unwrap_or(0.0);
    let pads = step.wholes(&node, "pads", &pads.ints);
    node.input.push(pads);
    if value != 0.0 {
        let value = step.number(&node, "value", value, &padded)?;
        node.input.push(value);
    }
    Ok(node)
}

/// `Slice`: first, last and axes, which are as many as those.
pub(super) fn slice(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let lists = ["starts", "ends"].map(|name| take(&mut node, name).map(|list| list.ints));
    let [Some(starts), Some(ends)] = lists else {
        return Err(step.refuse(&node, "it has no `starts` or no `ends`"));
    };
    for (name, numbers) in [("starts", &starts), ("ends", &ends)] {
        let input = step.wholes(&node, name, numbers);
        node.input.push(input);
    }
    Ok(list(step, node, "axes"))
}

/// `TopK`: how many.
pub(super) fn top_k(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    match take(&mut node, "k").and_then(|count| count.i) {
        Some(count) => {
            let input = step.wholes(&node, "k", &[count]);
            node.input.push(input);
            Ok(node)
        }
        None => Err(step.refuse(&node, "it has no `k`")),
    }
}

/// `Dropout`: the mask became boolean in set 10; the ratio an input in set 12, which inference does not need.
pub(super) fn dropout(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    if step.is_read(&node, 1) {
        return Err(step.refuse(&node, "its mask is read, whose type or meaning changed"));
    }
    node.output.truncate(1);
    Ok(node)
}
