//! The two products of attention, as `MatMul` or `Einsum`: which axis of what they read is what.

use super::pieces::{Axes, Piece, Role, batch};
use crate::lower::dims::{Size, equation};
use crate::lower::scene::{Scene, float, is_microsoft};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, whole};

/// The product of queries and keys.
pub(super) struct Scores {
    pub q: (String, Axes),
    pub k: (String, Axes),
    /// Batch and heads, multiplied.
    pub batch: Size,
    pub rows: Size,
    pub keys: Size,
    pub columns: Size,
    pub factor: f64,
}

/// The product of probabilities and values.
pub(super) struct Values {
    pub v: (String, Axes),
    pub columns: Size,
    /// The axes of the result.
    pub axes: Axes,
}

pub(super) fn scores(scene: &Scene, node: &NodeProto) -> Option<Scores> {
    if is(node, "Einsum") {
        return scores_by_letters(scene, node);
    }
    let factor = if is_microsoft(node, "FusedMatMul") { float(node, "alpha", 1.0)? } else { 1.0 };
    let (left, right, out) = operands(scene, node)?;
    let [.., rows, columns] = scene.dims.shape(left)? else { return None };
    let turned = whole(node, "transB", 0) != 0;
    let (last, before) = scene.dims.shape(right)?.split_last()?;
    let (depth, keys) = if turned { (last, before.last()?) } else { (before.last()?, last) };
    if depth != columns {
        return None;
    }
    let (row, key, column) =
        (Piece::whole(Role::Row, rows), Piece::whole(Role::Row, keys), Piece::whole(Role::Column, columns));
    let last = if turned { [key, column.clone()] } else { [column.clone(), key] };
    Some(Scores {
        q: (left.to_owned(), with_batch(scene, left, out, [row, column])?),
        k: (right.to_owned(), with_batch(scene, right, out, last)?),
        batch: Size::product(out)?,
        rows: rows.clone(),
        keys: keys.clone(),
        columns: columns.clone(),
        factor: f64::from(factor),
    })
}

pub(super) fn values(
    scene: &Scene,
    node: &NodeProto,
    probabilities: &str,
    [rows, keys]: [&Size; 2],
) -> Option<Values> {
    if is(node, "Einsum") {
        return values_by_letters(scene, node, probabilities);
    }
    let (left, right, out) = operands(scene, node)?;
    let is_plain = whole(node, "transB", 0) == 0 && float(node, "alpha", 1.0) == Some(1.0);
    let [.., depth, columns] = scene.dims.shape(right)? else { return None };
    if left != probabilities || right == probabilities || !is_plain || depth != keys {
        return None;
    }
    let (row, key, column) =
        (Piece::whole(Role::Row, rows), Piece::whole(Role::Row, keys), Piece::whole(Role::Column, columns));
    let mut axes = batch(out)?;
    axes.extend([row, column.clone()]);
    Some(Values {
        v: (right.to_owned(), with_batch(scene, right, out, [key, column])?),
        columns: columns.clone(),
        axes,
    })
}

/// Both operands of a product of matrices, and the batch axes of its result.
fn operands<'s>(scene: &'s Scene, node: &'s NodeProto) -> Option<(&'s str, &'s str, &'s [Size])> {
    let is_unset = |name: &str| whole(node, name, 0) == 0;
    let is_fused = is_microsoft(node, "FusedMatMul");
    if !is(node, "MatMul") && !is_fused || !["transA", "transBatchA", "transBatchB"].into_iter().all(is_unset)
    {
        return None;
    }
    let ([left, right], [result]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let shape = scene.dims.shape(result).filter(|shape| shape.len() >= 3)?;
    let has_both = [left, right].into_iter().all(|name| scene.dims.rank(name).is_some_and(|rank| rank >= 2));
    has_both.then(|| (left.as_str(), right.as_str(), &shape[..shape.len() - 2]))
}

/// The axes of an operand, whose batch axes are those of the result, or 1.
fn with_batch(scene: &Scene, name: &str, out: &[Size], last: [Vec<Piece>; 2]) -> Option<Axes> {
    let shape = scene.dims.shape(name)?;
    let own = &shape[..shape.len() - 2];
    let skipped = out.len().checked_sub(own.len())?;
    let pieces = batch(out)?;
    let one = |(at, size): (usize, &Size)| match size {
        size if *size == out[skipped + at] => Some(pieces[skipped + at].clone()),
        size => size.is(1).then(Vec::new),
    };
    let mut axes: Axes = own.iter().enumerate().map(one).collect::<Option<_>>()?;
    axes.extend(last);
    Some(axes)
}

fn scores_by_letters(scene: &Scene, node: &NodeProto) -> Option<Scores> {
    let [left, right, out] = equation(node)?;
    let ([batch_letters @ .., row, key], [result]) = (out.as_slice(), node.output.as_slice()) else {
        return None;
    };
    let shape = scene.dims.shape(result)?;
    let q_is_left = left.contains(row) && right.contains(key);
    let (q, k, q_name, k_name) = match q_is_left {
        true => (&left, &right, &node.input[0], &node.input[1]),
        false => (&right, &left, &node.input[1], &node.input[0]),
    };
    let column = q.iter().find(|letter| !out.contains(letter))?;
    let count = batch_letters.len() + 2;
    let fits =
        q.contains(row) && k.contains(key) && !q.contains(key) && !k.contains(row) && k.contains(column);
    if !fits || q.len() != count || k.len() != count {
        return None;
    }
    let columns = size_of(scene, q_name, q, *column)?;
    let letters =
        Letters { batch: batch_letters, sizes: &shape[..batch_letters.len()], column: *column, columns };
    let (rows, keys) = (size_of(scene, q_name, q, *row)?, size_of(scene, k_name, k, *key)?);
    Some(Scores {
        q: (q_name.clone(), letters.axes(scene, q_name, q, (*row, rows))?),
        k: (k_name.clone(), letters.axes(scene, k_name, k, (*key, keys))?),
        batch: Size::product(letters.sizes)?,
        rows: rows.clone(),
        keys: keys.clone(),
        columns: columns.clone(),
        factor: 1.0,
    })
}

fn values_by_letters(scene: &Scene, node: &NodeProto, probabilities: &str) -> Option<Values> {
    let [left, right, out] = equation(node)?;
    let is_left = node.input[0] == probabilities;
    let (p, v, v_name) =
        if is_left { (&left, &right, &node.input[1]) } else { (&right, &left, &node.input[0]) };
    let [batch_letters @ .., row, key] = p.as_slice() else { return None };
    if node.input[0] == node.input[1] || !is_left && node.input[1] != probabilities {
        return None;
    }
    let shape = scene.dims.shape(probabilities)?;
    let column = v.iter().find(|letter| !p.contains(letter))?;
    let columns = size_of(scene, v_name, v, *column)?;
    let letters =
        Letters { batch: batch_letters, sizes: &shape[..batch_letters.len()], column: *column, columns };
    let count = batch_letters.len() + 2;
    if v.len() != count || out.len() != count || v.contains(row) || out.contains(key) {
        return None;
    }
    let (rows, keys) = (&shape[shape.len() - 2], &shape[shape.len() - 1]);
    let axis = |letter: &u8| letters.axis(*letter, (*row, rows));
    Some(Values {
        v: (v_name.clone(), letters.axes(scene, v_name, v, (*key, keys))?),
        columns: columns.clone(),
        axes: out.iter().map(axis).collect::<Option<_>>()?,
    })
}

/// What the letters of an `Einsum` stand for.
struct Letters<'s> {
    batch: &'s [u8],
    sizes: &'s [Size],
    column: u8,
    columns: &'s Size,
}

impl Letters<'_> {
    fn axis(&self, letter: u8, (row, rows): (u8, &Size)) -> Option<Vec<Piece>> {
        if letter == row {
            return Some(Piece::whole(Role::Row, rows));
        }
        if letter == self.column {
            return Some(Piece::whole(Role::Column, self.columns));
        }
        let at = self.batch.iter().position(|own| *own == letter)?;
        batch(self.sizes)?.get(at).cloned()
    }

    /// The axes of an operand, each as long as it should be.
    fn axes(&self, scene: &Scene, name: &str, letters: &[u8], row: (u8, &Size)) -> Option<Axes> {
        let one = |(letter, size): (&u8, &Size)| {
            let axis = self.axis(*letter, row)?;
            (Size::product(axis.iter().map(|piece| &piece.size))? == *size).then_some(axis)
        };
        letters.iter().zip(scene.dims.shape(name)?).map(one).collect()
    }
}

fn size_of<'s>(scene: &'s Scene, name: &str, letters: &[u8], letter: u8) -> Option<&'s Size> {
    let at = letters.iter().position(|own| *own == letter)?;
    scene.dims.shape(name).filter(|shape| shape.len() == letters.len())?.get(at)
}
