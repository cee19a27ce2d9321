//! What tests of kernels share: chance that repeats, threads, and plain references in f64.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::atomic::{AtomicUsize, Ordering};

use ortlet_kernels::{Activation, Format, Isa, Norm, NormKind, Parallel};

/// Numbers that look random: SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn units(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit()).collect()
    }

    /// Magnitudes from 10^-decades to 10^decades.
    pub fn wide(&mut self, count: usize, decades: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * 10_f32.powf(self.unit() * decades)).collect()
    }
}

/// Real threads, a new set for each call.
pub struct Threads(pub usize);

// SAFETY: the counter gives each index to one thread, and the scope ends when all threads have.
unsafe impl Parallel for Threads {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= tasks {
                    break;
                }
                task(index);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.0 {
                scope.spawn(work);
            }
            work();
        });
    }
}

/// The error function, by its series and by the continued fraction of its complement.
pub fn erf(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude > 6.0 {
        return x.signum();
    }
    if magnitude < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let mut fraction = magnitude;
    for n in (1..200).rev() {
        fraction = magnitude + f64::from(n) / 2.0 / fraction;
    }
    let complement = (-magnitude * magnitude).exp() / fraction / std::f64::consts::PI.sqrt();
    x.signum() * (1.0 - complement)
}

pub fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2_f64.sqrt())),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

pub fn normalise(norm: &Norm<'_>, row: &mut [f64]) {
    let count = row.len() as f64;
    let mean = if norm.kind == NormKind::Layer { row.iter().sum::<f64>() / count } else { 0.0 };
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    for (at, x) in row.iter_mut().enumerate() {
        let beta = norm.beta.map_or(0.0, |beta| f64::from(beta[at]));
        *x = (*x - mean) / (variance + f64::from(norm.epsilon)).sqrt() * f64::from(norm.gamma[at]) + beta;
    }
}

/// Whether activations are rounded to bf16 there.
pub fn rounds_to_bf16(isa: Isa, format: Format) -> bool {
    format == Format::Bf16 && matches!(isa, Isa::Avx512Bf16 | Isa::NeonI8mm)
}

/// The nearest bf16, found among both neighbours.
pub fn bf16(value: f32) -> f32 {
    let low = f32::from_bits(value.to_bits() & 0xffff_0000);
    let high = f32::from_bits(low.to_bits().wrapping_add(0x1_0000));
    let (below, above) =
        ((f64::from(value) - f64::from(low)).abs(), (f64::from(high) - f64::from(value)).abs());
    let even = low.to_bits() & 0x1_0000 == 0;
    if below < above || (below == above && even) { low } else { high }
}

/// A product in f64, and the sum of the magnitudes that went into each element.
pub fn product(rows: usize, k: usize, n: usize, x: &[f32], weights: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut magnitudes) = (vec![0.0; rows * n], vec![0.0; rows * n]);
    for row in 0..rows {
        for at in 0..k {
            let value = f64::from(x[row * k + at]);
            for column in 0..n {
                let product = value * f64::from(weights[at * n + column]);
                sums[row * n + column] += product;
                magnitudes[row * n + column] += product.abs();
            }
        }
    }
    (sums, magnitudes)
}

pub const FORMATS: [Format; 4] = [Format::Fp32, Format::Fp16, Format::Bf16, Format::Int8];

pub const ACTIVATIONS: [Activation; 5] =
    [Activation::None, Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Silu];

/// The bits, so that NaN can be compared too.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
