//! Random tensors that are the same for the same seed and name, on every machine.

use ortlet::Result;
use ortlet::tensor::{DType, Shape, Tensor};

use crate::process::check_memory;
use crate::scalar::Encoder;

/// A random tensor: floats evenly from 0 to 1, everything else 0 or 1, strings of four letters.
///
/// Integers are no larger because they are mostly indexes, masks and types of tokens: what larger ones mean depends on
/// the model, while 0 and 1 nearly always mean something.
///
/// # Errors
/// `limit_exceeded` if the tensor does not fit into memory.
pub fn random_tensor(dtype: DType, shape: Shape, name: &str, seed: u64) -> Result<Tensor> {
    let mut random = SplitMix64::new(seed, name);
    let count = shape.element_count()?;
    // Strings take their own record and their letters; the encoder keeps packed types one a byte.
    let element_bytes = if dtype == DType::String { 64 } else { dtype.bits().div_ceil(8) as usize };
    check_memory(count as u128 * element_bytes as u128 * 2)?;
    if dtype == DType::String {
        return Tensor::from_strings(shape, (0..count).map(|_| random.word()).collect());
    }
    let mut encoder = Encoder::new(dtype, count);
    for _ in 0..count {
        match dtype {
            DType::Complex64 | DType::Complex128 => encoder.complex(random.unit(), random.unit()),
            DType::Bool => encoder.boolean(random.bit()),
            // The only values of this type are powers of two.
            DType::F8E8M0 => drop(encoder.float(1.0)),
            _ if dtype.is_float() => drop(encoder.float(random.unit())),
            _ => drop(encoder.integer(random.bit().into())),
        }
    }
    encoder.finish(shape)
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix64(u64);

impl SplitMix64 {
    /// A stream of its own for each name, so that the order of inputs does not matter.
    fn new(seed: u64, name: &str) -> Self {
        let mut random = Self(seed);
        for byte in name.bytes() {
            random.0 = random.next() ^ u64::from(byte);
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1, with 24 bits so that no conversion to `f32` can round up to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 40) as f64 / f64::from(1 << 24)
    }

    fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    fn word(&mut self) -> String {
        (0..4).map(|_| char::from(b'a' + (self.next() % 26) as u8)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ortlet::ErrorCode;

    #[test]
    fn the_same_seed_and_name_make_the_same_tensor() {
        for dtype in DType::all() {
            let make = |name, seed| random_tensor(dtype, [50, 2].into(), name, seed).unwrap();
            assert_eq!(make("x", 1), make("x", 1), "{dtype}");
            if dtype != DType::F8E8M0 {
                assert_ne!(make("x", 1), make("x", 2), "{dtype}");
                assert_ne!(make("x", 1), make("y", 1), "{dtype}");
            }
        }
        let known = random_tensor(DType::F32, [2].into(), "", 0).unwrap();
        assert_eq!(known.as_slice::<f32>().unwrap(), [0.883_310_8, 0.431_527_97]);
    }

    #[test]
    fn values_are_in_range_and_huge_shapes_refused() {
        let floats = random_tensor(DType::F32, [10_000].into(), "x", 3).unwrap();
        let floats = floats.as_slice::<f32>().unwrap();
        let mean = floats.iter().sum::<f32>() / 10_000.0;
        assert!(floats.iter().all(|value| (0.0..1.0).contains(value)) && (0.48..0.52).contains(&mean));
        let huge = random_tensor(DType::F32, [1 << 45].into(), "x", 3).unwrap_err();
        assert_eq!(huge.code(), ErrorCode::LimitExceeded);
    }
}
