//! From the products of attention to where queries, keys and values come from, and on to where the result goes.

use super::pieces::{Axes, Piece, Role, regroup};
use crate::lower::block::Form;
use crate::lower::dims::{Size, axis};
use crate::lower::scene::{Scene, is_no_op, operand};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, whole};

/// More nodes than exporters put between a projection and a product.
const MAXIMUM_STEPS: usize = 16;

/// Sizes that a value's axes have to have. `heads` is unknown until the queries have told it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Batch and heads, multiplied.
    pub batch: Size,
    pub rows: Size,
    pub columns: Size,
    pub heads: Option<i64>,
}

/// A value that holds all that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub value: String,
    pub form: Form,
    pub heads: i64,
    /// What the value is multiplied by on the way.
    pub factor: f64,
    pub path: Vec<usize>,
    /// The value that it lies in side by side with others, and at which place.
    pub part: Option<(String, i64)>,
}

/// Where a value comes from: as far up as its axes are known.
pub(super) fn up(scene: &Scene, name: &str, axes: Axes, wanted: &Wanted) -> Option<Source> {
    let (mut name, mut axes, mut factor) = (name.to_owned(), axes, 1.0);
    let (mut path, mut best, mut part) = (Vec::new(), None::<Source>, None);
    for _ in 0..MAXIMUM_STEPS {
        if let Some((form, heads, which)) = recognize(&axes, wanted) {
            let source = Source { value: name.clone(), form, heads, factor, path: path.clone(), part: None };
            match which {
                Some(which) => part = Some((name.clone(), which * heads)),
                None if best.as_ref().is_none_or(|best| best.form <= form) => best = Some(source),
                None => {}
            }
        }
        let Some((index, node)) = scene.maker(&name) else { break };
        let Some((input, before, times)) = before(scene, node, &name, &axes) else { break };
        path.push(index);
        (name, axes) = (input.to_owned(), before);
        factor *= times;
    }
    let best = best?;
    let width = best.heads.checked_mul(wanted.columns.known()?)?;
    let part = match part {
        Some((source, heads)) => Some((source, heads.checked_mul(wanted.columns.known()?)?)),
        None => beside(scene, &best, width),
    };
    Some(Source { part, ..best })
}

/// The axes of what a node reads, if it only moves numbers; and what it multiplies them by.
pub(in crate::lower) fn before<'n>(
    scene: &Scene,
    node: &'n NodeProto,
    output: &str,
    axes: &Axes,
) -> Option<(&'n str, Axes, f64)> {
    let input = node.input.first()?.as_str();
    if is_no_op(scene, node) {
        return Some((input, axes.clone(), 1.0));
    }
    let plain = |axes: Axes| Some((input, axes, 1.0));
    match node.op_type() {
        _ if !node.domain().is_empty() => None,
        "Transpose" => {
            let mut before = vec![Vec::new(); axes.len()];
            for (at, axis) in order(node, axes.len())?.into_iter().enumerate() {
                *before.get_mut(axis)? = axes[at].clone();
            }
            plain(before)
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => plain(regroup(axes, scene.dims.shape(input)?)?),
        // Of the same length as before, it is all there was: other steps than 1 have sizes of their own.
        "Slice" if scene.same_shape(input, output) => plain(axes.clone()),
        "Expand" => {
            let shape = scene.dims.shape(input)?;
            let new = axes.len().checked_sub(shape.len())?;
            let keep =
                |(size, axis): (&Size, &Vec<Piece>)| if size.is(1) { Vec::new() } else { axis.clone() };
            plain(shape.iter().zip(&axes[new..]).map(keep).collect())
        }
        "Gather" => {
            let at = axis(whole(node, "axis", 0), axes.len() + 1)?;
            let index = node.input.get(1).filter(|index| scene.dims.rank(index) == Some(0))?;
            let [index] = scene.view.wholes(index)?[..] else { return None };
            let mut before = axes.clone();
            before.insert(at, which(scene.dims.shape(input)?.get(at)?, index)?);
            plain(before)
        }
        "Split" => {
            let at = axis(whole(node, "axis", 0), axes.len())?;
            let part = node.output.iter().position(|name| name == output)?;
            let size = scene.dims.shape(input)?.get(at)?;
            let takes_one =
                scene.dims.shape(output)?.get(at)?.is(1) && size.is(i64::try_from(node.output.len()).ok()?);
            let mut before = axes.clone();
            before[at] = takes_one.then(|| which(size, i64::try_from(part).ok()?))??;
            plain(before)
        }
        "Mul" | "Div" => {
            let rank = axes.len();
            let (left, right) = (node.input.first()?, node.input.get(1)?);
            match (scene.factor(left, rank), scene.factor(right, rank)) {
                (None, Some(factor)) if is(node, "Mul") => Some((left, axes.clone(), factor)),
                (None, Some(factor)) if factor != 0.0 => Some((left, axes.clone(), factor.recip())),
                (Some(factor), None) if is(node, "Mul") => Some((right, axes.clone(), factor)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// An axis of so many values beside each other, of which one is taken.
fn which(size: &Size, index: i64) -> Option<Vec<Piece>> {
    let count = size.known()?;
    let index = if index < 0 { index + count } else { index };
    (0..count).contains(&index).then(|| Piece::whole(Role::Which(index), size))
}

/// The order of axes that a `Transpose` makes.
fn order(node: &NodeProto, rank: usize) -> Option<Vec<usize>> {
    let order: Vec<usize> = match node.attribute("perm") {
        Some(perm) => perm.ints.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<_>>()?,
        None => (0..rank).rev().collect(),
    };
    (order.len() == rank).then_some(order)
}

/// The form, the number of heads, and which of several values beside each other it is, if it is one.
fn recognize(axes: &Axes, wanted: &Wanted) -> Option<(Form, i64, Option<i64>)> {
    let with = |form: Form, [batch, row, head, column]: [&[Piece]; 4]| {
        let heads = matches(batch, row, head, column, wanted)?;
        Some((form, heads, None))
    };
    match axes.as_slice() {
        [batch, row, rest] => {
            let (which, rest) = match rest.as_slice() {
                [Piece { role: Role::Which(which), .. }, rest @ ..] => (Some(*which), rest),
                rest => (None, rest),
            };
            // A column of length 1 has no piece, and then what is there are heads.
            let has_columns = !wanted.columns.is(1);
            let (head, column) = rest.split_at(rest.len().checked_sub(usize::from(has_columns))?);
            with(Form::Rows, [batch, row, head, column]).map(|(form, heads, _)| (form, heads, which))
        }
        [batch, second, third, column] => with(Form::Split, [batch, second, third, column])
            .or_else(|| with(Form::Heads, [batch, third, second, column])),
        _ => None,
    }
}

/// The number of heads, if all pieces are where they should be.
fn matches(batch: &[Piece], row: &[Piece], head: &[Piece], column: &[Piece], wanted: &Wanted) -> Option<i64> {
    let is_all = |pieces: &[Piece], role: Role, size: &Size| match pieces {
        [] => size.is(1),
        [piece] => piece.role == role && piece.size == *size && piece.stride.is(1),
        _ => false,
    };
    if !is_all(row, Role::Row, &wanted.rows) || !is_all(column, Role::Column, &wanted.columns) {
        return None;
    }
    let (own, shared) = match head {
        [] => (1, wanted.heads.unwrap_or(1)),
        [piece] if piece.role == Role::Batch => (piece.size.known()?, piece.stride.known()?),
        _ => return None,
    };
    let heads = wanted.heads.unwrap_or(own);
    let batches = wanted.batch.divided_by(&Size::constant(heads))?;
    let has_batches = match batch {
        [] => batches.is(1),
        [piece] => piece.role == Role::Batch && piece.stride.is(heads) && piece.size == batches,
        _ => false,
    };
    (own.checked_mul(shared)? == heads && own > 0 && has_batches).then_some(own)
}

/// Whether a value is a part of another along the last axis: of which, and where.
fn beside(scene: &Scene, source: &Source, width: i64) -> Option<(String, i64)> {
    let (_, node) = scene.maker(&source.value).filter(|_| source.form == Form::Rows)?;
    let whole_value = node.input.first()?;
    let sizes = scene.dims.shape(whole_value)?;
    let is_last = |number: i64| axis(number, sizes.len()).is_some_and(|axis| axis + 1 == sizes.len());
    if is(node, "Split") && is_last(whole(node, "axis", 0)) {
        let mut offset = 0;
        for part in &node.output {
            if *part == source.value {
                return Some((whole_value.clone(), offset));
            }
            offset += scene.width(part)?.known()?;
        }
    }
    if is(node, "Slice") && scene.width(&source.value)?.is(width) {
        let list = |index: usize, name: &str| match node.attribute(name) {
            Some(attribute) => Some(attribute.ints.clone()),
            None => scene.view.wholes(node.input.get(index)?),
        };
        let (starts, axes) = (list(1, "starts")?, list(3, "axes")?);
        let ([start], [axis]) = (starts.as_slice(), axes.as_slice()) else { return None };
        return (is_last(*axis) && *start >= 0).then(|| (whole_value.clone(), *start));
    }
    None
}

/// Where a result goes: as far down as its axes are known. Whether somebody else reads it on the way is for the caller to
/// find out.
pub(super) fn down(scene: &Scene, name: &str, axes: Axes, wanted: &Wanted) -> Option<Source> {
    let (mut name, mut axes, mut path) = (name.to_owned(), axes, Vec::new());
    let mut best = None::<Source>;
    for _ in 0..MAXIMUM_STEPS {
        let is_inner = path.is_empty() || is_alone(scene, &path, &name);
        if let Some((form, heads, None)) = recognize(&axes, wanted).filter(|_| is_inner)
            && best.as_ref().is_none_or(|best| best.form < form)
        {
            let (value, path) = (name.clone(), path.clone());
            best = Some(Source { value, form, heads, factor: 1.0, path, part: None });
        }
        if best.as_ref().is_some_and(|best| best.form == Form::Rows) {
            break;
        }
        let Some((index, node)) = next(scene, &name) else { break };
        let Some((output, after)) = after(scene, node, &name, &axes) else { break };
        path.push(index);
        (name, axes) = (output.to_owned(), after);
    }
    best
}

/// Whether nobody needs what these nodes read and make but they, the result excepted.
fn is_alone(scene: &Scene, path: &[usize], result: &str) -> bool {
    let first = path.first().and_then(|&first| scene.node(first).input.first());
    first.is_some_and(|first| scene.serves_only(first, path)) && scene.is_closed(path, result)
}

/// The one node that reads a value for its numbers, others asking for its shape only.
pub(super) fn next<'g>(scene: &Scene<'g>, name: &str) -> Option<(usize, &'g NodeProto)> {
    let asks = |reader: &&usize| is(scene.node(**reader), "Shape");
    let mut readers = scene.view.readers(name).iter().filter(|reader| !asks(reader));
    let (Some(&reader), None) = (readers.next(), readers.next()) else { return None };
    (!scene.view.is_pinned(name)).then(|| (reader, scene.node(reader)))
}

pub(in crate::lower) fn after<'n>(
    scene: &Scene,
    node: &'n NodeProto,
    name: &str,
    axes: &Axes,
) -> Option<(&'n str, Axes)> {
    let output = node.output.first()?.as_str();
    if node.input.first()? != name || operand(node, name) == Some(name) {
        return None;
    }
    if is_no_op(scene, node) {
        return Some((output, axes.clone()));
    }
    match node.op_type() {
        _ if !node.domain().is_empty() => None,
        "Transpose" => {
            let order = order(node, axes.len())?;
            Some((output, order.into_iter().map(|axis| axes.get(axis).cloned()).collect::<Option<_>>()?))
        }
        "Slice" if scene.same_shape(name, output) => Some((output, axes.clone())),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            Some((output, regroup(axes, scene.dims.shape(output)?)?))
        }
        _ => None,
    }
}
