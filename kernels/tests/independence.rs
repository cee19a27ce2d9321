//! A row's result depends on nothing but the row: not on threads, nor on other rows.

mod common;

use common::{FORMATS, Random, Threads, bits};
use ortlet_kernels::{
    Activation, AlignedBytes, Epilogue, FeedForward, Format, Isa, Linear, LinearWeights, Norm, NormKind,
    PackOptions, Packed, Parallel, Serial, pack_linear,
};

/// Under Miri, and on Arm, which checks emulate.
const SLOW: bool = cfg!(any(miri, target_arch = "aarch64"));

fn pack(random: &mut Random, format: Format, k: usize, n: usize, outliers: &[u32]) -> AlignedBytes {
    let (values, bias) = (random.units(k * n), random.units(n));
    let int8 = format == Format::Int8;
    let outliers = if int8 { outliers } else { &[] };
    let options = PackOptions { format, group: int8 && !outliers.is_empty(), outliers };
    pack_linear(&LinearWeights { k, n, values: &values, bias: Some(&bias) }, &options).unwrap()
}

/// A layer and a feed-forward block with everything, on some rows.
struct Model<'w> {
    layer: Linear<'w>,
    block: FeedForward<'w>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Model<'_> {
    fn run(&self, x: &[f32], residual: &[f32], pool: &dyn Parallel) -> Vec<Vec<u32>> {
        let (k, n) = (self.layer.k(), self.layer.n());
        let rows = x.len() / k;
        let norm = Norm { kind: NormKind::Layer, epsilon: 1e-6, gamma: &self.gamma, beta: Some(&self.beta) };
        let mut results = Vec::new();
        for norm in [None, Some(norm)] {
            for residual in [None, Some(residual)] {
                let mut y = vec![0.0; rows * n];
                let epilogue = Epilogue { activation: Activation::Silu, norm };
                self.layer.forward(rows, x, residual, &mut y, &epilogue, pool).unwrap();
                results.push(bits(&y));
                self.block.forward(rows, x, residual, &mut y, norm, pool).unwrap();
                results.push(bits(&y));
            }
        }
        results
    }
}

fn each(check: impl Fn(&Model<'_>, &mut Random, &str)) {
    let mut random = Random(30);
    let shapes: &[(usize, usize, usize)] = if SLOW { &[(5, 20, 18)] } else { &[(5, 7, 18), (130, 100, 97)] };
    for &(k, width, n) in shapes {
        for format in FORMATS {
            let outliers: &[u32] = &[1, 3];
            for outliers in if SLOW { vec![outliers] } else { vec![&[], outliers] } {
                let layer = pack(&mut random, format, k, n, outliers);
                let up = pack(&mut random, format, k, width, outliers);
                let down = pack(&mut random, format, width, n, outliers);
                for isa in Isa::available() {
                    let linear = |bytes| Linear::with_isa(Packed::parse(bytes).unwrap(), isa).unwrap();
                    let block = FeedForward::new(linear(&up), linear(&down), Activation::Gelu).unwrap();
                    let (gamma, beta) = (random.units(n), random.units(n));
                    let model = Model { layer: linear(&layer), block, gamma, beta };
                    check(&model, &mut random, &format!("{isa:?} {format:?} {k} {width} {n}"));
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    each(|model, random, what| {
        for rows in if SLOW { vec![3] } else { vec![1, 7, 16, 33, 70, 150] } {
            let x = random.units(rows * model.layer.k());
            let residual = random.units(rows * model.layer.n());
            let expected = model.run(&x, &residual, &Serial);
            for threads in if SLOW { 2..=2 } else { 1..=5 } {
                assert!(
                    model.run(&x, &residual, &Threads(threads)) == expected,
                    "{what}, {rows} rows, {threads} threads"
                );
            }
        }
    });
}

#[test]
fn neighbours_change_nothing() {
    each(|model, random, what| {
        let (k, n) = (model.layer.k(), model.layer.n());
        let rows = if SLOW { 3 } else { 41 };
        let (mut x, residual) = (random.units(rows * k), random.units(rows * n));
        let alone: Vec<_> =
            (0..rows).map(|row| model.run(&x[row * k..][..k], &residual[row * n..][..n], &Serial)).collect();
        // Whatever it is that the neighbours hold.
        for bad in [f32::NAN, f32::INFINITY, 1e38] {
            x[k..2 * k].fill(bad);
            let together = model.run(&x, &residual, &Serial);
            for (row, alone) in alone.iter().enumerate().filter(|(row, _)| *row != 1) {
                for (together, alone) in together.iter().zip(alone) {
                    assert!(together[row * n..][..n] == **alone, "{what}, row {row} of {rows}");
                }
            }
        }
    });
}

/// Many callers at the same time, each with threads of its own.
#[test]
fn callers_do_not_disturb_each_other() {
    let mut random = Random(31);
    let bytes = pack(&mut random, Format::Int8, 30, 40, &[4]);
    let linear = Linear::new(Packed::parse(&bytes).unwrap()).unwrap();
    let most = if SLOW { 1 } else { 9 };
    let inputs: Vec<Vec<f32>> = (1..=8).map(|rows| random.units(rows * most * 30)).collect();
    let run = |x: &[f32], pool: &dyn Parallel| {
        let mut y = vec![0.0; x.len() / 30 * 40];
        linear.forward(x.len() / 30, x, None, &mut y, &Epilogue::default(), pool).unwrap();
        bits(&y)
    };
    let expected: Vec<_> = inputs.iter().map(|x| run(x, &Serial)).collect();
    let rounds = if SLOW { 1 } else { 20 };
    std::thread::scope(|scope| {
        for (x, expected) in inputs.iter().zip(&expected) {
            scope.spawn(|| {
                for _ in 0..rounds {
                    assert!(run(x, &Threads(2)) == *expected);
                }
            });
        }
    });
}
