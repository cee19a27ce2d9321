//! Wrong nodes, wrong inputs and hostile weights of Ortlet's own operators: an error that says what and where.

mod damage;
mod graphs;
mod own_ops;

use damage::Random;
use graphs::{constant, random as random_numbers, whole};
use ortlet::model::{AttributeProto, Model, TensorProto};
use ortlet::tensor::{DType, Tensor};
use ortlet::{Error, ErrorCode, Session};
use ortlet_kernels::Format;
use own_ops::{
    FORMATS, Heads, LinearCase, Weights, assert_close, blob, number, own_model, own_node, run, table, tensor,
    threads, word,
};

const X: (&str, DType, &[&str]) = ("x", DType::F32, &["a", "k"]);

fn load(model: &Model) -> ortlet::Result<Session> {
    Session::from_model(model, &threads(1))
}

fn refused(model: &Model) -> Error {
    load(model).map(drop).expect_err("the model has to be refused")
}

/// That the words say all of this.
fn assert_says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

fn linear(constants: Vec<TensorProto>, names: &[&str], attributes: Vec<AttributeProto>) -> Model {
    own_model(vec![own_node("Linear", names, attributes)], &[X], constants)
}

fn weights() -> Weights {
    Weights::random(1, 12, 20, Format::Int8, true)
}

#[test]
fn inputs_that_do_not_fit_the_weights() {
    let weights = weights();
    let case = LinearCase { has_residual: true, ..LinearCase::plain(&weights) };
    let session = load(&case.model()).unwrap();
    let (x, r) = (tensor(&[1, 2, 12], &[1.0; 24]), tensor(&[1, 2, 20], &[1.0; 40]));
    let failed = |x: &Tensor, r: &Tensor, words: &[&str]| {
        let error = run(&session, &[("x", x), ("r", r)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RuntimeFailed, "{error}");
        assert_says(&error, words);
        assert_says(&error, &["Linear node `own`"]);
    };
    failed(&tensor(&[1, 2, 11], &[1.0; 22]), &r, &["`X`", "[1, 2, 11]", "12"]);
    failed(&x, &tensor(&[2, 1, 20], &[1.0; 40]), &["`residual`", "[2, 1, 20]", "[1, 2, 20]"]);
    failed(&x, &tensor(&[1, 2, 1], &[1.0; 2]), &["`residual`", "[1, 2, 1]"]);
    // Nothing is left behind by the errors.
    let y = run(&session, &[("x", &x), ("r", &r)]).unwrap();
    assert_close(y.as_slice().unwrap(), &case.reference(&[1.0; 24], Some(&[1.0; 40])), 6e-2, "after errors");
}

#[test]
fn wrong_attributes_and_constants() {
    let weights = weights();
    let w = || blob("w", &weights.blob);
    let error = refused(&linear(vec![w()], &["x", "w"], vec![word("activation", "swish")]));
    assert_says(&error, &["own", "activation", "swish", "gelu_tanh"]);
    let error = refused(&linear(vec![w()], &["x", "w"], vec![word("norm", "batch")]));
    assert_says(&error, &["own", "norm", "batch"]);
    let error = refused(&linear(vec![w()], &["x", "w"], vec![whole("activation", 1)]));
    assert_eq!(error.code(), ErrorCode::InvalidModel);
    assert_says(&error, &["own", "`activation`", "type"]);
    let error = refused(&linear(vec![w()], &["x", "w"], vec![word("activations", "relu")]));
    assert_says(&error, &["own", "`activations`"]);
    let norm = || vec![word("norm", "layer"), number("epsilon", 1e-5)];
    let error = refused(&linear(vec![w()], &["x", "w"], norm()));
    assert_says(&error, &["own", "gamma", "constant"]);
    let gamma = constant("gamma", &[19], &[1.0; 19]);
    let error = refused(&linear(vec![w(), gamma], &["x", "w", "", "gamma"], norm()));
    assert_says(&error, &["own", "gamma", "[19]", "[20]"]);
    let gamma = constant("gamma", &[2, 10], &[1.0; 20]);
    let error = refused(&linear(vec![w(), gamma], &["x", "w", "", "gamma"], norm()));
    assert_says(&error, &["own", "gamma", "[2, 10]"]);
    let gamma = constant("gamma", &[20], &[1.0; 20]);
    let error = refused(&linear(vec![w(), gamma], &["x", "w", "", "gamma"], vec![word("norm", "rms")]));
    assert_says(&error, &["own", "epsilon"]);
    // A constant that a run could replace is none.
    let mut model = linear(vec![w()], &["x", "w"], vec![]);
    let size = weights.blob.len().to_string();
    let input = graphs::value("w", DType::U8, &[&size]);
    model.graph.as_mut().unwrap().input.push(input);
    assert_says(&refused(&model), &["own", "`W`", "constant"]);
    // The wrong type.
    let floats = constant("w", &[32], &[1.0; 32]);
    assert_says(&refused(&linear(vec![floats], &["x", "w"], vec![])), &["own"]);
    assert_says(&refused(&linear(vec![], &["x", "x"], vec![])), &["own"]);
}

#[test]
fn layers_that_do_not_follow_each_other() {
    let (up, down) =
        (Weights::random(1, 4, 6, Format::Fp32, false), Weights::random(2, 5, 4, Format::Fp32, false));
    let node = own_node("FeedForward", &["x", "up", "down"], vec![]);
    let model = own_model(vec![node], &[X], vec![blob("up", &up.blob), blob("down", &down.blob)]);
    assert_says(&refused(&model), &["own", "6", "5"]);
}

#[test]
fn wrong_heads_and_masks() {
    let heads = Heads { heads: 2, kv_heads: 2, head_size: 4, scale: 1.0, causal: false, arithmetic: "fp32" };
    let q: (&str, DType, &[&str]) = ("q", DType::F32, &["", "", ""]);
    let k: (&str, DType, &[&str]) = ("k", DType::F32, &["", "", ""]);
    let v: (&str, DType, &[&str]) = ("v", DType::F32, &["", "", ""]);
    let model = |heads: &Heads, inputs: &[(&str, DType, &[&str])], names: &[&str]| {
        own_model(vec![own_node("Attention", names, heads.attributes())], inputs, vec![])
    };
    for wrong in [
        Heads { heads: 0, ..heads },
        Heads { kv_heads: 0, ..heads },
        Heads { head_size: 0, ..heads },
        Heads { heads: 3, ..heads },
        Heads { heads: 1 << 40, kv_heads: 1 << 40, head_size: 1 << 40, ..heads },
    ] {
        assert_says(&refused(&model(&wrong, &[q], &["q"])), &["Attention node `own`", "heads"]);
    }
    let wrong = Heads { arithmetic: "fp8", ..heads };
    assert_says(&refused(&model(&wrong, &[q], &["q"])), &["own", "arithmetic", "fp8"]);
    assert_says(&refused(&model(&heads, &[q, k], &["q", "k"])), &["own", "`K` and `V`"]);
    let negative = own_node("Attention", &["q"], vec![whole("heads", -1)]);
    assert_says(&refused(&own_model(vec![negative], &[q], vec![])), &["own", "`heads`"]);

    let mask: (&str, DType, &[&str]) = ("mask", DType::F32, &["", "", "", ""]);
    let session = load(&model(&heads, &[q, k, v, mask], &["q", "k", "v", "mask"])).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(DType::F32, dims).unwrap();
    let good = [zeros(&[1, 3, 8]), zeros(&[1, 5, 8]), zeros(&[1, 5, 8]), zeros(&[1, 2, 3, 5])];
    let run_with = |at: usize, other: &Tensor| {
        let mut all: Vec<&Tensor> = good.iter().collect();
        all[at] = other;
        run(&session, &[("q", all[0]), ("k", all[1]), ("v", all[2]), ("mask", all[3])])
    };
    run_with(0, &good[0]).unwrap();
    for (at, dims, name) in [
        (0, &[1, 3, 9][..], "`Q`"),
        (0, &[2, 3, 8], "`K`"),
        (1, &[1, 5, 12], "`K`"),
        (1, &[1, 4, 8], "`V`"),
        (2, &[1, 6, 8], "`V`"),
        (3, &[1, 2, 3, 4], "`mask`"),
        (3, &[2, 2, 3, 5], "`mask`"),
        (3, &[0, 2, 3, 5], "`mask`"),
    ] {
        let error = run_with(at, &zeros(dims)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RuntimeFailed);
        assert_says(&error, &["Attention node `own`", name, &format!("{dims:?}")]);
    }
    for dims in [&["", "8"][..], &["", "", "", "8"]] {
        let q: (&str, DType, &[&str]) = ("q", DType::F32, dims);
        let session = load(&model(&heads, &[q], &["q"])).unwrap();
        let error = run(&session, &[("q", &zeros(&vec![8; dims.len()]))]).unwrap_err();
        assert_says(&error, &["own", "`Q`"]);
    }
}

#[test]
fn wrong_windows() {
    let weights = weights();
    let x: (&str, DType, &[&str]) = ("x", DType::F32, &["", "", ""]);
    let model = |kernel: i64, stride: i64, begin: i64, layout: &str| {
        let attributes = vec![
            whole("kernel", kernel),
            whole("stride", stride),
            whole("pad_begin", begin),
            whole("pad_end", 0),
            word("input_layout", layout),
        ];
        own_model(
            vec![own_node("Convolution1d", &["x", "w"], attributes)],
            &[x],
            vec![blob("w", &weights.blob)],
        )
    };
    for (kernel, stride, begin) in [
        (5, 1, 0),
        (0, 1, 0),
        (-3, 1, 0),
        (3, 0, 0),
        (3, -1, 0),
        (3, 1, -1),
        (3, 1, 1 << 40),
        (1 << 62, 1, 0),
    ] {
        assert_says(&refused(&model(kernel, stride, begin, "nlc")), &["Convolution1d node `own`"]);
    }
    assert_says(&refused(&model(3, 1, 0, "nhwc")), &["own", "input_layout", "nhwc"]);
    for (layout, dims) in [("nlc", [2, 6, 5]), ("nlc", [2, 2, 4]), ("ncl", [2, 5, 6]), ("ncl", [2, 4, 2])] {
        let session = load(&model(3, 1, 0, layout)).unwrap();
        let error = run(&session, &[("x", &Tensor::zeros(DType::F32, dims).unwrap())]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::RuntimeFailed);
        assert_says(&error, &["Convolution1d node `own`", "`X`", &format!("{dims:?}")]);
    }
}

#[test]
fn ids_beyond_the_table() {
    let (bytes, _) = table(1, 10, 4, Format::Fp32);
    for dtype in [DType::I64, DType::I32] {
        let node = own_node("Embedding", &["ids", "table"], vec![]);
        let model = own_model(vec![node], &[("ids", dtype, &["a"])], vec![blob("table", &bytes)]);
        let session = load(&model).unwrap();
        for id in [10_i32, -11, i32::MAX, i32::MIN] {
            let ids = match dtype {
                DType::I64 => Tensor::from_vec([3], vec![0, i64::from(id), 1]).unwrap(),
                _ => Tensor::from_vec([3], vec![0, id, 1]).unwrap(),
            };
            let error = run(&session, &[("ids", &ids)]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RuntimeFailed);
            assert_says(&error, &["Embedding node `own`", &id.to_string(), "10"]);
        }
    }
    let node = own_node("Embedding", &["ids", "table"], vec![]);
    let model = own_model(vec![node], &[("ids", DType::F32, &["a"])], vec![blob("table", &bytes)]);
    let error = run(&load(&model).unwrap(), &[("ids", &tensor(&[1], &[1.0]))]).unwrap_err();
    assert_says(&error, &["own", "`ids`", "float", "int64"]);
}

#[test]
fn weights_of_another_kind() {
    let weights = weights();
    let (bytes, _) = table(1, 10, 4, Format::Fp32);
    let error = refused(&linear(vec![blob("w", &bytes)], &["x", "w"], vec![]));
    assert_eq!(error.code(), ErrorCode::InvalidModel);
    assert_says(&error, &["own"]);
    let node = own_node("Embedding", &["ids", "table"], vec![]);
    let model = own_model(vec![node], &[("ids", DType::I64, &["a"])], vec![blob("table", &weights.blob)]);
    assert_eq!(refused(&model).code(), ErrorCode::InvalidModel);
    // Not in the model at all.
    let model =
        own_model(vec![own_node("Linear", &["x", "w"], vec![])], &[X, ("w", DType::U8, &[""])], vec![]);
    let error = refused(&model);
    assert_eq!(error.code(), ErrorCode::InvalidModel);
    assert_says(&error, &["own", "`w`"]);
}

/// Whether bytes are refused with a code that says so.
fn is_refused(bytes: &[u8]) -> bool {
    match load(&linear(vec![blob("w", bytes)], &["x", "w"], vec![])) {
        Ok(_) => false,
        Err(error) => {
            let expected = [ErrorCode::InvalidModel, ErrorCode::Integrity];
            assert!(expected.contains(&error.code()), "{error}");
            assert_says(&error, &["own"]);
            true
        }
    }
}

#[test]
fn damaged_weights_are_found_before_they_are_used() {
    let mut random = Random(7);
    for format in FORMATS {
        let blob = Weights::random(3, 12, 20, format, true).blob;
        assert!(!is_refused(&blob));
        let mut lengths: Vec<usize> = vec![0, 1, 63, 64, 127, 128, 129, blob.len() - 1];
        lengths.extend((0..16).map(|_| random.below(blob.len())));
        lengths.iter().for_each(|&length| assert!(is_refused(&blob[..length]), "{format:?} cut to {length}"));
        assert!(is_refused(&[&blob[..], &[0; 64]].concat()), "{format:?} longer");
        let mut places: Vec<usize> = (0..128).collect();
        places.extend((0..64).map(|_| random.below(blob.len())));
        for at in places {
            let mut damaged = blob.to_vec();
            damaged[at] ^= 1 << random.below(8);
            assert!(is_refused(&damaged), "{format:?} byte {at}");
        }
    }
}

/// A header that was made to fit what it says, as only malice does it.
#[test]
fn hostile_headers_are_refused_or_mean_something() {
    let mut random = Random(8);
    let x = tensor(&[1, 12], &random_numbers(5, 12));
    let (mut refused, mut meant) = (0, 0);
    for format in FORMATS {
        let blob = Weights::random(4, 12, 20, format, true).blob;
        for _ in 0..300 {
            let mut hostile = blob.to_vec();
            for _ in 0..1 + random.below(3) {
                // Beyond the magic, before the checksums.
                let at = 8 + random.below(48);
                hostile[at] = [0, 1, 2, 3, 4, 127, 128, 255][random.below(8)];
            }
            seal(&mut hostile);
            match load(&linear(vec![own_ops::blob("w", &hostile)], &["x", "w"], vec![])) {
                Err(error) => {
                    assert!(
                        [ErrorCode::InvalidModel, ErrorCode::Integrity].contains(&error.code()),
                        "{error}"
                    );
                    refused += 1;
                }
                Ok(session) => {
                    // Whatever it means now, running it does no harm.
                    let _ = run(&session, &[("x", &x)]);
                    meant += 1;
                }
            }
        }
    }
    println!("{refused} refused, {meant} mean something");
    assert!(refused > 100);
}

/// Gives packed weights the checksums of what is in them.
fn seal(blob: &mut [u8]) {
    let payload = xxh64(&blob[128..]);
    blob[56..64].copy_from_slice(&payload.to_le_bytes());
    let header = xxh64(&blob[..64]);
    blob[64..72].copy_from_slice(&header.to_le_bytes());
}

/// XXH64 with the seed 0, of 32 bytes or more.
fn xxh64(bytes: &[u8]) -> u64 {
    const P: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
    let round =
        |lane: u64, word: u64| lane.wrapping_add(word.wrapping_mul(P[1])).rotate_left(31).wrapping_mul(P[0]);
    let mut lanes = [P[0].wrapping_add(P[1]), P[1], 0, 0_u64.wrapping_sub(P[0])];
    let (stripes, rest) = bytes.split_at(bytes.len() / 32 * 32);
    for (at, bytes) in stripes.chunks(8).enumerate() {
        lanes[at % 4] = round(lanes[at % 4], word(bytes));
    }
    let turned = [1, 7, 12, 18].iter().zip(lanes).map(|(&by, lane)| lane.rotate_left(by));
    let mut hash = turned.fold(0, u64::wrapping_add);
    for lane in lanes {
        hash = (hash ^ round(0, lane)).wrapping_mul(P[0]).wrapping_add(P[3]);
    }
    hash = hash.wrapping_add(bytes.len() as u64);
    let (eights, rest) = rest.split_at(rest.len() / 8 * 8);
    for bytes in eights.chunks(8) {
        hash = (hash ^ round(0, word(bytes))).rotate_left(27).wrapping_mul(P[0]).wrapping_add(P[3]);
    }
    let (four, rest) = rest.split_at(rest.len() / 4 * 4);
    if !four.is_empty() {
        hash = (hash ^ word(four).wrapping_mul(P[0])).rotate_left(23).wrapping_mul(P[1]).wrapping_add(P[2]);
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(P[1]);
    hash = (hash ^ hash >> 29).wrapping_mul(P[2]);
    hash ^ hash >> 32
}

/// That sealing does what packing does: otherwise the test above would refuse everything for its checksum.
#[test]
fn sealed_weights_are_as_before() {
    for format in FORMATS {
        let blob = Weights::random(4, 13, 20, format, true).blob;
        let mut sealed = blob.to_vec();
        sealed[56..72].fill(0);
        seal(&mut sealed);
        assert_eq!(sealed, *blob);
    }
}
