//! Ortlet's own operators compute what plain formulas give, in every ONNX Runtime that is supported.

mod graphs;
mod own_ops;
mod process;

use graphs::random;
use ortlet::model::Model;
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::tensor::{DType, Tensor};
use ortlet::{Session, SessionOptions};
use ortlet_kernels::Format;
use own_ops::reference::{self, Call};
use own_ops::{
    FORMATS, Heads, LinearCase, Weights, assert_close, blob, own_model, own_node, run, table, tensor,
    threads, tolerance, word,
};

const ACTIVATIONS: [&str; 5] = ["none", "relu", "gelu", "gelu_tanh", "silu"];
const NORMS: [(&str, bool); 4] = [("none", false), ("layer", true), ("layer", false), ("rms", false)];

/// Results with one thread and with two, which have to be the same to the bit.
fn both(model: &Model, inputs: &[(&str, &Tensor)]) -> Vec<f32> {
    let one = run(&Session::from_model(model, &threads(1)).unwrap(), inputs).unwrap();
    for options in [threads(2), SessionOptions::default()] {
        let other = run(&Session::from_model(model, &options).unwrap(), inputs).unwrap();
        assert_eq!(bits(&one), bits(&other), "{:?}", options.threads);
    }
    one.as_slice::<f32>().unwrap().to_vec()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.as_slice::<f32>().unwrap().iter().map(|value| value.to_bits()).collect()
}

fn check_linear(case: &LinearCase<'_>, dims: [usize; 2]) {
    let (k, n) = (case.weights.k, case.weights.n);
    let rows = dims[0] * dims[1];
    let (x, r) = (random(5, rows * k), random(6, rows * n));
    let x_tensor = tensor(&[dims[0], dims[1], k], &x);
    let r_tensor = tensor(&[dims[0], dims[1], n], &r);
    let mut inputs = vec![("x", &x_tensor)];
    if case.has_residual {
        inputs.push(("r", &r_tensor));
    }
    let y = both(&case.model(), &inputs);
    let expected = case.reference(&x, case.has_residual.then_some(&r[..]));
    let LinearCase { activation, norm, has_residual, .. } = case;
    let what = format!("{:?} {k}x{n} {rows} rows {activation} {norm} {has_residual}", case.weights.format);
    assert_close(&y, &expected, tolerance(case.weights.format), &what);
}

#[test]
fn linear_with_all_that_follows() {
    for format in FORMATS {
        let weights = Weights::random(1, 40, 24, format, true);
        for activation in ACTIVATIONS {
            for (norm, has_beta) in NORMS {
                for has_residual in [false, true] {
                    let case = LinearCase { weights: &weights, activation, norm, has_beta, has_residual };
                    check_linear(&case, [2, 3]);
                }
            }
        }
    }
}

#[test]
fn linear_of_all_shapes() {
    for format in FORMATS {
        for (k, n, dims) in [
            (1, 1, [1, 1]),
            (1, 17, [3, 1]),
            (3, 5, [1, 7]),
            (16, 16, [1, 1]),
            (64, 48, [2, 16]),
            (129, 33, [1, 19]),
            (256, 130, [1, 1]),
            (384, 96, [4, 32]),
        ] {
            for has_bias in [false, true] {
                let weights = Weights::random(2, k, n, format, has_bias);
                check_linear(&LinearCase::plain(&weights), dims);
            }
        }
    }
}

#[test]
fn no_rows_and_vectors_give_what_they_should() {
    let weights = Weights::random(3, 8, 5, Format::Fp32, true);
    let full = LinearCase { norm: "layer", has_residual: true, ..LinearCase::plain(&weights) };
    let session = Session::from_model(&full.model(), &threads(2)).unwrap();
    let y = run(&session, &[("x", &tensor(&[0, 3, 8], &[])), ("r", &tensor(&[0, 3, 5], &[]))]).unwrap();
    assert_eq!(y.shape().dims(), [0, 3, 5]);

    // Any rank.
    let node = own_node("Linear", &["x", "w"], vec![]);
    let x = random(7, 8);
    let expected = LinearCase::plain(&weights).reference(&x, None);
    for dims in [&["8"][..], &["1", "8"], &["1", "1", "1", "1", "8"]] {
        let model = own_model(vec![node.clone()], &[("x", DType::F32, dims)], vec![blob("w", &weights.blob)]);
        let shape: Vec<usize> = dims.iter().map(|dim| dim.parse().unwrap()).collect();
        let y =
            run(&Session::from_model(&model, &threads(1)).unwrap(), &[("x", &tensor(&shape, &x))]).unwrap();
        assert_eq!(y.shape().dims()[..dims.len() - 1], shape[..dims.len() - 1]);
        assert_close(y.as_slice().unwrap(), &expected, 2e-5, "a vector");
    }
}

fn feed_forward(up: &Weights, down: &Weights, activation: &str, norm: &str) -> Model {
    let attributes = vec![
        word("activation", activation),
        word("norm", norm),
        own_ops::number("epsilon", own_ops::EPSILON),
    ];
    let mut constants = vec![blob("up", &up.blob), blob("down", &down.blob)];
    let mut names = vec!["x", "up", "down", "r"];
    if norm != "none" {
        constants.push(graphs::constant("gamma", &[down.n], &own_ops::gamma(down.n)));
        names.push("gamma");
    }
    if norm == "layer" {
        constants.push(graphs::constant("beta", &[down.n], &own_ops::beta(down.n)));
        names.push("beta");
    }
    let inputs: [(&str, DType, &[&str]); 2] =
        [("x", DType::F32, &["a", "k"]), ("r", DType::F32, &["a", "n"])];
    own_model(vec![own_node("FeedForward", &names, attributes)], &inputs, constants)
}

#[test]
fn feed_forward_is_two_layers() {
    for format in FORMATS {
        let up = Weights::random(11, 24, 70, format, true);
        let down = Weights::random(13, 70, 24, format, true);
        for activation in ["relu", "gelu", "gelu_tanh", "silu"] {
            for norm in ["none", "layer", "rms"] {
                for rows in [1, 21] {
                    let (x, r) = (random(8, rows * 24), random(9, rows * 24));
                    let model = feed_forward(&up, &down, activation, norm);
                    let y = both(&model, &[("x", &tensor(&[rows, 24], &x)), ("r", &tensor(&[rows, 24], &r))]);
                    let mut wide = reference::product(&x, &up.values(), up.bias.as_deref(), 24, 70);
                    reference::activate(activation, &mut wide);
                    let bias = down.bias.as_deref();
                    let mut expected = reference::product_of(&wide, &down.values(), bias, 70, 24);
                    let beta = (norm == "layer").then(|| own_ops::beta(24));
                    reference::finish(&mut expected, Some(&r), norm, &own_ops::gamma(24), beta.as_deref());
                    let what = format!("{format:?} {activation} {norm} {rows}");
                    assert_close(&y, &expected, 2.0 * tolerance(format), &what);
                }
            }
        }
    }
}

#[test]
fn embedding_gives_the_rows() {
    let ids = [0_i64, 36, -1, 5, -37, 5];
    for format in [Format::Fp32, Format::Fp16, Format::Bf16, Format::Int8] {
        let (bytes, values) = table(21, 37, 19, format);
        for dtype in [DType::I64, DType::I32] {
            let node = own_node("Embedding", &["ids", "table"], vec![]);
            let model = own_model(vec![node], &[("ids", dtype, &["a", "b"])], vec![blob("table", &bytes)]);
            for count in [6, 0, 1200] {
                let ids: Vec<i64> = ids.iter().copied().cycle().take(count).collect();
                let expected: Vec<f32> = ids
                    .iter()
                    .flat_map(|&id| {
                        let row = if id < 0 { id + 37 } else { id } as usize;
                        values[row * 19..][..19].to_vec()
                    })
                    .collect();
                let dims = [2, count / 2];
                let ids = match dtype {
                    DType::I64 => Tensor::from_vec(dims, ids).unwrap(),
                    _ => Tensor::from_vec(dims, ids.iter().map(|&id| id as i32).collect()).unwrap(),
                };
                assert_eq!(both(&model, &[("ids", &ids)]), expected, "{format:?} {dtype} {count}");
            }
        }
    }
}

const HEADS: Heads =
    Heads { heads: 4, kv_heads: 4, head_size: 8, scale: 0.35, causal: false, arithmetic: "fp32" };

fn attention_model(heads: &Heads, inputs: &[(&str, DType, &[&str])], names: &[&str]) -> Model {
    own_model(vec![own_node("Attention", names, heads.attributes())], inputs, vec![])
}

fn check_attention(heads: &Heads, call: Call, mask_dims: Option<&[usize]>) {
    let Call { batch, queries, keys } = call;
    let (own, shared) = (heads.heads * heads.head_size, heads.kv_heads * heads.head_size);
    let q = random(31, batch * queries * own);
    let (k, v) = (random(32, batch * keys * shared), random(33, batch * keys * shared));
    let count = mask_dims.map_or(0, |dims| dims.iter().product());
    // Where all keys of a query have the same, one so large would swallow the scores.
    let is_shared = mask_dims.is_some_and(|dims| dims.ends_with(&[1]));
    let hides = |value: f32| value > 0.6 && !is_shared;
    let mask: Vec<f32> =
        random(34, count).into_iter().map(|value| if hides(value) { -1e9 } else { value }).collect();
    let full: Vec<usize> = mask_dims.map_or(vec![], |dims| [&vec![1; 4 - dims.len()][..], dims].concat());
    let mask_at = |b: usize, h: usize, s: usize, key: usize| {
        let at = |place: usize, index: usize| if full[place] == 1 { 0 } else { index };
        let place = || ((at(0, b) * full[1] + at(1, h)) * full[2] + at(2, s)) * full[3] + at(3, key);
        if full.is_empty() { 0.0 } else { f64::from(mask[place()]) }
    };
    let expected = reference::attention(heads, call, [&q, &k, &v], mask_at);
    let (own_name, shared_name) = (own.to_string(), shared.to_string());
    let (own_dims, shared_dims) = (["b", "q", &own_name], ["b", "s", &shared_name]);
    let free = ["", "", "", ""];
    let mut inputs: Vec<(&str, DType, &[&str])> =
        vec![("q", DType::F32, &own_dims), ("k", DType::F32, &shared_dims), ("v", DType::F32, &shared_dims)];
    let mut names = vec!["q", "k", "v"];
    if let Some(dims) = mask_dims {
        inputs.push(("mask", DType::F32, &free[..dims.len()]));
        names.push("mask");
    }
    let what = format!(
        "{batch} x {queries} x {keys}, mask {mask_dims:?}, {} causal {}",
        heads.arithmetic, heads.causal
    );
    let tolerance = if heads.arithmetic == "bf16" { 3e-2 } else { 2e-5 };
    let model = attention_model(heads, &inputs, &names);
    let mask_tensor = tensor(mask_dims.unwrap_or(&[0]), &mask);
    let tensors = [
        tensor(&[batch, queries, own], &q),
        tensor(&[batch, keys, shared], &k),
        tensor(&[batch, keys, shared], &v),
    ];
    let mut given = vec![("q", &tensors[0]), ("k", &tensors[1]), ("v", &tensors[2])];
    if mask_dims.is_some() {
        given.push(("mask", &mask_tensor));
    }
    assert_close(&both(&model, &given), &expected, tolerance, &what);
    if queries != keys {
        return;
    }
    // The same merged.
    let merged: Vec<f32> = (0..batch * queries)
        .flat_map(|row| {
            [&q[row * own..][..own], &k[row * shared..][..shared], &v[row * shared..][..shared]].concat()
        })
        .collect();
    let width = own + 2 * shared;
    let width_name = width.to_string();
    let merged_dims = ["b", "s", &width_name];
    inputs.splice(0..3, [("q", DType::F32, &merged_dims[..])]);
    names.splice(1..3, ["", ""]);
    while names.last() == Some(&"") {
        names.pop();
    }
    let merged = tensor(&[batch, queries, width], &merged);
    let mut given = vec![("q", &merged)];
    if mask_dims.is_some() {
        given.push(("mask", &mask_tensor));
    }
    assert_close(
        &both(&attention_model(heads, &inputs, &names), &given),
        &expected,
        tolerance,
        &format!("merged {what}"),
    );
}

#[test]
fn attention_with_masks_and_without() {
    let call = Call { batch: 2, queries: 5, keys: 5 };
    for arithmetic in ["fp32", "bf16"] {
        let heads = Heads { arithmetic, ..HEADS };
        let masks: [&[usize]; 7] =
            [&[5, 5], &[1, 5], &[1, 5, 5], &[4, 5, 5], &[2, 1, 1, 5], &[2, 4, 5, 5], &[1, 1, 5, 1]];
        check_attention(&heads, call, None);
        masks.iter().for_each(|mask| check_attention(&heads, call, Some(mask)));
        check_attention(&Heads { causal: true, ..heads }, call, None);
    }
}

#[test]
fn attention_of_other_sizes() {
    for (batch, queries, keys) in [(1, 1, 1), (3, 1, 9), (1, 33, 33), (2, 7, 3), (1, 130, 130)] {
        check_attention(&HEADS, Call { batch, queries, keys }, None);
    }
    let call = Call { batch: 2, queries: 6, keys: 6 };
    for (heads, kv_heads, head_size) in [(6, 2, 5), (1, 1, 3), (8, 1, 16), (2, 2, 64), (3, 3, 80)] {
        let scale = 1.0 / (head_size as f32).sqrt();
        check_attention(&Heads { heads, kv_heads, head_size, scale, ..HEADS }, call, None);
    }
}

#[test]
fn attention_of_nothing() {
    let inputs: [(&str, DType, &[&str]); 3] = [
        ("q", DType::F32, &["b", "q", "32"]),
        ("k", DType::F32, &["b", "s", "32"]),
        ("v", DType::F32, &["b", "s", "32"]),
    ];
    let session =
        Session::from_model(&attention_model(&HEADS, &inputs, &["q", "k", "v"]), &threads(2)).unwrap();
    let run_sizes = |batch: usize, queries: usize, keys: usize| {
        let (q, k) = (random(1, batch * queries * 32), random(2, batch * keys * 32));
        let (q, k) = (tensor(&[batch, queries, 32], &q), tensor(&[batch, keys, 32], &k));
        run(&session, &[("q", &q), ("k", &k), ("v", &k)]).unwrap()
    };
    assert_eq!(run_sizes(0, 3, 3).shape().dims(), [0, 3, 32]);
    assert_eq!(run_sizes(2, 0, 3).shape().dims(), [2, 0, 32]);
    // A sum over no keys.
    assert!(run_sizes(1, 2, 0).as_slice::<f32>().unwrap().iter().all(|&value| value == 0.0));

    let merged: [(&str, DType, &[&str]); 1] = [("q", DType::F32, &["b", "s", "96"])];
    let session = Session::from_model(&attention_model(&HEADS, &merged, &["q"]), &threads(1)).unwrap();
    for dims in [[0, 4, 96], [3, 0, 96]] {
        let y = run(&session, &[("q", &tensor(&dims, &[]))]).unwrap();
        assert_eq!(y.shape().dims(), [dims[0], dims[1], 32]);
    }
}

const LAYOUTS: [&str; 2] = ["nlc", "ncl"];

/// Sizes of a convolution.
struct Windows {
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: [usize; 2],
}

fn convolution_model(weights: &Weights, windows: &Windows, layout: &str, output: &str) -> Model {
    let attributes = vec![
        graphs::whole("kernel", windows.kernel as i64),
        graphs::whole("stride", windows.stride as i64),
        graphs::whole("pad_begin", windows.padding[0] as i64),
        graphs::whole("pad_end", windows.padding[1] as i64),
        word("activation", "gelu"),
        word("input_layout", layout),
        word("output", output),
    ];
    let node = own_node("Convolution1d", &["x", "w"], attributes);
    own_model(vec![node], &[("x", DType::F32, &["", "", ""])], vec![blob("w", &weights.blob)])
}

/// Swaps the second and the third dimension.
fn transposed(values: &[f32], [batch, rows, columns]: [usize; 3]) -> Vec<f32> {
    let place = |at: usize| {
        let (b, column, row) = (at / (rows * columns), at / rows % columns, at % rows);
        values[(b * rows + row) * columns + column]
    };
    (0..batch * rows * columns).map(place).collect()
}

#[test]
fn convolution_multiplies_windows() {
    let all = [
        Windows { channels: 3, kernel: 4, stride: 1, padding: [0, 0] },
        Windows { channels: 16, kernel: 5, stride: 2, padding: [3, 1] },
        Windows { channels: 7, kernel: 1, stride: 1, padding: [0, 2] },
    ];
    let (batch, n) = (2, 20);
    for format in FORMATS {
        for windows in &all {
            let Windows { channels, kernel, stride, padding } = *windows;
            for length in [5, 40] {
                let weights = Weights::random(41, kernel * channels, n, format, true);
                let x = random(42, batch * length * channels);
                let count = (length + padding[0] + padding[1] - kernel) / stride + 1;
                let mut rows = Vec::new();
                for b in 0..batch {
                    for window in 0..count {
                        for at in 0..kernel * channels {
                            let position = (window * stride + at / channels).checked_sub(padding[0]);
                            let position = position.filter(|&position| position < length);
                            rows.push(position.map_or(0.0, |position| {
                                x[(b * length + position) * channels + at % channels]
                            }));
                        }
                    }
                }
                let mut y = reference::product(
                    &rows,
                    &weights.values(),
                    weights.bias.as_deref(),
                    kernel * channels,
                    n,
                );
                reference::activate("gelu", &mut y);
                let largest = |b: usize, column: usize| {
                    let of_batch = &y[b * count * n..][..count * n];
                    of_batch[column..].iter().step_by(n).copied().fold(f64::NEG_INFINITY, f64::max)
                };
                let most: Vec<f64> = (0..batch * n).map(|at| largest(at / n, at % n)).collect();
                for layout in LAYOUTS {
                    let x = match layout {
                        "nlc" => tensor(&[batch, length, channels], &x),
                        _ => tensor(&[batch, channels, length], &transposed(&x, [batch, length, channels])),
                    };
                    for output in ["nlc", "ncl", "max"] {
                        let model = convolution_model(&weights, windows, layout, output);
                        let given = both(&model, &[("x", &x)]);
                        let what = format!("{format:?} {kernel} {stride} {length} {layout} {output}");
                        let (given, expected) = match output {
                            "ncl" => (transposed(&given, [batch, n, count]), &y),
                            "nlc" => (given, &y),
                            _ => (given, &most),
                        };
                        assert_close(&given, expected, tolerance(format), &what);
                    }
                }
            }
        }
    }
    // No sequences at all.
    let weights = Weights::random(41, 12, n, Format::Fp32, true);
    for (output, dims) in [("nlc", vec![0, 6, n]), ("ncl", vec![0, n, 6]), ("max", vec![0, n])] {
        let model = convolution_model(&weights, &all[0], "nlc", output);
        let y = run(&Session::from_model(&model, &threads(1)).unwrap(), &[("x", &tensor(&[0, 9, 3], &[]))])
            .unwrap();
        assert_eq!(y.shape().dims(), dims);
    }
}

/// Every other test of this file once more in processes with other versions of ONNX Runtime.
#[test]
fn older_runtimes_compute_the_same() {
    let runtimes =
        std::path::PathBuf::from(std::env::var_os("ORTLET_TEST_RUNTIMES").expect("run `cargo xtask test`"));
    for version in ["1.24.1", "1.27.0"] {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        tests.args(["--skip", "older_runtimes", "--include-ignored"]);
        let output = tests
            .env("ORTLET_RUNTIME", runtimes.join(version))
            .env("ORTLET_TEST_EXPECTED_RUNTIME", version)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{version}: {words}");
        assert!(words.contains("10 passed"), "{version}: {words}");
    }
}

/// For the test above: that the version is the one that was meant.
#[test]
#[ignore = "run by older_runtimes_compute_the_same"]
fn the_runtime_is_the_one_meant() {
    let version = std::env::var("ORTLET_TEST_EXPECTED_RUNTIME").unwrap();
    assert_eq!(Runtime::load(&RuntimeOptions::default()).unwrap().version(), version);
}
