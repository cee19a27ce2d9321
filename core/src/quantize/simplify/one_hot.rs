//! One-hot vectors times a constant matrix are rows of the matrix: a `Gather`.
//!
//! A number outside of the matrix gives a vector of zeros, and so a row of zeros, which the table has at its end.

use super::edit::{Edit, floats, in_place_of, node, wholes};
use super::report::RewriteKind;
use super::view::{View, axes, is, whole};
use crate::Result;
use crate::model::{AttributeProto, NodeProto, TensorProto};
use crate::quantize::names::Names;
use crate::quantize::plan::label;
use crate::tensor::DType;

/// The first operator set whose `Clip` takes whole numbers.
const CLIP_OPSET: i64 = 12;

/// From here on, axes are inputs.
const AXES_OPSET: i64 = 13;

/// The most elements that a table may have.
const MAXIMUM_TABLE: usize = 1 << 22;

/// Vectors that are one at a number, and zero elsewhere.
struct OneHot<'v> {
    /// The numbers.
    numbers: &'v str,
    dtype: DType,
    /// Whether they have an axis of size one at the end, where the vector is.
    has_axis: bool,
    /// Whether numbers from `-count` on count from the end.
    wraps: bool,
    nodes: Vec<usize>,
}

pub(super) fn one_hot(view: &View, at: usize, names: &mut Names) -> Result<Option<Edit>> {
    let product = &view.nodes[at];
    let [vectors, matrix] = product.input.as_slice() else { return Ok(None) };
    if !is(product, "MatMul") || view.opset < CLIP_OPSET || view.only_reader(vectors) != Some(at) {
        return Ok(None);
    }
    let dims = view.constant(matrix).filter(|_| view.only_reader(matrix) == Some(at));
    let Some(&[rows, columns]) = dims.map(|tensor| tensor.dims.as_slice()) else { return Ok(None) };
    let found = compared(view, vectors, rows).or_else(|| operator(view, vectors, rows));
    let Some(found) = found else { return Ok(None) };
    // What is not finite gives NaN when multiplied by zero.
    let Some(numbers) = view.floats(matrix)? else { return Ok(None) };
    let zeros = vec![0.0; usize::try_from(columns).unwrap_or(0)];
    if numbers.is_empty() || numbers.len() > MAXIMUM_TABLE {
        return Ok(None);
    }
    let (table, lowest) = match found.wraps {
        false => ([numbers, zeros].concat(), -1),
        // Counted from the end, the matrix lies there once more.
        true => ([numbers.as_slice(), &zeros, &numbers].concat(), -rows - 1),
    };
    let dims = vec![table.len() as i64 / columns, columns];
    let table = floats(names, &format!("{matrix}_rows"), dims, &table);
    Ok(Some(edit(view, at, found, table, (lowest, rows), names)))
}

/// `Cast(Equal(numbers, [0, 1, 2, ...]))`
fn compared<'v>(view: &'v View, vectors: &str, count: i64) -> Option<OneHot<'v>> {
    let cast = view.made_by(vectors, "Cast")?;
    let [is_equal] = view.nodes[cast].input.as_slice() else { return None };
    let equal = view.made_by(is_equal, "Equal").filter(|_| view.only_reader(is_equal) == Some(cast))?;
    let [left, right] = view.nodes[equal].input.as_slice() else { return None };
    if whole(&view.nodes[cast], "to", 0) != i64::from(DType::F32.onnx()) {
        return None;
    }
    let counted = |name: &str| view.constant(name).filter(|tensor| counts(view, name, tensor, count));
    let (numbers, all) = match (counted(left), counted(right)) {
        (None, Some(all)) => (left, all),
        (Some(all), None) => (right, all),
        _ => return None,
    };
    let fits = view.fact(numbers).least_rank >= all.dims.len() && ends_in_one(view, numbers, 0);
    let dtype = all.dtype().ok()?;
    fits.then(|| OneHot { numbers, dtype, has_axis: true, wraps: false, nodes: vec![cast, equal] })
}

/// Whether a constant is 0, 1, 2, ... along the last axis.
fn counts(view: &View, name: &str, tensor: &TensorProto, count: i64) -> bool {
    let Some((&last, others)) = tensor.dims.split_last() else { return false };
    last == count
        && others.iter().all(|&dim| dim == 1)
        && view.wholes(name).is_some_and(|numbers| numbers.into_iter().eq(0..count))
}

/// `OneHot` with zeros and ones.
fn operator<'v>(view: &'v View, vectors: &str, count: i64) -> Option<OneHot<'v>> {
    let index = view.made_by(vectors, "OneHot")?;
    let [numbers, depth, values] = view.nodes[index].input.as_slice() else { return None };
    let dtype = view.fact(numbers).dtype.filter(|dtype| matches!(dtype, DType::I32 | DType::I64))?;
    let is_zero_and_one = view.floats(values).ok().flatten().is_some_and(|values| values == [0.0, 1.0]);
    let depth = view.wholes(depth).or_else(|| Some(vec![view.scalar(depth)?.value as i64]));
    if whole(&view.nodes[index], "axis", -1) != -1 || !is_zero_and_one || depth? != [count] {
        return None;
    }
    Some(OneHot { numbers, dtype, has_axis: false, wraps: true, nodes: vec![index] })
}

/// Whether the last axis of a value has size one for sure.
fn ends_in_one(view: &View, name: &str, steps: usize) -> bool {
    let Some(node) = view.maker(name).filter(|_| steps < 8).map(|index| &view.nodes[index]) else {
        return false;
    };
    let input = |index: usize| node.input.get(index).map_or("", String::as_str);
    match node.op_type() {
        _ if !node.domain().is_empty() => false,
        "Reshape" => view.wholes(input(1)).is_some_and(|shape| shape.last() == Some(&1)),
        "Unsqueeze" => axes(view, node).is_some_and(|axes| {
            let rank = view.fact(name).rank.and_then(|rank| i64::try_from(rank).ok());
            axes.contains(&-1) || rank.is_some_and(|rank| axes.contains(&(rank - 1)))
        }),
        "Expand" => ends_in_one(view, input(0), steps + 1) && shape_ends_in_one(view, input(1), steps + 1),
        "Cast" | "Identity" => ends_in_one(view, input(0), steps + 1),
        _ => false,
    }
}

/// Whether the last number of a shape is one for sure.
fn shape_ends_in_one(view: &View, name: &str, steps: usize) -> bool {
    if let Some(shape) = view.wholes(name) {
        return shape.last() == Some(&1);
    }
    let Some(node) = view.maker(name).filter(|_| steps < 8).map(|index| &view.nodes[index]) else {
        return false;
    };
    let inner = match node.op_type() {
        "Concat" => node.input.last(),
        "Cast" | "Identity" => node.input.first(),
        _ => None,
    };
    node.domain().is_empty() && inner.is_some_and(|inner| shape_ends_in_one(view, inner, steps + 1))
}

/// The numbers, held within the table's rows, and the rows that they name.
fn edit(
    view: &View,
    at: usize,
    found: OneHot,
    table: TensorProto,
    (lowest, highest): (i64, i64),
    names: &mut Names,
) -> Edit {
    let base = label(&view.nodes[at]).to_owned();
    let (mut nodes, mut constants) = (Vec::new(), Vec::new());
    let mut numbers = found.numbers.to_owned();
    let mut step = |op_type: &str, inputs: &[&str], attribute: Vec<AttributeProto>, names: &mut Names| {
        let value = names.fresh(format!("{base}_{}", op_type.to_lowercase()));
        let inputs: Vec<&str> = [numbers.as_str()].iter().chain(inputs).copied().collect();
        nodes.push(NodeProto { attribute, ..node(op_type, value.clone(), &inputs, &value) });
        numbers = value;
    };
    let mut constant = |name: &str, dims: Vec<i64>, numbers: &[i64], names: &mut Names| {
        constants.push(wholes(names, &format!("{base}_{name}"), dims, numbers));
        constants.last().map_or_else(String::new, |tensor| tensor.name().to_owned())
    };
    if found.has_axis && view.opset >= AXES_OPSET {
        let axes = constant("axes", vec![1], &[-1], names);
        step("Squeeze", &[&axes], Vec::new(), names);
    } else if found.has_axis {
        let axes = AttributeProto {
            name: Some("axes".to_owned()),
            ints: vec![-1],
            r#type: Some(7),
            ..Default::default()
        };
        step("Squeeze", &[], vec![axes], names);
    }
    if found.dtype != DType::I64 {
        let to = AttributeProto {
            name: Some("to".to_owned()),
            i: Some(DType::I64.onnx().into()),
            r#type: Some(2),
            ..Default::default()
        };
        step("Cast", &[], vec![to], names);
    }
    let lowest = constant("lowest", Vec::new(), &[lowest], names);
    let highest = constant("highest", Vec::new(), &[highest], names);
    step("Clip", &[&lowest, &highest], Vec::new(), names);
    nodes.push(in_place_of(&view.nodes[at], "Gather", &[table.name(), &numbers]));
    constants.push(table);
    let uses = found.nodes.into_iter().chain([at]).collect();
    Edit::replace(RewriteKind::OneHot, at, uses, nodes).with_constants(constants)
}
