//! Weights in blocks of 4 or 8 bits, laid out as ONNX Runtime's operator `com.microsoft.MatMulNBits` reads them.
//!
//! The layout is described in ONNX Runtime's `docs/ContribOperators.md`. A weight is `(code - zero point) * scale`,
//! with one scale and one zero point for every `block_size` neighbours along K, the axis that is summed over.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Block sizes that are offered: powers of two within these.
const BLOCK_SIZES: std::ops::RangeInclusive<usize> = 16..=256;

/// The largest magnitude of a weight, so that rounding cannot make an infinity of it.
const MAX_WEIGHT: f32 = f32::MAX / 2.0;

/// How many bits a weight gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockBits {
    /// 16 steps, two weights a byte.
    Four,
    /// 256 steps, a weight a byte.
    Eight,
}

impl BlockBits {
    /// The number of bits: 4 or 8.
    pub fn count(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The zero point that is meant when none is stored.
    fn middle(self) -> u8 {
        1 << (self.count() - 1)
    }

    fn max_code(self) -> u8 {
        u8::MAX >> (8 - self.count())
    }

    fn codes_per_byte(self) -> usize {
        8 / self.count()
    }
}

/// How weights are quantized in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockScheme {
    /// Bits a weight.
    pub bits: BlockBits,
    /// Weights that share a scale, neighbours along K: 16, 32, 64, 128 or 256.
    pub block_size: usize,
    /// Without stored zero points: the range reaches as far below zero as above. Otherwise the range is the smallest
    /// that holds the block and zero.
    pub symmetric: bool,
}

/// A matrix of weights, K by N, quantized in blocks along K: the inputs of one `MatMulNBits`.
///
/// Its attributes are `K`, `N`, `bits` and `block_size`, its inputs `B`, `scales` and, unless symmetric,
/// `zero_points`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockWeights {
    scheme: BlockScheme,
    k: usize,
    n: usize,
    packed: Vec<u8>,
    scales: Vec<f32>,
    zero_points: Option<Vec<u8>>,
}

impl BlockWeights {
    /// Quantizes a row-major matrix of `k` rows and `n` columns, in which a row belongs to an input feature.
    ///
    /// A dequantized weight is off by at most its block's scale (half of it, unless it is cut off at the range's end).
    /// Zero stays exactly zero. The last block may be shorter than the others; what is missing is filled with zeros.
    /// A block in which nothing differs from zero by more than rounding can tell (its scale would be less than
    /// [`f32::MIN_POSITIVE`], as with denormal weights) becomes zeros with scale 0.
    ///
    /// # Errors
    /// `invalid_argument` if the block size is none of those offered, if the number of weights is not `k * n` or is
    /// zero, or if a weight is NaN, infinite or larger than half of [`f32::MAX`].
    pub fn quantize(weights: &[f32], k: usize, n: usize, scheme: BlockScheme) -> Result<Self> {
        check(weights, k, n, scheme)?;
        let mut quantized = Self::zeros(k, n, scheme);
        let mut column = Vec::with_capacity(scheme.block_size);
        // Columns inside, blocks outside: the rows of one block stay in the processor's cache.
        for (block, rows) in weights.chunks(scheme.block_size * n).enumerate() {
            for at_n in 0..n {
                column.clear();
                column.extend(rows.iter().skip(at_n).step_by(n));
                quantized.set_block(at_n, block, &column);
            }
        }
        Ok(quantized)
    }

    /// The weights as the operator sees them: row-major, `k` rows and `n` columns.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut weights = Vec::with_capacity(self.k * self.n);
        for at_k in 0..self.k {
            for at_n in 0..self.n {
                let block = self.block_index(at_n, at_k / self.scheme.block_size);
                let code = self.code(block, at_k % self.scheme.block_size);
                weights.push((f32::from(code) - f32::from(self.zero_point(block))) * self.scales[block]);
            }
        }
        weights
    }

    /// How the weights were quantized.
    pub fn scheme(&self) -> BlockScheme {
        self.scheme
    }

    /// Rows of the matrix, the operator's attribute `K`.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Columns of the matrix, the operator's attribute `N`.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Blocks in a column: K divided by the block size, rounded up.
    pub fn block_count(&self) -> usize {
        self.k.div_ceil(self.scheme.block_size)
    }

    /// The codes, input `B`: `uint8` of shape `[N, block_count, block_size * bits / 8]`, a code's low bits first.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The scales: `float32` of shape `[N, block_count]`, or the same flat. Negative ones occur if symmetric.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The zero points: `uint8` of shape `[N, ceil(block_count * bits / 8)]`, packed as the codes are. `None` if
    /// symmetric: they are 8 for 4 bits and 128 for 8.
    pub fn zero_points(&self) -> Option<&[u8]> {
        self.zero_points.as_deref()
    }

    fn zeros(k: usize, n: usize, scheme: BlockScheme) -> Self {
        let (block_count, per_byte) = (k.div_ceil(scheme.block_size), scheme.bits.codes_per_byte());
        Self {
            scheme,
            k,
            n,
            packed: vec![0; n * block_count * scheme.block_size / per_byte],
            scales: vec![0.0; n * block_count],
            zero_points: (!scheme.symmetric).then(|| vec![0; n * block_count.div_ceil(per_byte)]),
        }
    }

    /// Quantizes one block, given its weights that are inside the matrix.
    fn set_block(&mut self, at_n: usize, at_block: usize, weights: &[f32]) {
        let bits = self.scheme.bits;
        let (scale, zero_point) =
            if self.scheme.symmetric { symmetric(weights, bits) } else { asymmetric(weights, bits) };
        let block = self.block_index(at_n, at_block);
        self.scales[block] = scale;
        let slot = self.zero_point_slot(block);
        if let Some(zero_points) = &mut self.zero_points {
            put(zero_points, slot, bits, zero_point);
        }
        for at in 0..self.scheme.block_size {
            let weight = weights.get(at).copied().unwrap_or(0.0);
            put(
                &mut self.packed,
                block * self.scheme.block_size + at,
                bits,
                encode(weight, scale, zero_point, bits),
            );
        }
    }

    fn block_index(&self, at_n: usize, at_block: usize) -> usize {
        at_n * self.block_count() + at_block
    }

    fn code(&self, block: usize, at: usize) -> u8 {
        get(&self.packed, block * self.scheme.block_size + at, self.scheme.bits)
    }

    fn zero_point(&self, block: usize) -> u8 {
        let bits = self.scheme.bits;
        let stored = self.zero_points.as_ref();
        stored.map_or(bits.middle(), |stored| get(stored, self.zero_point_slot(block), bits))
    }

    /// Where a block's zero point is, counted in codes: every column starts with a byte of its own.
    fn zero_point_slot(&self, block: usize) -> usize {
        let (block_count, per_byte) = (self.block_count(), self.scheme.bits.codes_per_byte());
        block / block_count * block_count.next_multiple_of(per_byte) + block % block_count
    }
}

fn check(weights: &[f32], k: usize, n: usize, scheme: BlockScheme) -> Result<()> {
    let size = scheme.block_size;
    if !size.is_power_of_two() || !BLOCK_SIZES.contains(&size) {
        let reason = format!("must be 16, 32, 64, 128 or 256, is {size}");
        return Err(Error::invalid_argument("block_size", reason));
    }
    if weights.is_empty() || k.checked_mul(n) != Some(weights.len()) {
        let reason = format!("{} weights are no matrix of {k} rows and {n} columns", weights.len());
        return Err(Error::invalid_argument("weights", reason));
    }
    let cannot = |weight: &f32| weight.is_nan() || weight.abs() > MAX_WEIGHT;
    if let Some(at) = weights.iter().position(cannot) {
        let reason = format!("{} in row {} column {} cannot be quantized", weights[at], at / n, at % n);
        return Err(Error::invalid_argument("weights", reason));
    }
    Ok(())
}

/// Scale and zero point of a block around zero. The weight furthest from zero gets code 0, the one code without a
/// counterpart on the other side, which makes the steps an eighth smaller at 4 bits; so the scale takes its sign.
fn symmetric(weights: &[f32], bits: BlockBits) -> (f32, u8) {
    let furthest =
        weights.iter().fold(0.0, |far: f32, &weight| if weight.abs() > far.abs() { weight } else { far });
    let scale = (f64::from(furthest) / -f64::from(bits.middle())) as f32;
    (usable(scale), bits.middle())
}

/// Scale and zero point of the smallest range that holds the block and zero.
fn asymmetric(weights: &[f32], bits: BlockBits) -> (f32, u8) {
    let (low, high) = weights
        .iter()
        .fold((0.0, 0.0), |(low, high): (f32, f32), &weight| (low.min(weight), high.max(weight)));
    let max_code = f64::from(bits.max_code());
    let scale = usable(((f64::from(high) - f64::from(low)) / max_code) as f32);
    (scale, (-steps(low, scale)).clamp(0.0, max_code) as u8)
}

/// The scale, or 0 if it is denormal: kernels may take denormal numbers for zero. Not 1, because kernels that sum codes
/// and zero points apart round both sums: with 1 the difference would show.
fn usable(scale: f32) -> f32 {
    if scale.is_normal() { scale } else { 0.0 }
}

fn encode(weight: f32, scale: f32, zero_point: u8, bits: BlockBits) -> u8 {
    (steps(weight, scale) + f64::from(zero_point)).clamp(0.0, f64::from(bits.max_code())) as u8
}

/// How many steps a weight is from zero; none in a block of zeros.
fn steps(weight: f32, scale: f32) -> f64 {
    if scale == 0.0 { 0.0 } else { (f64::from(weight) / f64::from(scale)).round_ties_even() }
}

/// Writes a code into bytes that are still zero there.
fn put(bytes: &mut [u8], at: usize, bits: BlockBits, code: u8) {
    let per_byte = bits.codes_per_byte();
    bytes[at / per_byte] |= code << (at % per_byte * bits.count());
}

fn get(bytes: &[u8], at: usize, bits: BlockBits) -> u8 {
    let per_byte = bits.codes_per_byte();
    bytes[at / per_byte] >> (at % per_byte * bits.count()) & bits.max_code()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn schemes() -> impl Iterator<Item = BlockScheme> {
        [BlockBits::Four, BlockBits::Eight].into_iter().flat_map(|bits| {
            [(16, true), (16, false), (64, true), (256, false)].map(|(block_size, symmetric)| BlockScheme {
                bits,
                block_size,
                symmetric,
            })
        })
    }

    /// Numbers without a visible order, within -1 and 1.
    fn noise(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 12.9898 + 1.0).sin()).collect()
    }

    fn round_trip(weights: &[f32], k: usize, n: usize, scheme: BlockScheme) -> Vec<f32> {
        BlockWeights::quantize(weights, k, n, scheme).unwrap().dequantize()
    }

    #[test]
    fn a_known_block_has_the_known_bytes() {
        let scheme = BlockScheme { bits: BlockBits::Four, block_size: 16, symmetric: true };
        let weights: Vec<f32> = (-8..8).map(|step| step as f32 * 0.5).collect();
        let quantized = BlockWeights::quantize(&weights, 16, 1, scheme).unwrap();
        assert_eq!(quantized.packed(), [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
        assert_eq!((quantized.scales(), quantized.zero_points()), (&[0.5][..], None));
        let scheme = BlockScheme { symmetric: false, ..scheme };
        let weights: Vec<f32> = (-3..13).chain([-15, 0]).map(|step| step as f32).collect();
        let quantized = BlockWeights::quantize(&weights, 18, 1, scheme).unwrap();
        assert_eq!(quantized.packed()[..8], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
        assert_eq!(quantized.packed()[8..], [0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!((quantized.scales(), quantized.zero_points().unwrap()), (&[1.0, 1.0][..], &[0xf3][..]));
        assert_eq!(quantized.dequantize(), weights);
    }

    #[test]
    fn weights_stay_within_a_scale_and_zeros_stay_zero() {
        for scheme in schemes() {
            for (k, n) in [(1, 1), (16, 3), (17, 2), (100, 5), (257, 4)] {
                let mut weights = noise(k * n);
                weights[k * n / 2] = 0.0;
                let quantized = BlockWeights::quantize(&weights, k, n, scheme).unwrap();
                assert_eq!(quantized.scales().len(), n * quantized.block_count());
                for (at, (weight, back)) in weights.iter().zip(quantized.dequantize()).enumerate() {
                    let block = at % n * quantized.block_count() + at / n / scheme.block_size;
                    let scale = quantized.scales()[block].abs();
                    assert!(
                        (weight - back).abs() <= scale * 1.0001,
                        "{scheme:?} {k}x{n} at {at}: {weight} {back}"
                    );
                    assert!(*weight != 0.0 || back == 0.0);
                }
            }
        }
    }

    #[test]
    fn zero_constant_and_denormal_blocks_are_defined() {
        for scheme in schemes() {
            for tiny in [0.0, -0.0, 1e-45, -1e-40] {
                let quantized = BlockWeights::quantize(&[tiny; 20], 20, 1, scheme).unwrap();
                assert!(quantized.scales().iter().all(|&scale| scale == 0.0), "{scheme:?} {tiny}");
                assert!(quantized.dequantize().iter().all(|&weight| weight == 0.0));
            }
            for constant in [1.0, -3.7, 1e-30, MAX_WEIGHT, -MAX_WEIGHT] {
                for back in round_trip(&[constant; 20], 20, 1, scheme) {
                    assert!((back / constant - 1.0).abs() < 1e-6, "{scheme:?} {constant} {back}");
                }
            }
            let huge = [MAX_WEIGHT, -MAX_WEIGHT, 1.0, 1e-40];
            assert!(round_trip(&huge, 4, 1, scheme).iter().all(|weight| weight.is_finite()), "{scheme:?}");
        }
    }

    #[test]
    fn what_cannot_be_quantized_is_refused() {
        let scheme = BlockScheme { bits: BlockBits::Four, block_size: 32, symmetric: true };
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let error = BlockWeights::quantize(&[0.0, 0.0, 0.0, 0.0, 0.0, wrong], 3, 2, scheme).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(error.to_string().contains("row 2 column 1"), "{error}");
        }
        for (k, n) in [(0, 6), (6, 0), (2, 2), (usize::MAX, 2)] {
            assert!(BlockWeights::quantize(&[0.0; 6], k, n, scheme).is_err());
        }
        assert!(BlockWeights::quantize(&[], 0, 0, scheme).is_err());
        for block_size in [0, 8, 24, 512] {
            let error =
                BlockWeights::quantize(&[0.0; 6], 3, 2, BlockScheme { block_size, ..scheme }).unwrap_err();
            assert!(error.to_string().contains("block_size"), "{error}");
        }
    }
}
