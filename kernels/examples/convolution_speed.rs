//! Microseconds of a convolution from 256 to 512 channels with windows of 5 positions, and of its largest results.
//!
//! `cargo run --release -p ortlet-kernels --example convolution_speed [WORD…]`: only lines with all the words.

use std::env;
use std::time::Instant;

use ortlet_kernels::{
    Activation, Channels, Convolution1d, ConvolutionInput, ConvolutionOutput, Epilogue, Format, Isa, Linear,
    LinearWeights, PackOptions, Packed, Serial, pack_linear,
};

const CHANNELS: usize = 256;
const KERNEL: usize = 5;
const N: usize = 512;
const LENGTH: usize = 512;

fn main() {
    let words: Vec<String> = env::args().skip(1).map(|word| word.to_lowercase()).collect();
    let windows = LENGTH - KERNEL + 1;
    let numbers = |count: usize| -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 % 1000) as f32 - 500.0) / 500.0).collect()
    };
    let (values, bias, x) = (numbers(CHANNELS * KERNEL * N), numbers(N), numbers(LENGTH * CHANNELS));
    let weights = LinearWeights { k: CHANNELS * KERNEL, n: N, values: &values, bias: Some(&bias) };
    let rows = numbers(windows * CHANNELS * KERNEL);
    let mut y = vec![0.0; N * windows];
    let operations = (2 * windows * CHANNELS * KERNEL * N) as f64;
    for isa in Isa::available() {
        for format in [Format::Fp32, Format::Fp16, Format::Bf16, Format::Int8] {
            let bytes = pack_linear(&weights, &PackOptions::new(format)).expect("finite weights");
            let packed = Packed::parse(&bytes).expect("as packed");
            let linear = Linear::with_isa(packed, isa).expect("an instruction set of this CPU");
            let convolution =
                Convolution1d::new(linear.clone(), CHANNELS, KERNEL, 1).expect("the shape fits");
            let measure = |what: &str, run: &mut dyn FnMut()| {
                let line = format!("{:12} {format:?} {what}", isa.name());
                if words.iter().all(|word| line.to_lowercase().contains(word)) {
                    let time = best(run);
                    println!("{line:55} {time:9.0} us, {:6.1} GOP/s", operations / time / 1e3);
                }
            };
            let epilogue = Epilogue { activation: Activation::GeluTanh, norm: None };
            measure("a linear layer on copied windows", &mut || {
                linear.forward(windows, &rows, None, &mut y, &epilogue, &Serial).expect("it fits");
            });
            for (channels, output) in [
                (Channels::Last, ConvolutionOutput::Last),
                (Channels::Last, ConvolutionOutput::Maximum),
                (Channels::First, ConvolutionOutput::First),
                (Channels::First, ConvolutionOutput::Maximum),
            ] {
                let input = ConvolutionInput { batch: 1, length: LENGTH, x: &x, channels, padding: [0, 0] };
                let results = if output == ConvolutionOutput::Maximum { N } else { N * windows };
                measure(&format!("{channels:?} to {output:?}"), &mut || {
                    let y = &mut y[..results];
                    convolution.forward(&input, Activation::GeluTanh, output, y, &Serial).expect("it fits");
                });
            }
        }
    }
}

fn best(run: &mut dyn FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < 0.2 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64() * 1e6);
    }
    best
}
