//! `Gather` of a constant float table: rows are taken from an 8-bit table and multiplied by their scales.

use super::initializers::Form;
use super::nodes::{cast_to_float, node};
use super::plan::{Made, Planner, Refusal, label, skip};
use super::product::BROADCASTING_OPSET;
use super::{LayerOutcome, QuantizeMode};
use crate::model::{NodeProto, TensorProto};

/// Whether a `Gather` takes rows from a constant table of floats, rather than, say, a dimension from a shape or the
/// scales of a table that is quantized already.
pub(super) fn is_table(planner: &Planner, node: &NodeProto) -> bool {
    let table = node.input.first().and_then(|name| planner.constants.get(name));
    table.is_some_and(|table| {
        let has_rows = matches!(table.dims[..], [_, columns] if columns > 1);
        has_rows && table.dtype().is_ok_and(|dtype| dtype.is_float() && dtype.bits() >= 16)
    })
}

/// What tells which rows a `Gather` takes, if it takes rows.
pub(super) fn indices<'n>(planner: &Planner, gather: &'n NodeProto) -> Result<&'n String, Refusal> {
    let axis = gather.attribute("axis").and_then(|axis| axis.i).unwrap_or(0);
    if !matches!(axis, 0 | -2) {
        return skip("it takes columns, not rows");
    }
    if planner.opset < BROADCASTING_OPSET {
        return skip(format!("the model's operator set is older than {BROADCASTING_OPSET}"));
    }
    let [_, indices] = gather.input.as_slice() else { return skip("it has not two inputs") };
    Ok(indices)
}

/// The nodes that take the place of a `Gather`.
pub(super) fn rewrite<'a>(
    planner: &mut Planner<'a>,
    gather: &'a NodeProto,
    table: &'a TensorProto,
    mode: QuantizeMode,
) -> Result<Made<'a>, Refusal> {
    let indices = indices(planner, gather)?;
    let quantized = planner.initializers.quantized(table, Form::Rows)?;
    let base = label(gather).to_owned();
    let mut fresh = |part: &str| planner.fresh(format!("{base}_{part}"));
    let (rows, floats, scales) = (fresh("rows"), fresh("rows_float"), fresh("row_scales"));
    let take = |name: String, table: &String, output: &String| NodeProto {
        name: Some(name),
        input: vec![table.clone(), indices.clone()],
        output: vec![output.clone()],
        ..gather.clone()
    };
    let nodes = vec![
        take(fresh("gather_rows"), &quantized.values, &rows),
        take(fresh("gather_scales"), &quantized.scales, &scales),
        cast_to_float(fresh("cast"), &rows, &floats),
        NodeProto { output: gather.output.clone(), ..node("Mul", base.clone(), &[&floats, &scales], "") },
    ];
    let mut outcome = quantized.outcome;
    if let LayerOutcome::Quantized { mode: own, .. } = &mut outcome {
        *own = mode;
    }
    Ok(Made { nodes, outcome, addition: None })
}
