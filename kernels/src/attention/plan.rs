//! How a call is split into tasks.

use std::ops::Range;

use super::inputs::Shape;
use crate::parallel::part;

/// Rows whose work takes about as long as packing the keys and values, which every task does anew.
const ROWS_FOR_PACKING: usize = 16;

/// Tasks: each head of keys and values of each sequence, in one or more parts of its query rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    heads: usize,
    rows: usize,
    parts: usize,
    tile: usize,
    /// How many tasks there are.
    pub tasks: usize,
}

/// What one task does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub batch: usize,
    /// Head of keys and values.
    pub head: usize,
    /// Its query rows; begins with a whole tile.
    pub rows: Range<usize>,
}

impl Plan {
    /// `tile`: how many rows are multiplied together. Parts are whole tiles, so that rows are in the same tile however
    /// many parts there are.
    pub fn new(shape: &Shape, tile: usize, threads: usize) -> Self {
        let rows = shape.rows();
        let units = shape.batch * shape.kv_heads;
        let tiles = rows.div_ceil(tile);
        let threads = threads.max(1);
        // The time of the thread that works longest, in rows.
        let time = |parts: usize| {
            (units * parts).div_ceil(threads) * (tiles.div_ceil(parts) * tile + ROWS_FOR_PACKING)
        };
        let parts = (1..=tiles.min(4 * threads)).min_by_key(|&parts| time(parts)).unwrap_or(1);
        Self { heads: shape.kv_heads, rows, parts, tile, tasks: units * parts }
    }

    /// The task `index`.
    pub fn piece(&self, index: usize) -> Piece {
        let (unit, part_index) = (index / self.parts, index % self.parts);
        Piece {
            batch: unit / self.heads,
            head: unit % self.heads,
            rows: part(self.rows, self.tile, self.parts, part_index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(batch: usize, heads: usize, queries: usize) -> Shape {
        Shape { batch, queries, keys: 100, heads, kv_heads: heads, size: 32, causal: false }
    }

    #[test]
    fn pieces_are_every_row_once() {
        for (batch, heads, queries, threads) in [(1, 1, 1, 4), (2, 3, 65, 5), (1, 12, 128, 8), (3, 2, 7, 1)] {
            let plan = Plan::new(&shape(batch, heads, queries), 8, threads);
            let mut next = (0, 0, 0);
            for index in 0..plan.tasks {
                let piece = plan.piece(index);
                assert_eq!((piece.batch, piece.head, piece.rows.start), next);
                assert!(piece.rows.start.is_multiple_of(8) && !piece.rows.is_empty(), "{piece:?}");
                next = if piece.rows.end < queries {
                    (piece.batch, piece.head, piece.rows.end)
                } else if piece.head + 1 < heads {
                    (piece.batch, piece.head + 1, 0)
                } else {
                    (piece.batch + 1, 0, 0)
                };
            }
            assert_eq!(next, (batch, 0, 0));
        }
    }

    #[test]
    fn few_heads_are_split_and_many_are_not() {
        assert_eq!(Plan::new(&shape(1, 12, 128), 8, 1).tasks, 12);
        assert_eq!(Plan::new(&shape(1, 12, 128), 8, 2).tasks, 12);
        assert_eq!(Plan::new(&shape(1, 1, 512), 8, 4).tasks, 4);
        assert_eq!(Plan::new(&shape(1, 12, 512), 8, 8).tasks % 8, 0);
        assert_eq!(Plan::new(&shape(1, 12, 1), 8, 8).tasks, 12);
    }
}
