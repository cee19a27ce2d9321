//! How fast one thread reads memory.

use std::hint::black_box;

use super::clock::seconds;

/// More than any cache holds.
const BYTES: usize = 512 << 20;
const PASSES: usize = 7;
const LANES: usize = 16;

/// The best pass of a few: a roof is what can be reached, not what the neighbours leave of it.
pub fn gigabytes_per_second() -> f64 {
    // Written, so that every page is memory of its own and not the system's one page of zeros.
    let words: Vec<u64> = (0..BYTES as u64 / 8).collect();
    let pass = |_| {
        let (_, seconds) = seconds(|| black_box(sum(black_box(&words))));
        BYTES as f64 / seconds / 1e9
    };
    (0..PASSES).map(pass).fold(0.0, f64::max)
}

/// In several lanes, so that additions do not wait for each other.
fn sum(words: &[u64]) -> u64 {
    let (rows, rest) = words.as_chunks::<LANES>();
    let mut sums = [0_u64; LANES];
    for row in rows {
        for (sum, word) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().chain(rest).fold(0, |sum, word| sum.wrapping_add(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read() {
        let words: Vec<u64> = (1..=100).collect();
        assert_eq!(sum(&words), 5050);
    }
}
