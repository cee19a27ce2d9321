//! The borders of the histogram's buckets: log-linear, none wider than 1/128 of its smallest value.
//!
//! Values below 256 have a bucket each. Above, every octave `[2^k, 2^(k+1))` is cut into 112: its lower half into 64
//! of the width `2^k / 128`, its upper half into 48 of the width `2^k / 96`. Cutting the upper half more coarsely keeps
//! the bound and saves an eighth of the memory.

/// Values below this have a bucket each.
const EXACT_BITS: u32 = 8;
const EXACT_COUNT: u64 = 1 << EXACT_BITS;
const LOWER_COUNT: u64 = 64;
const UPPER_COUNT: u64 = 48;
const OCTAVE_COUNT: u64 = LOWER_COUNT + UPPER_COUNT;
/// First bit beyond the range.
const RANGE_BITS: u32 = 42;

/// The largest value that is told apart: 73 minutes in nanoseconds.
pub(super) const MAX_VALUE: u64 = (1 << RANGE_BITS) - 1;

/// Number of buckets.
pub(super) const BUCKET_COUNT: usize =
    (EXACT_COUNT + (RANGE_BITS - EXACT_BITS) as u64 * OCTAVE_COUNT) as usize;

/// The bucket of a value that is at most [`MAX_VALUE`].
pub(super) fn index_of(value: u64) -> usize {
    if value < EXACT_COUNT {
        return value as usize;
    }
    let octave = value.ilog2();
    let (offset, half) = (value - (1 << octave), 1 << (octave - 1));
    let within = if offset < half {
        offset >> (octave - 7)
    } else {
        LOWER_COUNT + (((offset - half) * 2 * UPPER_COUNT) >> octave)
    };
    (EXACT_COUNT + u64::from(octave - EXACT_BITS) * OCTAVE_COUNT + within) as usize
}

/// The smallest value of a bucket; of the one after the last, the first value beyond the range.
pub(super) fn low_of(index: usize) -> u64 {
    let index = index as u64;
    if index < EXACT_COUNT {
        return index;
    }
    let (octave, within) = ((index - EXACT_COUNT) / OCTAVE_COUNT, (index - EXACT_COUNT) % OCTAVE_COUNT);
    let octave = octave as u32 + EXACT_BITS;
    match within.checked_sub(LOWER_COUNT) {
        None => (1 << octave) + (within << (octave - 7)),
        Some(upper) => (1 << octave) + (1 << (octave - 1)) + (upper << octave).div_ceil(2 * UPPER_COUNT),
    }
}

/// The largest value of a bucket.
pub(super) fn high_of(index: usize) -> u64 {
    low_of(index + 1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_gapless_and_narrow() {
        assert_eq!(low_of(0), 0);
        for index in 0..BUCKET_COUNT {
            let (low, high) = (low_of(index), high_of(index));
            assert!(low <= high, "bucket {index}");
            assert_eq!((index_of(low), index_of(high)), (index, index));
            assert!((high - low) * 128 <= low, "bucket {index}: {low}..={high}");
        }
        assert_eq!(high_of(BUCKET_COUNT - 1), MAX_VALUE);
        assert!(BUCKET_COUNT * size_of::<u64>() < 32 * 1024);
    }
}
