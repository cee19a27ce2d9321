//! Many callers of one session with Ortlet's own operators: each gets what it would get alone, to the bit. Deadlines and
//! tokens end runs as ever.

mod graphs;
mod own_ops;

use std::thread;
use std::time::{Duration, Instant};

use graphs::{graph, node, random, value};
use ortlet::model::{AttributeProto, Model};
use ortlet::tensor::{DType, Tensor};
use ortlet::{CancelToken, ErrorCode, RunOptions, Session, SessionOptions};
use ortlet_kernels::Format;
use own_ops::{
    EPSILON, Heads, Weights, beta, blob, gamma, number, own_model, own_node, run, table, threads, word,
};

const CALLERS: usize = 16;
const RUNS: usize = 40;
const WIDTH: usize = 32;

/// Embedding, merged projection, attention, output projection with residual and norm, feed-forward block.
fn encoder(format: Format) -> Model {
    let (bytes, _) = table(1, 50, WIDTH, format);
    let qkv = Weights::random(2, WIDTH, 3 * WIDTH, format, true);
    let out = Weights::random(3, WIDTH, WIDTH, format, true);
    let up = Weights::random(4, WIDTH, 4 * WIDTH, format, true);
    let down = Weights::random(5, 4 * WIDTH, WIDTH, format, true);
    let heads = Heads { heads: 4, kv_heads: 4, head_size: 8, scale: 0.35, causal: false, arithmetic: "fp32" };
    let norm = || vec![word("norm", "layer"), number("epsilon", EPSILON)];
    let named = |mut made: ortlet::model::NodeProto, name: &str| {
        made.name = Some(name.into());
        made.output = vec![name.into()];
        made
    };
    let mut feed = [norm(), vec![word("activation", "gelu")]].concat();
    feed.reverse();
    let nodes = vec![
        named(own_node("Embedding", &["ids", "table"], vec![]), "e"),
        named(own_node("Linear", &["e", "qkv"], vec![]), "m"),
        named(own_node("Attention", &["m"], heads.attributes()), "a"),
        named(own_node("Linear", &["a", "out", "e", "gamma", "beta"], norm()), "o"),
        named(own_node("FeedForward", &["o", "up", "down", "o", "gamma", "beta"], feed), "y"),
    ];
    let constants = vec![
        blob("table", &bytes),
        blob("qkv", &qkv.blob),
        blob("out", &out.blob),
        blob("up", &up.blob),
        blob("down", &down.blob),
        graphs::constant("gamma", &[WIDTH], &gamma(WIDTH)),
        graphs::constant("beta", &[WIDTH], &beta(WIDTH)),
    ];
    own_model(nodes, &[("ids", DType::I64, &["batch", "length"])], constants)
}

/// Texts of several lengths.
fn ids(seed: usize) -> Tensor {
    let (batch, length) = (1 + seed % 3, 1 + seed * 7 % 40);
    let ids = (0..batch * length).map(|at| ((at * 13 + seed * 31) % 50) as i64).collect();
    Tensor::from_vec([batch, length], ids).unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.as_slice::<f32>().unwrap().iter().map(|value| value.to_bits()).collect()
}

#[test]
fn sixteen_callers_get_what_one_gets() {
    for format in own_ops::FORMATS {
        let model = encoder(format);
        let alone = Session::from_model(&model, &threads(1)).unwrap();
        let inputs: Vec<Tensor> = (0..12).map(ids).collect();
        let expected: Vec<_> =
            inputs.iter().map(|ids| bits(&run(&alone, &[("ids", ids)]).unwrap())).collect();
        assert_ne!(expected[3], expected[4]);
        for options in [threads(1), threads(2), SessionOptions::default()] {
            let session = Session::from_model(&model, &options).unwrap();
            thread::scope(|scope| {
                for caller in 0..CALLERS {
                    let (session, inputs, expected) = (&session, &inputs, &expected);
                    scope.spawn(move || {
                        for number in 0..RUNS {
                            let at = (number * 5 + caller) % inputs.len();
                            let y = run(session, &[("ids", &inputs[at])]).unwrap();
                            assert_eq!(bits(&y), expected[at], "{format:?} caller {caller}, run {number}");
                        }
                    });
                }
            });
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    for format in own_ops::FORMATS {
        let session = Session::from_model(&encoder(format), &threads(2)).unwrap();
        let all: Vec<i64> = (0..6 * 9).map(|at| at * 17 % 50).collect();
        let together = run(&session, &[("ids", &Tensor::from_vec([6, 9], all.clone()).unwrap())]).unwrap();
        for (at, part) in bits(&together).chunks(9 * WIDTH).enumerate() {
            let own = Tensor::from_vec([1, 9], all[at * 9..][..9].to_vec()).unwrap();
            assert_eq!(bits(&run(&session, &[("ids", &own)]).unwrap()), part, "{format:?} {at}");
        }
    }
}

/// `y = norm(… norm(norm(x W + x) W + x) …)`, as often as the input `count` says: a run that is as long as it has to be.
fn repeated() -> Model {
    let weights = Weights::random(9, 64, 64, Format::Int8, true);
    let matrix = ["64", "64"];
    let attributes = vec![word("norm", "layer"), number("epsilon", EPSILON)];
    let mut step = own_node("Linear", &["state", "w", "state", "gamma"], attributes);
    step.output = vec!["next".into()];
    let body = graph(
        vec![step, node("Identity", &["on"], &["go"])],
        vec![value("i", DType::I64, &[]), value("on", DType::Bool, &[]), value("state", DType::F32, &matrix)],
        vec![value("go", DType::Bool, &[]), value("next", DType::F32, &matrix)],
        vec![blob("w", &weights.blob), graphs::constant("gamma", &[64], &gamma(64))],
    );
    let body = AttributeProto {
        name: Some("body".into()),
        g: Some(Box::new(body)),
        r#type: Some(5),
        ..Default::default()
    };
    let mut repeat = node("Loop", &["count", "", "x"], &["y"]);
    repeat.attribute.push(body);
    let mut model =
        own_model(vec![repeat], &[("count", DType::I64, &[]), ("x", DType::F32, &matrix)], vec![]);
    if let Some(graph) = &mut model.graph {
        graph.output = vec![value("y", DType::F32, &matrix)];
    }
    model
}

#[test]
fn runs_are_ended_between_operators() {
    let x = Tensor::from_vec([64, 64], random(1, 64 * 64)).unwrap();
    for options in [threads(1), threads(2), SessionOptions::default()] {
        let session = Session::from_model(&repeated(), &options).unwrap();
        let run = |count: i64, options: &RunOptions| {
            let count = Tensor::from_vec([], vec![count]).unwrap();
            session.run_with([("count", &count), ("x", &x)], options)?.remove("y").unwrap().into_tensor()
        };
        let few = run(3, &RunOptions::default()).unwrap();
        let endless = i64::MAX;
        let deadline = RunOptions { deadline: Some(Duration::from_millis(20)), ..Default::default() };
        let start = Instant::now();
        assert_eq!(run(endless, &deadline).unwrap_err().code(), ErrorCode::DeadlineExceeded);
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(bits(&run(3, &deadline_far()).unwrap()), bits(&few));

        let token = CancelToken::new();
        let cancelled = RunOptions { cancel: Some(token.clone()), ..Default::default() };
        let error = thread::scope(|scope| {
            let run = scope.spawn(|| run(endless, &cancelled).unwrap_err());
            thread::sleep(Duration::from_millis(20));
            token.cancel();
            run.join().unwrap()
        });
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert_eq!(bits(&run(3, &RunOptions::default()).unwrap()), bits(&few));
    }
}

fn deadline_far() -> RunOptions {
    RunOptions { deadline: Some(Duration::from_secs(600)), ..Default::default() }
}
