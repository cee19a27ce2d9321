//! Set 7: operands are stretched by themselves, and `broadcast` and `axis`, which said so, are gone.

use super::Step;
use super::attributes::take;
use crate::Result;
use crate::model::NodeProto;

/// Operators of two inputs. Without `axis` the second input lies along the last axes, as it does since.
pub(super) fn binary(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let stretches = take(&mut node, "broadcast").and_then(|broadcast| broadcast.i).unwrap_or(0) != 0;
    let axis = take(&mut node, "axis").and_then(|axis| axis.i);
    let rank = |index: usize| node.input.get(index).and_then(|name| step.view.fact(name).rank);
    let lies_at_the_end = |axis: i64| {
        let behind = rank(0).zip(rank(1)).and_then(|(left, right)| left.checked_sub(right));
        axis == -1 || rank(1) == Some(0) || behind.is_some_and(|behind| i64::try_from(behind) == Ok(axis))
    };
    match axis.filter(|_| stretches) {
        Some(axis) if !lies_at_the_end(axis) => {
            Err(step.refuse(&node, format!("its second input lies along axis {axis}, not the last")))
        }
        _ => Ok(node),
    }
}

/// `Gemm`, whose third input is stretched.
pub(super) fn gemm(mut node: NodeProto) -> NodeProto {
    take(&mut node, "broadcast");
    node
}

/// `BatchNormalization` and `Dropout`, which had to be told that they do not train.
pub(super) fn inference(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    match take(&mut node, "is_test").and_then(|is_test| is_test.i) {
        Some(1) => Ok(node),
        _ => Err(step.refuse(&node, "it is set to train")),
    }
}

/// `PRelu`, whose slopes lay along the second axis, and lie along the last.
pub(super) fn slopes(step: &mut Step, node: NodeProto) -> Result<NodeProto> {
    let slopes = node.input.get(1).and_then(|slopes| step.view.constant(slopes));
    if slopes.is_some_and(|slopes| slopes.dims.iter().all(|&dim| dim == 1)) {
        return Ok(node);
    }
    Err(step.refuse(&node, "it has a slope for each channel, which lies along another axis since"))
}
