//! `Softmax` and its kin: before set 13 they took all axes from `axis` on as one, since then only that axis.

use super::Step;
use super::attributes::take;
use crate::model::{AttributeProto, NodeProto};

/// Keeps the axis if it is the last; flattens the input if it is not, or nobody knows.
pub(super) fn softmax(step: &mut Step, mut node: NodeProto) -> Vec<NodeProto> {
    let axis = take(&mut node, "axis").and_then(|axis| axis.i).unwrap_or(1);
    let value = node.input.first().cloned().unwrap_or_default();
    let rank = step.view.fact(&value).rank.and_then(|rank| i64::try_from(rank).ok());
    let is_last = axis == -1 || rank.is_some_and(|rank| axis == rank - 1);
    node.attribute.push(whole("axis", -1));
    if is_last {
        return vec![node];
    }
    let names = ["shape", "flat", "flat_result"].map(|part| step.fresh(&node, part));
    let [shape, flat, result] = &names;
    let flatten = NodeProto { attribute: vec![whole("axis", axis)], ..made("Flatten", &[&value], flat) };
    let restored = made("Reshape", &[result, shape], node.output.first().map_or("", String::as_str));
    node.input = vec![flat.clone()];
    node.output = vec![result.clone()];
    vec![made("Shape", &[&value], shape), flatten, node, restored]
}

fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), i: Some(value), r#type: Some(2), ..Default::default() }
}

fn made(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}
