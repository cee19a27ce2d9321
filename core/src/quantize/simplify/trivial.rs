//! Operators that give back their input.

use super::edit::Edit;
use super::report::RewriteKind;
use super::view::{View, is, wholes};
use crate::Result;
use crate::model::TensorProto;
use crate::quantize::names::Names;
use crate::tensor::DType;

pub(super) fn identity(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    let node = &view.nodes[at];
    let [same] = node.input.as_slice() else { return Ok(None) };
    // The last four, of one operand.
    let gives_input = ["Identity", "Sum", "Mean", "Max", "Min"].iter().any(|op_type| is(node, op_type));
    Ok(if gives_input { Edit::bypass(RewriteKind::Identity, at, view, same) } else { None })
}

pub(super) fn dropout(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    let node = &view.nodes[at];
    let mask_is_read = node
        .output
        .get(1)
        .is_some_and(|mask| !mask.is_empty() && (view.is_pinned(mask) || !view.readers(mask).is_empty()));
    let trains = node.input.get(2).filter(|name| !name.is_empty());
    let is_false = |name: &String| view.constant(name).is_some_and(is_false);
    if !is(node, "Dropout") || mask_is_read || !trains.is_none_or(is_false) {
        return Ok(None);
    }
    Ok(node.input.first().and_then(|same| Edit::bypass(RewriteKind::Dropout, at, view, same)))
}

fn is_false(tensor: &TensorProto) -> bool {
    let bytes = |tensor: &TensorProto| tensor.data_bytes(&crate::model::NoExternalData).ok();
    tensor.dtype() == Ok(DType::Bool) && bytes(tensor).is_some_and(|bytes| bytes.as_slice() == [0])
        || wholes(tensor).is_some_and(|numbers| numbers == [0])
}
