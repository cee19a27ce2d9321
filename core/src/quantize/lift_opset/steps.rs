//! What changed in which operator set, for those operators whose old form means something else, or nothing, in the new.
//!
//! From the history of schemas of the Python package `onnx`. Not listed are operators that only got more types, more
//! attributes with a default that means what was before, or inputs that may be left out.

use super::attributes::{clip, dropout, list, pad, slice, take, top_k};
use super::{Step, broadcast, coerced, resize};
use crate::Result;
use crate::model::NodeProto;

/// Operators of before the standard's first release, which ONNX Runtime knows up to set 9.
const EXPERIMENTAL: [&str; 11] = [
    "ATen",
    "Affine",
    "Crop",
    "DynamicSlice",
    "GRUUnit",
    "GivenTensorFill",
    "ImageScaler",
    "ParametricSoftplus",
    "Scale",
    "ScaledTanh",
    "ConstantFill",
];

/// Lifts a node by one set.
pub(super) fn lift(step: &mut Step, version: i64, mut node: NodeProto) -> Result<Vec<NodeProto>> {
    let one = match (version, node.op_type()) {
        (7, "Add" | "Sub" | "Mul" | "Div" | "Pow" | "And" | "Or" | "Xor" | "Equal" | "Greater" | "Less") => {
            broadcast::binary(step, node)?
        }
        (7, "Gemm") => broadcast::gemm(node),
        (7, "BatchNormalization") => {
            let node = broadcast::inference(step, node)?;
            one_output(step, node)?
        }
        (7, "Dropout") => broadcast::inference(step, node)?,
        (7, "PRelu") => broadcast::slopes(step, node)?,
        (7, "Upsample" | "RNN" | "LSTM" | "GRU") => {
            return Err(step.refuse(&node, "it changed in set 7"));
        }
        (9, "Upsample") => resize::scales(step, node)?,
        (9, "Scan") => return Err(step.refuse(&node, "it became another operator in set 9")),
        (9, "BatchNormalization") => match take(&mut node, "spatial").and_then(|spatial| spatial.i) {
            None | Some(1) => node,
            Some(_) => return Err(step.refuse(&node, "its statistics are not by channel")),
        },
        (10, "Upsample") => resize::upsample(step, node),
        (10, "Slice") => slice(step, node)?,
        (10, "TopK") => top_k(step, node)?,
        (10, "Dropout") => dropout(step, node)?,
        (10, op_type) if EXPERIMENTAL.contains(&op_type) => {
            return Err(step.refuse(&node, "it is an experimental operator that was dropped"));
        }
        (11, "Resize") => resize::resize(step, node)?,
        (11, "Clip") => clip(step, node)?,
        (11, "Pad") => pad(step, node)?,
        (11, "Scatter") => NodeProto { op_type: Some("ScatterElements".to_owned()), ..node },
        (12, "Dropout") => {
            take(&mut node, "ratio");
            dropout(step, node)?
        }
        (13, "Softmax" | "LogSoftmax" | "Hardmax") => return Ok(coerced::softmax(step, node)),
        (13, "Squeeze" | "Unsqueeze" | "ReduceSum") => list(step, node, "axes"),
        (13, "Split") => list(step, node, "split"),
        _ => node,
    };
    Ok(vec![one])
}

/// Outputs beside the first are for training.
fn one_output(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    if (1..node.output.len()).any(|output| step.is_read(&node, output)) {
        return Err(step.refuse(&node, "it gives statistics, as for training"));
    }
    node.output.truncate(1);
    Ok(node)
}
