//! How fast linear layers are: GOP/s on one thread, and the share of what the instruction can do at best.
//!
//! Measurements of the peak and of the layer alternate, and the best of many short ones counts, so that other programs on
//! the machine disturb little. Arguments: formats (fp32 fp16 bf16 int8) and shapes (KxN), or nothing for all and for
//! those of MiniLM.

use std::time::Instant;

use ortlet_kernels::{
    Activation, AlignedBytes, Epilogue, FeedForward, Format, Isa, Linear, LinearWeights, Norm, NormKind,
    PackOptions, Packed, Serial, pack_linear, peak,
};

const SHAPES: [(usize, usize); 4] = [(384, 384), (384, 1152), (384, 1536), (1536, 384)];
const ROWS: [usize; 7] = [1, 4, 8, 32, 64, 128, 512];
const ROUNDS: usize = 41;
const PEAK_ROUNDS: usize = 20_000;

/// Operations a second of one short measurement.
fn rate(operations: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let operations = operations();
    operations as f64 / start.elapsed().as_secs_f64()
}

fn best_and_median(mut rates: Vec<f64>) -> (f64, f64) {
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() - 1], rates[rates.len() / 2])
}

fn random(count: usize, mut seed: u64) -> Vec<f32> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn peak_of(format: Format, isa: Isa) -> u64 {
    let peak = match format {
        Format::Int8 => peak::int8(isa, PEAK_ROUNDS),
        Format::Bf16 => peak::bf16(isa, PEAK_ROUNDS),
        Format::Fp32 | Format::Fp16 => peak::f32(isa, PEAK_ROUNDS),
    };
    peak.ok().flatten().or_else(|| peak::f32(isa, PEAK_ROUNDS).ok().flatten()).unwrap_or(0)
}

/// Alternates the peak and the kernel, and prints a line.
fn measure(format: Format, isa: Isa, what: &str, operations: usize, mut kernel: impl FnMut()) {
    let operations = operations as u64;
    let repeat = (200_000_000 / operations).clamp(1, 1000);
    let (mut own, mut peak) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        peak.push(rate(|| peak_of(format, isa)));
        own.push(rate(|| {
            (0..repeat).for_each(|_| kernel());
            operations * repeat
        }));
    }
    let (own, peak) = (best_and_median(own), best_and_median(peak));
    println!(
        "{:12} {what:50} {:7.1} GOP/s  peak {:7.1}  share {:5.1} %  medians {:5.1} %",
        isa.name(),
        own.0 / 1e9,
        peak.0 / 1e9,
        own.0 / peak.0 * 100.0,
        own.1 / peak.1 * 100.0,
    );
}

fn pack(options: &PackOptions<'_>, k: usize, n: usize) -> AlignedBytes {
    let (values, bias) = (random(k * n, 1), random(n, 2));
    pack_linear(&LinearWeights { k, n, values: &values, bias: Some(&bias) }, options).expect("can be packed")
}

fn linear(bytes: &[u8], isa: Isa) -> Linear<'_> {
    Linear::with_isa(Packed::parse(bytes).expect("just packed"), isa).expect("available")
}

/// Layers with nothing but a bias.
fn plain(options: &PackOptions<'_>, isa: Isa, k: usize, n: usize) {
    let bytes = pack(options, k, n);
    let layer = linear(&bytes, isa);
    for rows in ROWS {
        let x = random(rows * k, 3);
        let mut y = vec![0.0; rows * n];
        let what = format!(
            "{:?} K={k} N={n} M={rows}{}{}",
            options.format,
            if options.group { " groups" } else { "" },
            if options.outliers.is_empty() { "" } else { " outliers" },
        );
        measure(options.format, isa, &what, rows * k * n * 2, || {
            layer.forward(rows, &x, None, &mut y, &Epilogue::default(), &Serial).expect("shapes fit");
        });
    }
}

/// What follows a layer, and a whole feed-forward block, as in MiniLM.
fn blocks(format: Format, isa: Isa) {
    let (width, wide, rows) = (384, 1536, 128);
    let options = PackOptions::new(format);
    let (up, down) = (pack(&options, width, wide), pack(&options, wide, width));
    let (up, down) = (linear(&up, isa), linear(&down, isa));
    let gamma = random(width, 4);
    let norm = Some(Norm { kind: NormKind::Layer, epsilon: 1e-12, gamma: &gamma, beta: Some(&gamma) });
    let (x, residual) = (random(rows * wide, 5), random(rows * width, 6));
    let operations = rows * width * wide * 2;
    let mut y = vec![0.0; rows * wide];
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu] {
        let epilogue = Epilogue { activation, norm: None };
        measure(
            format,
            isa,
            &format!("{format:?} {width}x{wide} M={rows} {activation:?}"),
            operations,
            || {
                up.forward(rows, &x[..rows * width], None, &mut y, &epilogue, &Serial).expect("shapes fit");
            },
        );
    }
    let y = &mut y[..rows * width];
    let epilogue = Epilogue { activation: Activation::None, norm };
    measure(format, isa, &format!("{format:?} {wide}x{width} M={rows} residual, norm"), operations, || {
        down.forward(rows, &x, Some(&residual), y, &epilogue, &Serial).expect("shapes fit");
    });
    let block = FeedForward::new(up, down, Activation::Gelu).expect("layers fit");
    for rows in [8, 16, 32, 64, 128] {
        let (x, residual) = (&x[..rows * width], &residual[..rows * width]);
        let y = &mut y[..rows * width];
        let what = format!("{format:?} {width}x{wide}x{width} M={rows} feed-forward");
        measure(format, isa, &what, 4 * rows * width * wide, || {
            block.forward(rows, x, Some(residual), y, norm, &Serial).expect("shapes fit");
        });
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_format = |wanted: &&String| !wanted.contains('x');
    let all = wanted.iter().find(is_format).is_none();
    let wants = |name: &str| all || wanted.iter().any(|wanted| wanted == name);
    let isa = Isa::active().expect("ORTLET_KERNELS names an instruction set of this CPU");
    for (name, format) in
        [("int8", Format::Int8), ("bf16", Format::Bf16), ("fp32", Format::Fp32), ("fp16", Format::Fp16)]
    {
        if !wants(name) {
            continue;
        }
        let shapes = wanted.iter().filter_map(|wanted| wanted.split_once('x'));
        let shapes = shapes.map(|(k, n)| (k.parse().expect("KxN"), n.parse().expect("KxN")));
        let shapes: Vec<(usize, usize)> = shapes.collect();
        for &(k, n) in if shapes.is_empty() { &SHAPES[..] } else { &shapes } {
            plain(&PackOptions::new(format), isa, k, n);
        }
        if format == Format::Int8 {
            plain(&PackOptions { format, group: false, outliers: &[1, 70, 200, 383] }, isa, 384, 384);
            plain(&PackOptions { format, group: true, outliers: &[] }, isa, 1536, 384);
        }
        blocks(format, isa);
    }
}
