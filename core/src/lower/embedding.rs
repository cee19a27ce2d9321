//! Tables of floats that rows are taken from.

use super::block::Embedding;
use super::scene::Scene;
use crate::quantize::simplify::view::{is, whole};
use crate::tensor::DType;

/// Tables with fewer numbers are not worth an operator.
const MINIMUM_NUMBERS: i64 = 64 * 1024;

/// The rows that a node takes.
pub(super) fn at(scene: &Scene, index: usize) -> Option<Embedding> {
    let node = scene.node(index);
    let ([table, ids], [output]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let tensor = scene.view.constant(table).filter(|tensor| tensor.dtype() == Ok(DType::F32))?;
    let [rows, width] = tensor.dims[..] else { return None };
    let is_large = rows.checked_mul(width).is_some_and(|count| count >= MINIMUM_NUMBERS);
    let takes_rows = is(node, "Gather") && matches!(whole(node, "axis", 0), 0 | -2);
    (is_large && takes_rows && scene.view.constant(ids).is_none()).then(|| Embedding {
        gather: index,
        table: table.clone(),
        ids: ids.clone(),
        rows,
        width,
        output: output.clone(),
    })
}
