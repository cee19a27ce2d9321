//! Followers: operators between layers that work on 8-bit numbers too, and those that only move numbers.

use super::layer::whole;
use super::tail;
use super::values::Values;
use crate::model::{NodeProto, TensorProto};

/// What an operator does with 8-bit numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FollowerKind {
    /// Computes: ONNX Runtime has a kernel with scales for it.
    Arithmetic,
    /// The same, and gives much less than it reads.
    Reducing,
    /// Moves codes, all of them.
    Moving,
    /// Moves some of the codes, or one to many places.
    Selecting,
}

/// An operator between layers that may be quantized.
pub(super) struct Follower<'a> {
    pub kind: FollowerKind,
    /// Inputs that become 8-bit numbers, constants among them.
    pub inputs: Vec<usize>,
    /// Nodes after it that it makes needless, and the values that it gives then.
    pub tail: Vec<usize>,
    pub outputs: Vec<&'a str>,
}

impl FollowerKind {
    pub fn moves(self) -> bool {
        matches!(self, Self::Moving | Self::Selecting)
    }
}

/// The follower that a node may be.
pub(super) fn of<'a>(values: &Values<'a>, at: usize) -> Option<Follower<'a>> {
    let node = &values.nodes[at];
    if !node.domain().is_empty() {
        return None;
    }
    let kind = kind(values, node)?;
    let count = if node.op_type() == "Concat" || is_binary(node) { node.input.len() } else { 1 };
    if count == 0 || node.input[..count.min(node.input.len())].len() < count {
        return None;
    }
    let outputs: Vec<&str> = node.output.iter().map(String::as_str).collect();
    let has_all = outputs.iter().all(|name| !name.is_empty());
    if !has_all || outputs.is_empty() || (outputs.len() > 1 && node.op_type() != "Split") {
        return None;
    }
    let inputs: Vec<usize> = (0..count).collect();
    let is_data = |input: &usize| values.constant(&node.input[*input]).is_none();
    if !inputs.iter().any(is_data) {
        return None;
    }
    if kind.moves() {
        return Some(Follower { kind, inputs, tail: Vec::new(), outputs });
    }
    let can_be_coded = |input: &usize| match values.constant(&node.input[*input]) {
        Some(tensor) => is_binary(node) && is_small(values, tensor),
        None => values.check_codes(&node.input[*input]).is_ok(),
    };
    if !inputs.iter().all(can_be_coded) || values.check_codes(outputs[0]).is_err() {
        return None;
    }
    let tail = tail::activation(values, outputs[0]);
    Some(Follower { kind, inputs, tail: tail.nodes, outputs: vec![tail.output] })
}

fn is_binary(node: &NodeProto) -> bool {
    matches!(node.op_type(), "Add" | "Mul")
}

/// Whether a constant is one of a few finite floats in the model.
fn is_small(values: &Values, tensor: &TensorProto) -> bool {
    const MANY: usize = 1 << 16;
    values.is_readable(tensor)
        && tensor.element_count().is_ok_and(|count| (1..=MANY).contains(&count))
        && values.floats(tensor).is_ok_and(|floats| super::codes::of_constant(&floats).is_some())
}

fn kind(values: &Values, node: &NodeProto) -> Option<FollowerKind> {
    use FollowerKind::{Arithmetic, Moving, Reducing, Selecting};
    let text = |name: &str| node.attribute(name).and_then(|attribute| attribute.s.clone());
    Some(match node.op_type() {
        "Add" | "Mul" | "Concat" | "LeakyRelu" | "Sigmoid" => Arithmetic,
        "AveragePool" if whole(node, "ceil_mode", 0) == 0 && !has(node, "dilations") => Arithmetic,
        "GlobalAveragePool" => Reducing,
        "ReduceMean" if is_global_average(values, node) => Reducing,
        "Identity" | "Reshape" | "Transpose" | "Squeeze" | "Unsqueeze" | "Flatten" => Moving,
        "Slice" | "Gather" | "Expand" | "Split" => Selecting,
        "MaxPool" => Selecting,
        "Pad" if pads_with_zero(values, node) => Selecting,
        "Resize" => {
            let nearest = text("mode").is_none_or(|mode| &mode[..] == b"nearest");
            let crops =
                text("coordinate_transformation_mode").is_some_and(|mode| &mode[..] == b"tf_crop_and_resize");
            (nearest && !crops).then_some(Selecting)?
        }
        _ => return None,
    })
}

fn has(node: &NodeProto, attribute: &str) -> bool {
    node.attribute(attribute).is_some()
}

/// Whether a `ReduceMean` is a `GlobalAveragePool`.
pub(super) fn is_global_average(values: &Values, node: &NodeProto) -> bool {
    let axes = match node.attribute("axes") {
        Some(axes) => Some(axes.ints.clone()),
        None => node.input.get(1).and_then(|name| values.whole_numbers(name)),
    };
    let rank = node.input.first().and_then(|name| values.shape(name)).map_or(0, <[usize]>::len);
    let Some(mut axes) = axes.filter(|_| (3..=5).contains(&rank) && whole(node, "keepdims", 1) == 1) else {
        return false;
    };
    axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis += rank as i64);
    axes.sort_unstable();
    axes == (2..rank as i64).collect::<Vec<_>>()
}

/// Whether what a `Pad` adds has a code for certain.
fn pads_with_zero(values: &Values, node: &NodeProto) -> bool {
    match node.attribute("mode").and_then(|mode| mode.s.clone()) {
        Some(mode) if &mode[..] != b"constant" => true,
        _ => match node.input.get(2).filter(|name| !name.is_empty()) {
            None => true,
            Some(name) => values.scalar(name) == Some(0.0),
        },
    }
}
