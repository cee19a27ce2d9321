//! Bias, activation, residual and norm behind a product, and feed-forward blocks.

mod common;

use common::{ACTIVATIONS, FORMATS, Random, activate, bf16, normalise, product, rounds_to_bf16};
use ortlet_kernels::{
    Activation, AlignedBytes, Epilogue, FeedForward, Format, Isa, KernelError, Linear, LinearWeights, Norm,
    NormKind, PackOptions, Packed, Serial, pack_linear, unpack,
};

fn pack(format: Format, k: usize, n: usize, values: &[f32], bias: Option<&[f32]>) -> AlignedBytes {
    pack_linear(&LinearWeights { k, n, values, bias }, &PackOptions::new(format)).unwrap()
}

fn linear(bytes: &[u8], isa: Isa) -> Linear<'_> {
    Linear::with_isa(Packed::parse(bytes).unwrap(), isa).unwrap()
}

/// 1 times each x, so that only the activation is seen: it may be off by `absolute`, and by `relative` of what is right.
fn activations_are_near(format: Format, n: usize, xs: &[f32], absolute: f64, relative: f64) {
    let bytes = pack(format, 1, n, &vec![1.0; n], None);
    for isa in Isa::available() {
        for activation in ACTIVATIONS {
            let mut y = vec![0.0; xs.len() * n];
            let epilogue = Epilogue { activation, norm: None };
            linear(&bytes, isa).forward(xs.len(), xs, None, &mut y, &epilogue, &Serial).unwrap();
            for (x, y) in xs.iter().zip(y.chunks_exact(n)) {
                let expected = activate(activation, f64::from(*x));
                let bound = absolute + expected.abs() * relative;
                for y in y {
                    let error = (f64::from(*y) - expected).abs();
                    assert!(error <= bound, "{isa:?} {activation:?} {x}: {y} {expected}");
                }
            }
        }
    }
}

#[test]
fn activations_are_within_a_millionth() {
    let step = if cfg!(miri) { 800 } else { 1 };
    let mut xs: Vec<f32> = (-12_000..=12_000).step_by(step).map(|at| at as f32 / 800.0).collect();
    xs.extend([0.0, -0.0, 1e-20, -1e-20, 1e-40, 5.25, -5.25, -5.249_999_5, -12.0, -11.999_999, -104.0]);
    xs.extend([88.0, -88.0, 90.0, -90.0, 103.9, 1e6, -1e6, 1e30, -1e30, 3e38, -3e38, f32::MAX, f32::MIN]);
    activations_are_near(Format::Fp32, 16, &xs, 1e-6, 4e-7);
}

/// Products of rounded numbers are not exact either.
#[test]
fn activations_behind_rounded_products_are_as_near_as_those() {
    let step = if cfg!(miri) { 80 } else { 1 };
    let mut xs: Vec<f32> = (-1200..=1200).step_by(step).map(|at| bf16(at as f32 / 80.0)).collect();
    xs.extend([0.0, -0.0, 4.0, -4.0, 1e6, -1e6, 1e30, -1e30].map(bf16));
    activations_are_near(Format::Bf16, 20, &xs, 1.5e-4, 5e-5);
}

#[test]
fn activations_of_what_is_not_finite() {
    let xs = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let packed = [Format::Fp32, Format::Bf16].map(|format| pack(format, 1, 20, &[1.0; 20], None));
    let cases = packed.iter().flat_map(|bytes| Isa::available().into_iter().map(move |isa| (bytes, isa)));
    for (bytes, isa) in cases {
        for activation in ACTIVATIONS {
            let mut y = [0.0; 60];
            let epilogue = Epilogue { activation, norm: None };
            linear(bytes, isa).forward(3, &xs, None, &mut y, &epilogue, &Serial).unwrap();
            assert!(y[..20].iter().all(|y| y.is_nan()), "{isa:?} {activation:?}");
            assert!(y[20..40].iter().all(|y| *y == f32::INFINITY), "{isa:?} {activation:?}");
            let lowest = if activation == Activation::None { f32::NEG_INFINITY } else { 0.0 };
            assert!(y[40..].iter().all(|y| *y == lowest), "{isa:?} {activation:?} {}", y[40]);
        }
    }
}

/// Everything that may follow a product.
struct Behind {
    activation: Activation,
    residual: Option<Vec<f32>>,
    norm: Option<(NormKind, Vec<f32>, Option<Vec<f32>>)>,
}

impl Behind {
    fn random(random: &mut Random, rows: usize, n: usize) -> Self {
        let norm = match random.below(3) {
            0 => None,
            kind => {
                let kind = if kind == 1 { NormKind::Layer } else { NormKind::Rms };
                let beta = (random.below(2) == 0).then(|| random.units(n));
                Some((kind, random.units(n), beta))
            }
        };
        let residual = (random.below(2) == 0).then(|| random.units(rows * n));
        Self { activation: ACTIVATIONS[random.below(5)], residual, norm }
    }

    /// How far results may be off behind rounded products; norms of few values make errors larger.
    fn bound(&self) -> f64 {
        if matches!(self.activation, Activation::Gelu | Activation::GeluTanh) { 1e-3 } else { 2e-5 }
    }

    fn norm(&self) -> Option<Norm<'_>> {
        let (kind, gamma, beta) = self.norm.as_ref()?;
        Some(Norm { kind: *kind, epsilon: 1e-5, gamma, beta: beta.as_deref() })
    }

    fn apply(&self, n: usize, y: &mut [f64]) {
        y.iter_mut().for_each(|y| *y = activate(self.activation, *y));
        if let Some(residual) = &self.residual {
            y.iter_mut().zip(residual).for_each(|(y, residual)| *y += f64::from(*residual));
        }
        if let Some(norm) = self.norm() {
            y.chunks_exact_mut(n).for_each(|row| normalise(&norm, row));
        }
    }
}

fn close(y: &[f32], expected: &[f64], bound: f64, what: &str) {
    for (at, (y, expected)) in y.iter().zip(expected).enumerate() {
        let error = (f64::from(*y) - expected).abs();
        assert!(error <= bound * (1.0 + expected.abs()), "{what} at {at}: {y} {expected}");
    }
}

#[test]
fn everything_behind_a_product_is_applied_in_order() {
    let mut random = Random(20);
    let count = if cfg!(miri) { 3 } else { 60 };
    for _ in 0..count {
        let limit = if cfg!(miri) { 20 } else { 70 };
        let (rows, k, n) = (1 + random.below(limit), 1 + random.below(40), 2 + random.below(100));
        let (x, weights, bias) = (random.units(rows * k), random.units(k * n), random.units(n));
        let behind = Behind::random(&mut random, rows, n);
        for format in [Format::Fp32, Format::Fp16, Format::Bf16] {
            let bytes = pack(format, k, n, &weights, Some(&bias));
            let effective = unpack(&Packed::parse(&bytes).unwrap());
            for isa in Isa::available() {
                let rounded: Vec<f32> = x.iter().map(|x| bf16(*x)).collect();
                let x = if rounds_to_bf16(isa, format) { &rounded } else { &x };
                let (mut expected, _) = product(rows, k, n, x, &effective);
                expected.iter_mut().enumerate().for_each(|(at, y)| *y += f64::from(bias[at % n]));
                behind.apply(n, &mut expected);
                let mut y = vec![0.0; rows * n];
                let epilogue = Epilogue { activation: behind.activation, norm: behind.norm() };
                let residual = behind.residual.as_deref();
                linear(&bytes, isa).forward(rows, x, residual, &mut y, &epilogue, &Serial).unwrap();
                // A norm of few values that are nearly the same makes errors larger.
                let bound = if format == Format::Bf16 { behind.bound() } else { 0.0 };
                close(&y, &expected, bound.max(1e-4), &format!("{isa:?} {format:?} {rows} {k} {n}"));
            }
        }
    }
}

/// The same outputs as of a product without anything behind it, then what follows in f64: int8 has the same epilogue.
#[test]
fn everything_is_applied_behind_int8_too() {
    let mut random = Random(21);
    for outliers in [&[][..], &[2, 7]] {
        for group in [false, true] {
            let (rows, k, n) = (11, 140, 37);
            let (x, values, bias) = (random.units(rows * k), random.units(k * n), random.units(n));
            let options = PackOptions { format: Format::Int8, group, outliers };
            let plain = LinearWeights { k, n, values: &values, bias: None };
            let plain = pack_linear(&plain, &options).unwrap();
            let full = LinearWeights { k, n, values: &values, bias: Some(&bias) };
            let full = pack_linear(&full, &options).unwrap();
            let behind = Behind::random(&mut random, rows, n);
            for isa in Isa::available() {
                let mut y = vec![0.0; rows * n];
                linear(&plain, isa).forward(rows, &x, None, &mut y, &Epilogue::default(), &Serial).unwrap();
                let bias = |at: usize| f64::from(bias[at % n]);
                let mut expected: Vec<f64> =
                    y.iter().enumerate().map(|(at, y)| f64::from(*y) + bias(at)).collect();
                behind.apply(n, &mut expected);
                let epilogue = Epilogue { activation: behind.activation, norm: behind.norm() };
                let residual = behind.residual.as_deref();
                linear(&full, isa).forward(rows, &x, residual, &mut y, &epilogue, &Serial).unwrap();
                close(&y, &expected, behind.bound(), &format!("{isa:?} {group} {outliers:?}"));
            }
        }
    }
}

/// Around a mean that is large beside the differences.
#[test]
fn norms_do_not_lose_small_differences() {
    let n = 100;
    let values: Vec<f32> = (0..n).map(|at| 1000.0 + (at % 7) as f32 / 16.0).collect();
    let bytes = pack(Format::Fp32, 1, n, &values, None);
    let (gamma, beta) = (vec![1.0; n], vec![0.5; n]);
    for isa in Isa::available() {
        for kind in [NormKind::Layer, NormKind::Rms] {
            let norm = Norm { kind, epsilon: 1e-12, gamma: &gamma, beta: Some(&beta) };
            let mut y = vec![0.0; n];
            let epilogue = Epilogue { activation: Activation::None, norm: Some(norm) };
            linear(&bytes, isa).forward(1, &[1.0], None, &mut y, &epilogue, &Serial).unwrap();
            let mut expected: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            normalise(&norm, &mut expected);
            close(&y, &expected, 1e-3, &format!("{isa:?} {kind:?}"));
        }
    }
}

/// To the last bit what two layers give one after the other, in all formats and for few and many rows.
#[test]
fn a_feed_forward_block_is_two_layers() {
    let mut random = Random(22);
    let (k, width, n) = if cfg!(miri) { (3, 5, 17) } else { (21, 50, 35) };
    let (up, down) = (random.units(k * width), random.units(width * n));
    let (bias_up, bias_down) = (random.units(width), random.units(n));
    for format in FORMATS {
        let up = pack(format, k, width, &up, Some(&bias_up));
        let down = pack(format, width, n, &down, Some(&bias_down));
        for rows in if cfg!(miri) { vec![1, 9] } else { vec![1, 2, 7, 8, 31, 33, 65, 100] } {
            let x = random.units(rows * k);
            let behind = Behind::random(&mut random, rows, n);
            let residual = behind.residual.as_deref();
            for isa in Isa::available() {
                let (up, down) = (linear(&up, isa), linear(&down, isa));
                let (mut between, mut expected) = (vec![0.0; rows * width], vec![0.0; rows * n]);
                let first = Epilogue { activation: behind.activation, norm: None };
                up.forward(rows, &x, None, &mut between, &first, &Serial).unwrap();
                let second = Epilogue { activation: Activation::None, norm: behind.norm() };
                down.forward(rows, &between, residual, &mut expected, &second, &Serial).unwrap();
                let block = FeedForward::new(up, down, behind.activation).unwrap();
                for threads in [1, 3] {
                    let mut y = vec![0.0; rows * n];
                    let pool = common::Threads(threads);
                    block.forward(rows, &x, residual, &mut y, behind.norm(), &pool).unwrap();
                    assert_eq!(y, expected, "{isa:?} {format:?} {rows} rows, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn slices_of_wrong_length_are_errors() {
    let bytes = pack(Format::Fp32, 3, 2, &[0.0; 6], None);
    let layer = linear(&bytes, Isa::Portable);
    let error = |what, expected, found| Err(KernelError::Length { what, expected, found });
    let none = Epilogue::default();
    assert_eq!(layer.forward(2, &[0.0; 5], None, &mut [0.0; 4], &none, &Serial), error("x", 6, 5));
    assert_eq!(layer.forward(2, &[0.0; 6], None, &mut [0.0; 5], &none, &Serial), error("y", 4, 5));
    let residual = [0.0; 3];
    let result = layer.forward(2, &[0.0; 6], Some(&residual), &mut [0.0; 4], &none, &Serial);
    assert_eq!(result, error("residual", 4, 3));
    let result = layer.forward(usize::MAX, &[0.0; 6], None, &mut [0.0; 4], &none, &Serial);
    assert_eq!(result, error("x", usize::MAX, 6));
    for (gamma, beta, what) in [(1, None, "gamma"), (2, Some(3), "beta")] {
        let (gamma, beta) = (vec![1.0; gamma], beta.map(|beta| vec![0.0; beta]));
        let norm = Norm { kind: NormKind::Layer, epsilon: 0.0, gamma: &gamma, beta: beta.as_deref() };
        let epilogue = Epilogue { activation: Activation::None, norm: Some(norm) };
        let result = layer.forward(2, &[0.0; 6], None, &mut [0.0; 4], &epilogue, &Serial);
        assert!(matches!(result, Err(KernelError::Length { what: name, .. }) if name == what), "{result:?}");
        let block = FeedForward::new(layer.clone(), layer.clone(), Activation::None);
        assert!(matches!(block, Err(KernelError::Shape(_))));
    }
}

#[test]
fn no_rows_are_no_work() {
    let bytes = pack(Format::Int8, 3, 3, &[1.0; 9], None);
    for isa in Isa::available() {
        for threads in [1, 4] {
            let pool = common::Threads(threads);
            let layer = linear(&bytes, isa);
            layer.forward(0, &[], Some(&[]), &mut [], &Epilogue::default(), &pool).unwrap();
            let block = FeedForward::new(layer.clone(), layer, Activation::Gelu).unwrap();
            block.forward(0, &[], None, &mut [], None, &pool).unwrap();
        }
    }
}
