//! [`Axes`]: which part of which axis of attention lies where in a value, through changes of shape and order.
//!
//! Axes are products of pieces. A piece is known by what it is of, its size, and its stride in that: so heads that were
//! split off a width, put before the rows and joined with the batch are still found.

use crate::lower::dims::Size;

/// What a piece is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lower) enum Role {
    /// Batch and heads, in one row.
    Batch,
    Row,
    Column,
    /// One of several values that lie beside each other: which one.
    Which(i64),
}

/// A factor of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lower) struct Piece {
    pub role: Role,
    pub size: Size,
    pub stride: Size,
}

/// For each axis of a value its pieces, outer ones first. Axes of length 1 have none.
pub(in crate::lower) type Axes = Vec<Vec<Piece>>;

impl Piece {
    pub fn whole(role: Role, size: &Size) -> Vec<Self> {
        match size.is(1) {
            true => Vec::new(),
            false => vec![Self { role, size: size.clone(), stride: Size::constant(1) }],
        }
    }

    /// The outer part of this size, and the rest.
    fn cut(&self, outer: &Size) -> Option<(Self, Self)> {
        let size = self.size.divided_by(outer)?;
        let stride = self.stride.times(&size)?;
        Some((
            Self { role: self.role, size: outer.clone(), stride },
            Self { role: self.role, size, stride: self.stride.clone() },
        ))
    }
}

/// Batch axes, which are one row of numbers together.
pub(in crate::lower) fn batch(sizes: &[Size]) -> Option<Axes> {
    let mut stride = Size::constant(1);
    let mut axes = Vec::new();
    for size in sizes.iter().rev() {
        let piece = Piece { role: Role::Batch, size: size.clone(), stride: stride.clone() };
        axes.push(if size.is(1) { Vec::new() } else { vec![piece] });
        stride = stride.times(size)?;
    }
    axes.reverse();
    Some(axes)
}

/// The pieces of the same numbers in another shape.
pub(in crate::lower) fn regroup(axes: &Axes, shape: &[Size]) -> Option<Axes> {
    let mut pending: Vec<Piece> = axes.iter().flatten().rev().cloned().collect();
    let mut regrouped = Vec::with_capacity(shape.len());
    for size in shape {
        let (mut axis, mut left) = (Vec::new(), size.clone());
        while !left.is(1) {
            let piece = pending.pop()?;
            if let Some(rest) = left.divided_by(&piece.size) {
                left = rest;
                axis.push(piece);
            } else {
                let (outer, inner) = piece.cut(&left)?;
                axis.push(outer);
                pending.push(inner);
                left = Size::constant(1);
            }
        }
        regrouped.push(joined(axis)?);
    }
    pending.is_empty().then_some(regrouped)
}

/// An axis with neighbouring pieces made one where they belong together.
fn joined(axis: Vec<Piece>) -> Option<Vec<Piece>> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in axis {
        match joined.last_mut() {
            Some(outer) if outer.role == piece.role && outer.stride == piece.stride.times(&piece.size)? => {
                outer.size = outer.size.times(&piece.size)?;
                outer.stride = piece.stride;
            }
            _ => joined.push(piece),
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[i64]) -> Vec<Size> {
        sizes.iter().map(|&size| Size::constant(size)).collect()
    }

    #[test]
    fn heads_are_found_again_after_joining_them_with_the_batch() {
        let (b, s) = (Size::atom(1), Size::atom(2));
        let mut axes = batch(&[b.clone(), Size::constant(12)]).unwrap();
        axes.push(Piece::whole(Role::Row, &s));
        axes.push(Piece::whole(Role::Column, &Size::constant(64)));
        let together = b.times(&Size::constant(12)).unwrap();
        let flat = regroup(&axes, &[together, s.clone(), Size::constant(64)]).unwrap();
        assert_eq!(flat.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(regroup(&flat, &[b, Size::constant(12), s, Size::constant(64)]), Some(axes));
    }

    #[test]
    fn shapes_of_other_numbers_are_refused() {
        let axes = batch(&shape(&[6, 4])).unwrap();
        assert!(regroup(&axes, &shape(&[3, 8])).is_some());
        assert_eq!(regroup(&axes, &shape(&[5, 4])), None);
        assert_eq!(regroup(&axes, &shape(&[6, 2])), None);
        assert_eq!(regroup(&axes, &[Size::atom(1), Size::constant(4)]), None);
    }
}
