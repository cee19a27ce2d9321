//! fp32, fp16 and bf16 against f64: all instruction sets, many shapes, ordinary and wild values.

mod common;

use common::{FORMATS, Random, bf16, product, rounds_to_bf16};
use ortlet_kernels::{
    Epilogue, Format, Isa, Linear, LinearWeights, PackOptions, Packed, Serial, pack_linear, unpack,
};

/// Rows, K, N.
fn shapes() -> Vec<(usize, usize, usize)> {
    if cfg!(miri) {
        return vec![(1, 1, 1), (3, 5, 17), (9, 2, 33)];
    }
    let mut shapes = vec![
        (1, 1, 1),
        (1, 384, 384),
        (33, 384, 50),
        (5, 1536, 48),
        (64, 31, 64),
        (65, 3, 15),
        (70, 7, 100),
        (130, 64, 16),
    ];
    let mut random = Random(1);
    shapes.extend((1..=17).map(|rows| (rows, 1 + random.below(70), 1 + random.below(120))));
    shapes.extend((0..25).map(|_| (1 + random.below(70), 1 + random.below(140), 1 + random.below(140))));
    shapes
}

struct Case {
    rows: usize,
    k: usize,
    n: usize,
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
}

impl Case {
    fn check(&self, isa: Isa, format: Format) {
        let Self { rows, k, n, x, weights, bias } = self;
        let (rows, k, n) = (*rows, *k, *n);
        let weights = LinearWeights { k, n, values: weights, bias: bias.as_deref() };
        let bytes = pack_linear(&weights, &PackOptions::new(format)).unwrap();
        let packed = Packed::parse(&bytes).unwrap();
        let effective = unpack(&packed);
        let linear = Linear::with_isa(packed, isa).unwrap();
        let mut y = vec![f32::NAN; rows * n];
        linear.forward(rows, x, None, &mut y, &Epilogue::default(), &Serial).unwrap();
        let rounded: Vec<f32> = x.iter().map(|x| bf16(*x)).collect();
        let native = rounds_to_bf16(isa, format);
        let (expected, magnitudes) = product(rows, k, n, if native { &rounded } else { x }, &effective);
        // Each sum and, without FMA, each product is rounded. Native bf16 takes denormal numbers for 0.
        let largest =
            |values: &[f32]| values.iter().fold(0_f64, |largest, x| largest.max(f64::from(x.abs())));
        let lost = (largest(x).max(largest(&effective)) + 1.0) * k as f64 * 1.3e-38;
        for at in 0..rows * n {
            let bias = bias.as_ref().map_or(0.0, |bias| f64::from(bias[at % n]));
            let bound = (magnitudes[at] + bias.abs()) * (2 * k + 4) as f64 * 2_f64.powi(-24) + lost;
            let error = (f64::from(y[at]) - expected[at] - bias).abs();
            assert!(error <= bound, "{isa:?} {format:?} {rows} {k} {n} at {at}: {error} > {bound}");
        }
    }
}

fn all(check: impl Fn(Isa, Format)) {
    for isa in Isa::available() {
        for format in FORMATS.into_iter().filter(|format| *format != Format::Int8) {
            check(isa, format);
        }
    }
}

#[test]
fn products_of_many_shapes_are_right() {
    let mut random = Random(2);
    for (rows, k, n) in shapes() {
        let (x, weights) = (random.units(rows * k), random.units(k * n));
        let bias = (n % 2 == 0).then(|| random.units(n));
        let case = Case { rows, k, n, x, weights, bias };
        all(|isa, format| case.check(isa, format));
    }
}

#[test]
fn products_of_wide_ranges_are_right() {
    let mut random = Random(3);
    for (rows, k, n) in shapes().into_iter().take(12) {
        let mut x = random.wide(rows * k, 30.0);
        let mut weights = random.wide(k * n, 3.0);
        // Rows, columns and single values that are 0.
        x[..k].fill(0.0);
        weights.iter_mut().skip(n - 1).step_by(n).for_each(|weight| *weight = 0.0);
        weights[0] = 0.0;
        let case = Case { rows, k, n, x, weights, bias: None };
        all(|isa, format| case.check(isa, format));
    }
}

#[test]
fn products_of_denormal_numbers_are_right() {
    let mut random = Random(4);
    let (rows, k, n) = if cfg!(miri) { (2, 5, 17) } else { (9, 13, 20) };
    let x: Vec<f32> = (0..rows * k).map(|_| f32::from_bits(random.next() as u32 & 0x807f_ffff)).collect();
    let weights = random.wide(k * n, 3.0);
    let case = Case { rows, k, n, x, weights, bias: None };
    all(|isa, format| case.check(isa, format));
    let x = random.units(rows * k);
    // The smallest numbers of each format.
    let weights: Vec<f32> = (0..k * n).map(|_| random.unit() * 2_f32.powi(-15)).collect();
    let case = Case { rows, k, n, x, weights, bias: None };
    all(|isa, format| case.check(isa, format));
}

/// What is not finite goes through as in any sum, and no further than its row and its column.
#[test]
fn nan_and_infinities_stay_in_their_row_and_column() {
    let mut random = Random(5);
    let (rows, k, n) = (10, 21, 37);
    let mut x = random.units(rows * k);
    x[2 * k + 3] = f32::NAN;
    x[4 * k + 20] = f32::INFINITY;
    x[9 * k] = f32::NEG_INFINITY;
    let mut weights: Vec<f32> = random.units(k * n).iter().map(|weight| weight.abs() + 0.5).collect();
    for isa in Isa::available() {
        for format in [Format::Fp32, Format::Fp16, Format::Bf16] {
            let special = format != Format::Fp16;
            weights[7 * n + 11] = if special { f32::NAN } else { 1.0 };
            let matrix = LinearWeights { k, n, values: &weights, bias: None };
            let bytes = pack_linear(&matrix, &PackOptions::new(format)).unwrap();
            let linear = Linear::with_isa(Packed::parse(&bytes).unwrap(), isa).unwrap();
            let mut y = vec![0.0; rows * n];
            linear.forward(rows, &x, None, &mut y, &Epilogue::default(), &Serial).unwrap();
            for (at, y) in y.iter().enumerate() {
                let (row, column) = (at / n, at % n);
                let expected = match row {
                    _ if row == 2 || (special && column == 11) => y.is_nan(),
                    4 => *y == f32::INFINITY,
                    9 => *y == f32::NEG_INFINITY,
                    _ => y.is_finite(),
                };
                assert!(expected, "{isa:?} {format:?} row {row} column {column}: {y}");
            }
        }
    }
}

/// The values that fill up K and N have no part in anything, not even where others are infinite.
#[test]
fn padding_counts_for_nothing() {
    for isa in Isa::available() {
        for format in [Format::Fp32, Format::Fp16, Format::Bf16] {
            let matrix = LinearWeights { k: 3, n: 1, values: &[1.0, 1.0, 1.0], bias: None };
            let bytes = pack_linear(&matrix, &PackOptions::new(format)).unwrap();
            let linear = Linear::with_isa(Packed::parse(&bytes).unwrap(), isa).unwrap();
            // Behind the third value of the first row lies NaN.
            let x = [1.0, 2.0, 3.0, f32::NAN, 1.0, 1.0, 4.0, 5.0, 6.0];
            let mut y = [0.0; 3];
            linear.forward(3, &x, None, &mut y, &Epilogue::default(), &Serial).unwrap();
            assert_eq!(y[0], 6.0, "{isa:?} {format:?}");
            assert!(y[1].is_nan());
            assert_eq!(y[2], 15.0);
        }
    }
}
