//! Constants stored as `float16` and computed with as `float32`.
//!
//! ONNX Runtime casts constants once, when the session is made.

use super::initializers::Form;
use super::nodes::cast_to_float;
use super::plan::{Planner, Refusal};
use super::{LayerOutcome, rewrite::MICROSOFT};
use crate::model::{NodeProto, TensorProto};

/// Operators that want their constants as constants: some when a session is made, before anything is cast, others
/// because they are quantized already.
const LEAVE: &[&str] =
    &["Constant", "QuantizeLinear", "DequantizeLinear", "Resize", "Upsample", "If", "Loop", "Scan"];

/// Whether the constants of a node may come from a cast.
pub(super) fn may_cast(node: &NodeProto) -> bool {
    node.domain() != MICROSOFT && !LEAVE.contains(&node.op_type())
}

/// The name of a value that is the constant, stored in half the size.
///
/// # Errors
/// Why it has to stay as it is.
pub(super) fn stored<'a>(
    planner: &mut Planner<'a>,
    constant: &'a TensorProto,
) -> Result<(String, LayerOutcome), Refusal> {
    let quantized = planner.initializers.quantized(constant, Form::Half)?;
    if let Some(known) = planner.casts.get(&quantized.values) {
        return Ok((known.clone(), quantized.outcome));
    }
    let value = planner.fresh(format!("{}_float32", quantized.values));
    let name = planner.fresh(format!("{}_cast", quantized.values));
    planner.begin_with(cast_to_float(name, &quantized.values, &value));
    planner.casts.insert(quantized.values, value.clone());
    Ok((value, quantized.outcome))
}
