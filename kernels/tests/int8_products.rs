//! int8 against exact whole numbers: codes, sums, groups, outlier channels.

mod common;

use common::{Random, product};
use ortlet_kernels::{
    CodedWeights, Epilogue, Format, Isa, Linear, LinearWeights, PackOptions, Packed, Serial, pack_codes,
    pack_linear, unpack,
};

/// Scale, zero point and codes of values, written down plainly.
fn quantize(values: &[f32]) -> (f32, i64, Vec<i64>) {
    if values.iter().any(|value| !value.is_finite()) {
        return (f32::NAN, 0, vec![0; values.len()]);
    }
    let low = values.iter().fold(0_f32, |low, value| low.min(*value));
    let high = values.iter().fold(0_f32, |high, value| high.max(*value));
    let range = high - low;
    let scale = if range.is_finite() { range / 255.0 } else { high / 255.0 - low / 255.0 };
    if scale < f32::MIN_POSITIVE {
        return (0.0, 0, vec![0; values.len()]);
    }
    let zero = (f64::from(-low / scale).round_ties_even() as i64).clamp(0, 255);
    let inverse = 1.0 / scale;
    let code = |value: &f32| (f64::from(*value * inverse).round_ties_even() as i64 + zero).clamp(0, 255);
    (scale, zero, values.iter().map(code).collect())
}

struct Case {
    rows: usize,
    k: usize,
    n: usize,
    x: Vec<f32>,
    weights: Vec<f32>,
    outliers: Vec<u32>,
    group: bool,
}

impl Case {
    fn random(
        random: &mut Random,
        (rows, k, n): (usize, usize, usize),
        outliers: usize,
        group: bool,
    ) -> Self {
        let mut outliers: Vec<u32> = (0..outliers).map(|_| random.below(k) as u32).collect();
        outliers.sort_unstable();
        outliers.dedup();
        let (x, weights) = (random.units(rows * k), random.units(k * n));
        Self { rows, k, n, x, weights, outliers, group }
    }

    fn packed(&self) -> ortlet_kernels::AlignedBytes {
        let weights = LinearWeights { k: self.k, n: self.n, values: &self.weights, bias: None };
        let options = PackOptions { format: Format::Int8, group: self.group, outliers: &self.outliers };
        pack_linear(&weights, &options).unwrap()
    }

    fn run(&self, isa: Isa, bytes: &[u8]) -> Vec<f32> {
        let linear = Linear::with_isa(Packed::parse(bytes).unwrap(), isa).unwrap();
        let mut y = vec![f32::NAN; self.rows * self.n];
        linear.forward(self.rows, &self.x, None, &mut y, &Epilogue::default(), &Serial).unwrap();
        y
    }

    /// Codes of the weights, \[K, N\], by dividing what they are in effect by their scale.
    fn codes(&self, bytes: &[u8]) -> (Vec<i64>, Vec<f32>) {
        let packed = Packed::parse(bytes).unwrap();
        let scales = packed.scales()[..self.n].to_vec();
        let mut codes = Vec::new();
        for (at, weight) in unpack(&packed).into_iter().enumerate() {
            let is_outlier = self.outliers.contains(&((at / self.n) as u32));
            codes.push(if is_outlier { 0 } else { (weight / scales[at % self.n]).round() as i64 });
        }
        (codes, scales)
    }

    /// Compares with whole numbers: equal to the last bit without groups and outlier channels, else as far off as sums
    /// of `f32` may be.
    fn check_exactly(&self) {
        let bytes = self.packed();
        let (codes, scales) = self.codes(&bytes);
        let width = if self.group { 128 } else { self.k };
        for isa in Isa::available() {
            let y = self.run(isa, &bytes);
            for row in 0..self.rows {
                let x = &self.x[row * self.k..][..self.k];
                let without: Vec<f32> = (0..self.k)
                    .map(|at| if self.outliers.contains(&(at as u32)) { 0.0 } else { x[at] })
                    .collect();
                let groups: Vec<_> = without.chunks(width).map(quantize).collect();
                for column in 0..self.n {
                    let y = y[row * self.n + column];
                    let parts = groups.iter().enumerate().map(|(group, (scale, zero, coded))| {
                        let code = |at: usize| codes[(group * width + at) * self.n + column];
                        let sum: i64 = coded.iter().enumerate().map(|(at, x)| (x - zero) * code(at)).sum();
                        (sum, *scale)
                    });
                    let parts: Vec<_> = parts.collect();
                    let place =
                        format!("{isa:?} {} {} {} row {row} column {column}", self.rows, self.k, self.n);
                    if let ([(sum, scale)], [], false) = (&parts[..], &self.outliers[..], self.group) {
                        let expected = *sum as f32 * scales[column] * scale;
                        assert!(y == expected || y.is_nan() && expected.is_nan(), "{place}: {y} {expected}");
                        continue;
                    }
                    let scaled = parts.iter().map(|(sum, scale)| *sum as f64 * f64::from(*scale));
                    let scaled = scaled.map(|sum| sum * f64::from(scales[column]));
                    let kept = self.outliers.iter().map(|at| {
                        f64::from(x[*at as usize]) * f64::from(self.weights[*at as usize * self.n + column])
                    });
                    let terms: Vec<f64> = scaled.chain(kept).collect();
                    let magnitude: f64 = terms.iter().map(|term| term.abs()).sum();
                    let error = (terms.iter().sum::<f64>() - f64::from(y)).abs();
                    let bound = magnitude * (terms.len() + 4) as f64 * 2_f64.powi(-23);
                    assert!(error <= bound, "{place}: {error} > {bound}");
                }
            }
        }
    }
}

fn shapes() -> Vec<(usize, usize, usize)> {
    if cfg!(miri) {
        return vec![(1, 1, 1), (3, 5, 17), (9, 6, 33)];
    }
    let mut shapes =
        vec![(1, 1, 1), (2, 384, 70), (9, 384, 48), (3, 1536, 40), (65, 9, 20), (130, 64, 17), (8, 4, 384)];
    let mut random = Random(10);
    shapes.extend((1..=17).map(|rows| (rows, 1 + random.below(70), 1 + random.below(120))));
    shapes.extend((0..15).map(|_| (1 + random.below(70), 1 + random.below(140), 1 + random.below(140))));
    shapes
}

#[test]
fn sums_of_codes_are_exact() {
    let mut random = Random(11);
    for shape in shapes() {
        Case::random(&mut random, shape, 0, false).check_exactly();
    }
}

#[test]
fn groups_and_outlier_channels_are_added() {
    let mut random = Random(12);
    let shapes = if cfg!(miri) {
        vec![(1, 130, 2)]
    } else {
        vec![
            (3, 384, 40),
            (9, 128, 50),
            (10, 129, 17),
            (5, 1000, 33),
            (17, 257, 16),
            (4, 7, 9),
            (12, 600, 52),
        ]
    };
    for shape in shapes {
        for outliers in [0, 1, 4] {
            for group in [false, true] {
                Case::random(&mut random, shape, outliers, group).check_exactly();
            }
        }
    }
    if cfg!(miri) {
        return;
    }
    // Every channel, and the first and the last.
    Case { outliers: (0..5).collect(), ..Case::random(&mut random, (3, 5, 20), 0, false) }.check_exactly();
    Case { outliers: vec![0, 129], ..Case::random(&mut random, (3, 130, 20), 0, true) }.check_exactly();
}

#[test]
fn rows_of_all_kinds_are_quantized_the_same_everywhere() {
    let mut random = Random(13);
    let (k, n) = (45, if cfg!(miri) { 2 } else { 18 });
    let mut rows: Vec<Vec<f32>> = vec![
        vec![0.0; k],
        vec![-0.0; k],
        vec![1.0; k],
        vec![-3.0; k],
        random.wide(k, 30.0),
        random.wide(k, 30.0).iter().map(|x| x.abs()).collect(),
        random.wide(k, 30.0).iter().map(|x| -x.abs()).collect(),
        random.units(k).iter().map(|x| x * 3e38).collect(),
        random.units(k).iter().map(|x| x * 1e-36).collect(),
        random.units(k).iter().map(|x| x * 1e-38).collect(),
        random.units(k).iter().map(|x| x * 1e-44).collect(),
        (0..k).map(|at| if at == 44 { f32::MAX } else { -f32::MAX }).collect(),
        // Ties: halves of a step.
        (0..k).map(|at| if at == 0 { 255.0 } else { at as f32 + 0.5 }).collect(),
        (0..k)
            .map(|at| {
                if at == 1 {
                    -128.0
                } else if at == 2 {
                    127.0
                } else {
                    0.5 - at as f32
                }
            })
            .collect(),
    ];
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)] {
        for at in [0, 31, 32, 44] {
            let mut row = random.units(k);
            row[at] = value;
            rows.push(row);
        }
    }
    let weights = random.units(k * n);
    let case = Case { rows: rows.len(), k, n, x: rows.concat(), weights, outliers: Vec::new(), group: false };
    case.check_exactly();
    for isa in Isa::available() {
        let y = case.run(isa, &case.packed());
        for (row, x) in rows.iter().enumerate() {
            let y = &y[row * n..][..n];
            if x.iter().any(|x| !x.is_finite()) {
                assert!(y.iter().all(|y| y.is_nan()), "{isa:?} row {row}");
            } else if x.iter().all(|x| *x == 0.0) {
                assert!(y.iter().all(|y| *y == 0.0), "{isa:?} row {row}");
            } else {
                assert!(y.iter().all(|y| !y.is_nan()), "{isa:?} row {row}");
            }
        }
    }
}

/// Not by the same way: the result is as near to the product as half a step of each code allows.
#[test]
fn results_are_within_half_a_step() {
    let mut random = Random(14);
    for (rows, k, n) in shapes().into_iter().take(12) {
        let case = Case::random(&mut random, (rows, k, n), 2, false);
        let bytes = case.packed();
        let effective = unpack(&Packed::parse(&bytes).unwrap());
        let (expected, _) = product(rows, k, n, &case.x, &effective);
        for isa in Isa::available() {
            let y = case.run(isa, &bytes);
            for at in 0..rows * n {
                let x = &case.x[at / n * k..][..k];
                let range =
                    x.iter().fold(0_f32, |high, x| high.max(*x)) - x.iter().fold(0_f32, |low, x| low.min(*x));
                let weights = (0..k).map(|row| f64::from(effective[row * n + at % n].abs())).sum::<f64>();
                let bound = f64::from(range) / 255.0 * 0.5001 * weights + 1e-5;
                let error = (f64::from(y[at]) - expected[at]).abs();
                assert!(error <= bound, "{isa:?} {rows} {k} {n}: {error} > {bound}");
            }
        }
    }
}

/// The largest sums that there can be: 65536 products of the largest codes, which nearly fill 32 bits.
#[test]
#[cfg_attr(miri, ignore = "large")]
fn the_largest_sums_fit() {
    let (k, n) = (1 << 16, 17);
    for (code, x) in [(127_i8, [0.0, 1.0]), (-127, [0.0, 1.0]), (127, [0.0, -1.0]), (-127, [1.0, -1.0])] {
        let values: Vec<f32> = (0..k).map(|at| if at == 0 { x[0] } else { x[1] }).collect();
        let coded = CodedWeights {
            k,
            n,
            codes: &vec![code; k * n],
            scales: &vec![1.0; n],
            bias: None,
            outliers: &[],
            outlier_rows: &[],
            group: false,
        };
        let bytes = pack_codes(&coded).unwrap();
        let (scale, zero, codes) = quantize(&values);
        let sum: i64 = codes.iter().map(|x| (x - zero) * i64::from(code)).sum();
        for isa in Isa::available() {
            let linear = Linear::with_isa(Packed::parse(&bytes).unwrap(), isa).unwrap();
            let mut y = vec![0.0; n];
            linear.forward(1, &values, None, &mut y, &Epilogue::default(), &Serial).unwrap();
            assert_eq!(y, vec![sum as f32 * scale; n], "{isa:?}");
        }
    }
}

/// An outlier channel may be as large as it likes without taking precision from the others.
#[test]
fn outlier_channels_do_not_widen_the_range() {
    let mut random = Random(15);
    let (rows, k, n) = (11, 70, 33);
    for group in [false, true] {
        let mut case = Case::random(&mut random, (rows, k, n), 0, group);
        case.outliers = vec![3, 41, 69];
        for row in 0..rows {
            for outlier in &case.outliers {
                case.x[row * k + *outlier as usize] *= 1e4;
            }
        }
        case.check_exactly();
    }
}

#[test]
fn outlier_channels_that_are_not_finite_make_the_row_nan() {
    let mut random = Random(16);
    for value in [f32::NAN, f32::INFINITY] {
        let mut case = Case::random(&mut random, (4, 20, 19), 0, false);
        case.outliers = vec![5];
        case.x[2 * 20 + 5] = value;
        for isa in Isa::available() {
            for (at, y) in case.run(isa, &case.packed()).iter().enumerate() {
                assert_eq!(y.is_nan(), at / 19 == 2, "{isa:?} {at}");
            }
        }
    }
}
