//! The shapes and element types of what a node gives.

use super::{Dims, Shape, Size};
use crate::model::NodeProto;
use crate::quantize::rewrite::MICROSOFT;
use crate::quantize::simplify::view::{View, axes, whole};
use crate::tensor::DType;

/// Operators whose result has the shape of their first input.
const SAME: [&str; 37] = [
    "Relu",
    "Sigmoid",
    "Tanh",
    "Erf",
    "HardSigmoid",
    "HardSwish",
    "Clip",
    "Identity",
    "Dropout",
    "Cast",
    "Not",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "Softmax",
    "LogSoftmax",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Softplus",
    "Gelu",
    "Swish",
    "Mish",
    "Abs",
    "Neg",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Floor",
    "Ceil",
    "IsNaN",
    "Cos",
    "Sin",
    "SimplifiedLayerNormalization",
    "CumSum",
];

/// The same, of ONNX Runtime's own.
const SAME_MICROSOFT: [&str; 7] = [
    "Gelu",
    "FastGelu",
    "BiasGelu",
    "QuickGelu",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
    "RotaryEmbedding",
];

const STRETCHING: [&str; 17] = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Pow",
    "PRelu",
    "Equal",
    "Less",
    "Greater",
    "And",
    "Or",
    "LessOrEqual",
    "GreaterOrEqual",
];

/// The element type of a node's outputs.
pub(super) fn dtype_of(dims: &Dims, node: &NodeProto) -> Option<DType> {
    let input = |index: usize| dims.dtype(node.input.get(index)?);
    match node.op_type() {
        _ if !matches!(node.domain(), "" | MICROSOFT) => None,
        "Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" => Some(DType::I64),
        "Cast" => DType::from_onnx(i32::try_from(whole(node, "to", 0)).ok()?),
        "Equal" | "Less" | "Greater" | "And" | "Or" | "Not" | "LessOrEqual" | "GreaterOrEqual" | "IsNaN"
        | "IsInf" | "Xor" => Some(DType::Bool),
        "Where" => input(1).or_else(|| input(2)),
        "ConstantOfShape" => match node.attribute("value") {
            Some(value) => value.t.as_deref()?.dtype().ok(),
            None => Some(DType::F32),
        },
        "If" | "Loop" | "Scan" | "DequantizeLinear" | "QuantizeLinear" | "MatMulInteger" | "SequenceAt" => {
            None
        }
        _ => input(0).or_else(|| input(1).filter(|_| STRETCHING.contains(&node.op_type()))),
    }
}

/// The shapes of a node's outputs, as far as they are known.
pub(super) fn of(dims: &mut Dims, view: &View, node: &NodeProto) -> Vec<Shape> {
    let is_split = node.op_type() == "Split" && node.domain().is_empty();
    if is_split {
        return split(dims, view, node).unwrap_or_default();
    }
    one(dims, view, node).into_iter().collect()
}

fn one(dims: &mut Dims, view: &View, node: &NodeProto) -> Option<Shape> {
    let name = |index: usize| node.input.get(index).map_or("", String::as_str);
    let first = || dims.shape(name(0)).map(<[_]>::to_vec);
    match (node.domain(), node.op_type()) {
        ("", op) if SAME.contains(&op) => first(),
        (MICROSOFT, op) if SAME_MICROSOFT.contains(&op) => first(),
        ("", op) if STRETCHING.contains(&op) => stretch(dims, &node.input),
        ("", "Where") => stretch(dims, &node.input),
        ("", "MatMul") | (MICROSOFT, "FusedMatMul") => product(dims, node),
        ("", "Gemm") | (MICROSOFT, "FusedGemm") => {
            let (left, right) = (dims.shape(name(0)), dims.shape(name(1)));
            let at =
                |shape: Option<&[Size]>, axis: i64| shape.and_then(|shape| shape.get(axis as usize).cloned());
            let rows = at(left, i64::from(whole(node, "transA", 0) != 0));
            let columns = at(right, i64::from(whole(node, "transB", 0) == 0));
            Some(vec![rows.unwrap_or_else(|| dims.fresh()), columns.unwrap_or_else(|| dims.fresh())])
        }
        (MICROSOFT, "MultiHeadAttention") => {
            let (mut shape, value) = (first()?, dims.shape(name(2))?);
            let is_plain = shape.len() == 3 && value.len() == 3;
            *shape.last_mut()? = value.last()?.clone();
            is_plain.then_some(shape)
        }
        (MICROSOFT, "Attention") => {
            let width = dims.shape(name(1))?.last()?.divided_by(&Size::constant(3))?;
            let mut shape = first().filter(|_| node.attribute("qkv_hidden_sizes").is_none())?;
            *shape.last_mut()? = width;
            Some(shape)
        }
        ("", "Attention") => {
            let (mut shape, of_k, of_v) = (first()?, dims.shape(name(1))?, dims.shape(name(2))?);
            let keeps_width = of_k.last() == of_v.last();
            if shape.len() == 3 && !keeps_width {
                return None;
            }
            *shape.last_mut()? = if shape.len() == 3 { shape.last()?.clone() } else { of_v.last()?.clone() };
            Some(shape)
        }
        ("", "Transpose") => {
            let shape = first()?;
            match node.attribute("perm") {
                Some(perm) => perm.ints.iter().map(|&axis| shape.get(axis as usize).cloned()).collect(),
                None => Some(shape.into_iter().rev().collect()),
            }
        }
        ("", "Reshape") => reshape(dims, node),
        ("", "Flatten") => {
            let shape = first()?;
            let axis = axis(whole(node, "axis", 1), shape.len() + 1)?;
            let (left, right) = (Size::product(&shape[..axis]), Size::product(&shape[axis..]));
            Some(vec![left?, right?])
        }
        ("", "Unsqueeze") => {
            let (mut shape, new) = (first()?, axes(view, node)?);
            let rank = shape.len() + new.len();
            let mut new: Vec<usize> = new.iter().map(|&at| axis(at, rank)).collect::<Option<_>>()?;
            new.sort_unstable();
            for at in new {
                (at <= shape.len()).then(|| shape.insert(at, Size::constant(1)))?;
            }
            Some(shape)
        }
        ("", "Squeeze") => {
            let (shape, gone) = (first()?, axes(view, node)?);
            let gone: Vec<usize> = gone.iter().map(|&at| axis(at, shape.len())).collect::<Option<_>>()?;
            Some(
                shape
                    .into_iter()
                    .enumerate()
                    .filter(|(at, _)| !gone.contains(at))
                    .map(|(_, size)| size)
                    .collect(),
            )
        }
        ("", "Concat") => concat(dims, node),
        ("", "Slice") => super::slices::shape(dims, view, node),
        ("", "Gather") => {
            let (data, at) = (first()?, dims.shape(name(1))?);
            let axis = axis(whole(node, "axis", 0), data.len())?;
            Some([&data[..axis], at, &data[axis + 1..]].concat())
        }
        ("", "Shape") => {
            Some(vec![Size::constant(i64::try_from(dims.contents(&node.output[0])?.len()).ok()?)])
        }
        ("", "Expand") => {
            let (shape, target) = (first()?, elements(dims, name(1))?);
            stretched(dims, [shape, target])
        }
        ("", "ConstantOfShape") => elements(dims, name(0)),
        ("", "Range") => Some(vec![dims.fresh()]),
        ("", op) if op.starts_with("Reduce") => reduce(dims, view, node),
        ("", "Einsum") => einsum(dims, node),
        ("", "Conv") => super::convolution::shape(dims, node),
        ("", "GlobalMaxPool" | "GlobalAveragePool") => {
            let (first, one) = (first()?, Size::constant(1));
            Some(
                first
                    .iter()
                    .enumerate()
                    .map(|(at, size)| if at < 2 { size } else { &one })
                    .cloned()
                    .collect(),
            )
        }
        _ => None,
    }
}

/// An axis that may be counted from the end.
pub(crate) fn axis(number: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let number = if number < 0 { number + rank } else { number };
    usize::try_from(number).ok().filter(|_| number < rank)
}

/// The sizes that a tensor of whole numbers names; unknown ones are new.
fn elements(dims: &mut Dims, name: &str) -> Option<Shape> {
    let elements = dims.contents(name)?.to_vec();
    Some(elements.into_iter().map(|element| element.unwrap_or_else(|| dims.fresh())).collect())
}

fn stretch(dims: &mut Dims, names: &[String]) -> Option<Shape> {
    let shapes: Option<Vec<Shape>> = names.iter().map(|name| dims.shape(name).map(<[_]>::to_vec)).collect();
    stretched(dims, shapes?)
}

fn stretched(dims: &mut Dims, shapes: impl IntoIterator<Item = Shape>) -> Option<Shape> {
    let mut shapes = shapes.into_iter();
    let mut whole = shapes.next()?;
    for shape in shapes {
        let rank = whole.len().max(shape.len());
        let at = |shape: &Shape, axis: usize| {
            (axis + shape.len())
                .checked_sub(rank)
                .map_or_else(|| Size::constant(1), |axis| shape[axis].clone())
        };
        whole = (0..rank).map(|axis| dims.stretched(&at(&whole, axis), &at(&shape, axis))).collect();
    }
    Some(whole)
}

fn product(dims: &mut Dims, node: &NodeProto) -> Option<Shape> {
    let [left, right] = [0, 1].map(|index| dims.shape(node.input.get(index)?).map(<[_]>::to_vec));
    let (left, right) = (left?, right?);
    let is_set = |name: &str| whole(node, name, 0) != 0;
    if left.len() < 2 || right.len() < 2 || is_set("transBatchA") || is_set("transBatchB") {
        return (right.len() == 2 && !left.is_empty()).then(|| {
            let columns = right[usize::from(!is_set("transB"))].clone();
            [&left[..left.len() - 1], &[columns]].concat()
        });
    }
    let (rows, columns) =
        (left.len() - 1 - usize::from(!is_set("transA")), right.len() - 1 - usize::from(is_set("transB")));
    let (rows, columns) = (left[rows].clone(), right[columns].clone());
    let batch = stretched(dims, [left[..left.len() - 2].to_vec(), right[..right.len() - 2].to_vec()])?;
    Some([batch, vec![rows, columns]].concat())
}

/// The letters of an `Einsum` of two operands without dots and blanks: left, right, result.
pub(crate) fn equation(node: &NodeProto) -> Option<[Vec<u8>; 3]> {
    let text = node.attribute("equation")?.s.as_deref()?;
    let text: String = std::str::from_utf8(text).ok()?.chars().filter(|letter| *letter != ' ').collect();
    let (operands, result) = text.split_once("->")?;
    let (left, right) = operands.split_once(',')?;
    let parts = [left, right, result];
    let is_plain = |part: &str| {
        let distinct = part.bytes().enumerate().all(|(at, letter)| !part.as_bytes()[..at].contains(&letter));
        distinct && part.bytes().all(|letter| letter.is_ascii_alphabetic())
    };
    (parts.iter().all(|part| is_plain(part)) && node.input.len() == 2)
        .then(|| parts.map(|part| part.as_bytes().to_vec()))
}

fn einsum(dims: &mut Dims, node: &NodeProto) -> Option<Shape> {
    let [left, right, result] = equation(node)?;
    let (first, second) = (dims.shape(&node.input[0])?, dims.shape(&node.input[1])?);
    if first.len() != left.len() || second.len() != right.len() {
        return None;
    }
    let size = |letter: &u8| {
        let of = |letters: &[u8], shape: &[Size]| {
            Some(shape[letters.iter().position(|own| own == letter)?].clone())
        };
        match (of(&left, first), of(&right, second)) {
            (Some(left), Some(right)) => Some(left.stretched(&right)),
            (one, other) => one.or(other).map(Some),
        }
    };
    let sizes: Option<Vec<Option<Size>>> = result.iter().map(size).collect();
    Some(sizes?.into_iter().map(|size| size.unwrap_or_else(|| dims.fresh())).collect())
}

fn reshape(dims: &mut Dims, node: &NodeProto) -> Option<Shape> {
    let target = dims.contents(node.input.get(1)?)?.to_vec();
    let from = dims.shape(&node.input[0]).map(<[_]>::to_vec);
    let keeps_zeros = whole(node, "allowzero", 0) != 0;
    let mut shape: Shape = Vec::with_capacity(target.len());
    let mut open = None;
    for (axis, element) in target.iter().enumerate() {
        let size = match element {
            Some(size) if size.is(0) && !keeps_zeros => {
                from.as_ref().and_then(|from| from.get(axis).cloned())
            }
            Some(size) if size.is(-1) => {
                open = Some(axis);
                None
            }
            other => other.clone(),
        };
        shape.push(size.unwrap_or_else(|| dims.fresh()));
    }
    if let (Some(open), Some(from)) = (open, from) {
        let others = shape.iter().enumerate().filter(|(axis, _)| *axis != open).map(|(_, size)| size);
        let (all, others) = (Size::product(&from), Size::product(others));
        if let Some(size) = all.zip(others).and_then(|(all, others)| all.divided_by(&others)) {
            shape[open] = size;
        }
    }
    Some(shape)
}

fn concat(dims: &mut Dims, node: &NodeProto) -> Option<Shape> {
    let shapes: Option<Vec<Shape>> =
        node.input.iter().map(|name| dims.shape(name).map(<[_]>::to_vec)).collect();
    let shapes = shapes?;
    let mut shape = shapes.first()?.clone();
    let axis = axis(whole(node, "axis", 0), shape.len())?;
    let parts = shapes.iter().map(|shape| shape.get(axis)?.known());
    let sum = parts.sum::<Option<i64>>().map(Size::constant);
    shape[axis] = sum.unwrap_or_else(|| dims.fresh());
    Some(shape)
}

fn reduce(dims: &Dims, view: &View, node: &NodeProto) -> Option<Shape> {
    let shape = dims.shape(node.input.first()?)?;
    let gone: Vec<usize> =
        axes(view, node)?.iter().map(|&at| axis(at, shape.len())).collect::<Option<_>>()?;
    let keeps = whole(node, "keepdims", 1) != 0;
    let sizes = shape.iter().enumerate().filter(|(at, _)| keeps || !gone.contains(at));
    Some(sizes.map(|(at, size)| if gone.contains(&at) { Size::constant(1) } else { size.clone() }).collect())
}

/// The parts of a `Split`.
fn split(dims: &mut Dims, view: &View, node: &NodeProto) -> Option<Vec<Shape>> {
    let shape = dims.shape(node.input.first()?)?.to_vec();
    let axis = axis(whole(node, "axis", 0), shape.len())?;
    let given = match node.attribute("split") {
        Some(split) => Some(split.ints.clone()),
        None => node.input.get(1).filter(|name| !name.is_empty()).and_then(|name| view.wholes(name)),
    };
    let is_given = node.attribute("split").is_some() || node.input.len() > 1;
    let equal = shape[axis].divided_by(&Size::constant(i64::try_from(node.output.len()).ok()?));
    let parts = (0..node.output.len()).map(|part| {
        let size = match &given {
            Some(given) => given.get(part).map(|&size| Size::constant(size)),
            None => equal.clone().filter(|_| !is_given),
        };
        let mut shape = shape.clone();
        shape[axis] = size.unwrap_or_else(|| dims.fresh());
        shape
    });
    Some(parts.collect())
}
