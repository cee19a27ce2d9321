//! Ortlet's own operators ask for no memory once they have run.

mod counting;
mod graphs;
mod own_ops;

use counting::{Counting, allocations_so_far};
use ortlet::model::Model;
use ortlet::tensor::DType;
use ortlet::{Session, SessionOptions};
use ortlet_kernels::Format;
use own_ops::{Heads, LinearCase, Weights, blob, own_model, own_node, table, threads, word};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RUNS: usize = 20;

type Shapes = Vec<(&'static str, Vec<usize>)>;

/// Models, and the shapes of their inputs and outputs.
fn models() -> Vec<(String, Model, Shapes)> {
    let mut models = Vec::new();
    for format in own_ops::FORMATS {
        let weights = Weights::random(1, 48, 80, format, true);
        let case = LinearCase {
            weights: &weights,
            activation: "gelu",
            norm: "layer",
            has_beta: true,
            has_residual: true,
        };
        for rows in [1, 50] {
            let shapes = vec![("x", vec![1, rows, 48]), ("r", vec![1, rows, 80]), ("y", vec![1, rows, 80])];
            models.push((format!("Linear {format:?} {rows}"), case.model(), shapes));
        }
        let down = Weights::random(2, 80, 48, format, true);
        let node = own_node("FeedForward", &["x", "up", "down"], vec![word("activation", "silu")]);
        let constants = vec![blob("up", &weights.blob), blob("down", &down.blob)];
        let model = own_model(vec![node], &[("x", DType::F32, &["a", "48"])], constants);
        models.push((
            format!("FeedForward {format:?}"),
            model,
            vec![("x", vec![40, 48]), ("y", vec![40, 48])],
        ));
    }
    for output in ["nlc", "ncl", "max"] {
        let weights = Weights::random(4, 36, 24, Format::Int8, true);
        let sizes = [("kernel", 3), ("stride", 2), ("pad_begin", 1), ("pad_end", 1)];
        let mut attributes: Vec<_> = sizes.iter().map(|(name, size)| graphs::whole(name, *size)).collect();
        attributes.extend([word("input_layout", "ncl"), word("output", output)]);
        let node = own_node("Convolution1d", &["x", "w"], attributes);
        let model =
            own_model(vec![node], &[("x", DType::F32, &["a", "12", "l"])], vec![blob("w", &weights.blob)]);
        let y = match output {
            "nlc" => vec![2, 100, 24],
            "ncl" => vec![2, 24, 100],
            _ => vec![2, 24],
        };
        models.push((format!("Convolution1d {output}"), model, vec![("x", vec![2, 12, 200]), ("y", y)]));
    }
    let (bytes, _) = table(3, 9, 16, Format::Int8);
    for dtype in [DType::I32, DType::I64] {
        let node = own_node("Embedding", &["ids", "table"], vec![]);
        let model = own_model(vec![node], &[("ids", dtype, &["a"])], vec![blob("table", &bytes)]);
        models.push((format!("Embedding {dtype}"), model, vec![("ids", vec![700]), ("y", vec![700, 16])]));
    }
    for arithmetic in ["fp32", "bf16"] {
        let heads = Heads { heads: 4, kv_heads: 2, head_size: 8, scale: 0.3, causal: true, arithmetic };
        let node = own_node("Attention", &["q"], heads.attributes());
        let model = own_model(vec![node], &[("q", DType::F32, &["a", "b", "64"])], vec![]);
        let shapes = vec![("q", vec![2, 40, 64]), ("y", vec![2, 40, 32])];
        models.push((format!("Attention {arithmetic}"), model, shapes));
    }
    models
}

/// One test, because the count is of the whole process.
#[test]
fn runs_allocate_nothing() {
    let count = allocations_so_far();
    drop(std::hint::black_box(vec![1_u8]));
    assert_eq!(allocations_so_far() - count, 1, "the allocator counts");
    for (name, model, shapes) in models() {
        for options in [threads(1), threads(2), SessionOptions::default()] {
            let session = Session::from_model(&model, &options).unwrap();
            let mut binding = session.bind(shapes.clone()).unwrap();
            // The least of several tries: a worker that had no task so far makes its memory with its first one.
            let mut one_try = || {
                (0..10).for_each(|_| binding.run().unwrap());
                let before = allocations_so_far();
                (0..RUNS).for_each(|_| binding.run().unwrap());
                allocations_so_far() - before
            };
            let least = (0..5).map(|_| one_try()).min();
            assert_eq!(least, Some(0), "{name}, {:?} threads", options.threads);
        }
    }
}
