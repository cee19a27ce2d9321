//! [`Gram`]: how the channels of a product's left side go together, which tells how its weights are best rounded.

/// Rows that are added at once.
const ROWS: usize = 32;

/// The sums of products of each two channels of a tensor, over all rows that were seen: `Xᵀ X` of the rows `X`.
///
/// Takes memory for the square of the number of channels, whatever the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    channel_count: usize,
    row_count: u64,
    /// Row-major, channel by channel; the upper triangle and the diagonal.
    sums: Vec<f32>,
}

impl Gram {
    /// One that has seen nothing, of so many channels.
    pub fn new(channel_count: usize) -> Self {
        Self { channel_count, row_count: 0, sums: vec![0.0; channel_count * channel_count] }
    }

    /// Number of channels.
    pub fn channel_count(&self) -> usize {
        self.channel_count
    }

    /// Number of rows that were seen.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// Adds rows, one after the other: a tensor's elements in row-major order. Rows with numbers that are not finite, and
    /// a row that is not whole at the end, are left out.
    pub fn observe(&mut self, rows: &[f32]) {
        let count = self.channel_count;
        if count == 0 {
            return;
        }
        let rows = rows.chunks_exact(count).filter(|row| row.iter().all(|value| value.is_finite()));
        let rows: Vec<&[f32]> = rows.collect();
        self.row_count += rows.len() as u64;
        // Several rows at once, so that sums are read from memory once for all of them.
        for rows in rows.chunks(ROWS) {
            for channel in 0..count {
                let sums = &mut self.sums[channel * count + channel..(channel + 1) * count];
                for row in rows.iter().filter(|row| row[channel] != 0.0) {
                    let value = row[channel];
                    sums.iter_mut().zip(&row[channel..]).for_each(|(sum, other)| *sum += value * other);
                }
            }
        }
    }

    /// The sum of the products of two channels.
    pub(super) fn sum(&self, a: usize, b: usize) -> f32 {
        self.sums[a.min(b) * self.channel_count + a.max(b)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_all_whole_and_finite_rows() {
        let mut gram = Gram::new(2);
        gram.observe(&[1.0, 2.0, 3.0, -1.0, f32::NAN, 1.0, 9.0]);
        gram.observe(&[0.0, 1.0]);
        assert_eq!((gram.row_count(), gram.channel_count()), (3, 2));
        assert_eq!([gram.sum(0, 0), gram.sum(0, 1), gram.sum(1, 0), gram.sum(1, 1)], [10.0, -1.0, -1.0, 6.0]);
        let mut none = Gram::new(0);
        none.observe(&[1.0]);
        assert_eq!(none.row_count(), 0);
    }
}
