//! Part one: matrix products of Ortlet's kernels on one thread, beside the machine's peak.

mod bandwidth;
mod clock;
mod data;
mod measure;
mod record;
mod table;

use anyhow::Result;
use ortlet_bench::harness::progress::Progress;
use ortlet_bench::harness::statistics::{median, ratio};
use ortlet_kernels::{Format, Isa};

pub use record::record;
pub use table::text;

use crate::options::Options;

/// Formats of weights, in the order of columns.
pub const FORMATS: [Format; 3] = [Format::Int8, Format::Bf16, Format::Fp32];

/// K and N: the products of MiniLM (width 384), and the first one of a feed-forward block of BERT base (width 768).
const SHAPES: [(usize, usize); 5] = [(384, 384), (384, 1152), (384, 1536), (1536, 384), (768, 3072)];
/// M.
const ROWS: [usize; 5] = [1, 8, 32, 128, 512];
const QUICK_SHAPES: [(usize, usize); 2] = [(384, 384), (384, 1536)];
const QUICK_ROWS: [usize; 3] = [1, 32, 128];

/// A product of [M, K] and [K, N].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    pub isa: Isa,
    pub format: Format,
    pub rows: usize,
    pub k: usize,
    pub n: usize,
}

/// One product with what was measured.
#[derive(Debug)]
pub struct Product {
    pub case: Case,
    /// Why the figures are worth nothing.
    pub problem: Option<String>,
    /// Giga-operations a second, for each burst.
    pub rates: Vec<f64>,
    /// Those of the same instruction on registers alone, right before each burst. None where it is up to the compiler.
    pub peaks: Vec<f64>,
}

/// All of them, and the memory that feeds them.
#[derive(Debug)]
pub struct Products {
    /// Gigabytes a second that one thread reads.
    pub bandwidth: f64,
    pub all: Vec<Product>,
}

impl Case {
    /// Multiplications and additions.
    pub fn operations(&self) -> f64 {
        2.0 * self.rows as f64 * self.k as f64 * self.n as f64
    }

    /// Bytes that have to be read or written at least once: weights as they are stored, inputs and outputs as f32.
    pub fn bytes(&self) -> f64 {
        let weights = self.k * self.n * self.format.bytes();
        (weights + 4 * self.rows * (self.k + self.n)) as f64
    }

    /// Operations for each of these bytes.
    pub fn intensity(&self) -> f64 {
        self.operations() / self.bytes()
    }
}

impl Product {
    /// Giga-operations a second.
    pub fn rate(&self) -> Option<f64> {
        median(self.good(&self.rates))
    }

    /// Those of the instruction on registers alone.
    pub fn peak(&self) -> Option<f64> {
        median(self.good(&self.peaks))
    }

    /// The share of the peak: the median over the bursts, each with the peak right before it.
    pub fn share(&self) -> Option<f64> {
        ratio(self.good(&self.rates), &self.peaks)
    }

    /// What the machine allows at most if everything comes from memory: of the peak and of what memory feeds.
    pub fn roof(&self, bandwidth: f64) -> Option<f64> {
        Some(self.peak()?.min(self.case.intensity() * bandwidth))
    }

    fn good<'a>(&self, values: &'a [f64]) -> &'a [f64] {
        if self.problem.is_none() { values } else { &[] }
    }
}

impl Products {
    /// The instruction sets, in the order of measurement.
    pub fn isas(&self) -> Vec<Isa> {
        let mut isas: Vec<Isa> = self.all.iter().map(|product| product.case.isa).collect();
        isas.dedup();
        isas
    }

    /// The peak of a format: the median of all that was measured.
    pub fn peak(&self, isa: Isa, format: Format) -> Option<f64> {
        let same = self.all.iter().filter(|product| (product.case.isa, product.case.format) == (isa, format));
        median(&same.flat_map(|product| product.good(&product.peaks).to_vec()).collect::<Vec<_>>())
    }
}

/// How people call a format.
pub fn name(format: Format) -> &'static str {
    match format {
        Format::Fp32 => "fp32",
        Format::Fp16 => "fp16",
        Format::Bf16 => "bf16",
        Format::Int8 => "int8",
    }
}

/// Measures everything that the options ask for.
///
/// # Errors
/// The environment names an instruction set that this CPU lacks.
pub fn measure(options: &Options) -> Result<Products> {
    let progress = Progress::default();
    let isas = if options.isas.is_empty() { vec![Isa::active()?] } else { options.isas.clone() };
    let (shapes, rows) =
        if options.quick { (&QUICK_SHAPES[..], &QUICK_ROWS[..]) } else { (&SHAPES[..], &ROWS[..]) };
    progress.show("reading memory");
    let bandwidth = bandwidth::gigabytes_per_second();
    let mut all = Vec::new();
    for isa in isas {
        for format in FORMATS {
            for &(k, n) in shapes {
                progress.show(format_args!("{}: {} [{k}, {n}]", isa.name(), name(format)));
                all.extend(measure::products(isa, format, (k, n), rows));
            }
        }
    }
    Ok(Products { bandwidth, all })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn product(format: Format, rows: usize, rates: &[f64], peaks: &[f64]) -> Product {
        let case = Case { isa: Isa::Portable, format, rows, k: 100, n: 50 };
        Product { case, problem: None, rates: rates.to_vec(), peaks: peaks.to_vec() }
    }

    #[test]
    fn figures_are_of_the_operations_and_bytes_of_the_case() {
        let case = product(Format::Bf16, 2, &[], &[]).case;
        assert_eq!((case.operations(), case.bytes()), (20_000.0, 10_000.0 + 4.0 * 300.0));
        assert_eq!(case.intensity(), 20_000.0 / 11_200.0);
    }

    #[test]
    fn the_share_is_of_the_peak_at_the_same_time() {
        let product = product(Format::Fp32, 1, &[50.0, 5.0, 60.0], &[100.0, 10.0, 100.0]);
        assert_eq!((product.rate(), product.peak(), product.share()), (Some(50.0), Some(100.0), Some(0.5)));
        // Two floating-point operations for a weight of four bytes: memory is the roof.
        let roof = product.roof(10.0).unwrap();
        assert!(roof < 5.0 && roof > 4.0, "{roof}");
        assert_eq!(product.roof(1e9), Some(100.0));
        let bad = Product { problem: Some("wrong".into()), ..product };
        assert_eq!((bad.rate(), bad.share(), bad.roof(1.0)), (None, None, None));
    }
}
