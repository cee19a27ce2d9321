//! Microseconds of attention on one thread, for shapes of encoders and of decoders.
//!
//! `cargo run --release -p ortlet-kernels --example attention_speed [WORD…]`: only lines with all the words.

use std::env;
use std::time::Instant;

use ortlet_kernels::{Arithmetic, Attention, AttentionInputs, Isa, Mask, Serial, View};

struct Shape {
    name: &'static str,
    heads: usize,
    kv_heads: usize,
    size: usize,
    queries: usize,
    keys: usize,
    causal: bool,
    mask: bool,
}

const fn encoder(name: &'static str, size: usize, rows: usize) -> Shape {
    Shape { name, heads: 12, kv_heads: 12, size, queries: rows, keys: rows, causal: false, mask: true }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let decoder = Shape {
        name: "decoder",
        heads: 32,
        kv_heads: 8,
        size: 64,
        queries: 1,
        keys: 4096,
        causal: true,
        mask: false,
    };
    let shapes = [
        encoder("minilm", 32, 16),
        encoder("minilm", 32, 32),
        encoder("minilm", 32, 128),
        Shape { mask: false, ..encoder("minilm-without-mask", 32, 128) },
        Shape { queries: 8, mask: false, ..encoder("few-queries", 32, 128) },
        Shape { queries: 16, mask: false, ..encoder("few-queries", 32, 128) },
        encoder("minilm", 32, 512),
        encoder("bert", 64, 128),
        encoder("bert", 64, 512),
        Shape { queries: 512, keys: 512, ..decoder },
        Shape { keys: 512, ..decoder },
        decoder,
    ];
    for shape in &shapes {
        for isa in Isa::available() {
            for arithmetic in [Arithmetic::Fp32, Arithmetic::Bf16] {
                let Shape { name, heads, kv_heads, size, queries, keys, .. } = *shape;
                let line = format!(
                    "{name:20} {heads:3} heads of {kv_heads:3} x {size:3}, {queries:5} queries, {keys:5} keys, {:12} {arithmetic:?}",
                    isa.name()
                );
                if words.iter().all(|word| line.to_lowercase().contains(&word.to_lowercase())) {
                    let (best, median) = measure(shape, isa, arithmetic);
                    println!("{line}: {best:9.1} us at best, {median:9.1} us in the middle");
                }
            }
        }
    }
}

fn measure(shape: &Shape, isa: Isa, arithmetic: Arithmetic) -> (f64, f64) {
    let &Shape { heads, kv_heads, size, queries, keys, causal, mask, .. } = shape;
    let numbers = |count: usize| -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 % 1000) as f32 - 500.0) / 250.0).collect()
    };
    let (q, k, v) =
        (numbers(queries * heads * size), numbers(keys * kv_heads * size), numbers(keys * kv_heads * size));
    let view = |data, row_stride| View { data, batch_stride: 0, row_stride, head_stride: size };
    let values = vec![0.0; keys];
    let inputs = AttentionInputs {
        batch: 1,
        queries,
        keys,
        q: view(&q, heads * size),
        k: view(&k, kv_heads * size),
        v: view(&v, kv_heads * size),
        mask: mask.then_some(Mask { values: &values, dims: [1, 1, 1, keys] }),
    };
    let scale = 1.0 / (size as f32).sqrt();
    let attention = Attention { heads, kv_heads, head_size: size, scale, causal, arithmetic };
    let mut y = vec![0.0; queries * heads * size];
    let mut run = || {
        let start = Instant::now();
        attention.forward_with(isa, &inputs, &mut y, &Serial).expect("the shapes fit");
        start.elapsed().as_secs_f64() * 1e6
    };
    let once = run();
    let mut times: Vec<f64> = (0..((300_000.0 / once) as usize).clamp(5, 10_000)).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}
