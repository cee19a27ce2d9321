//! What only looks like a layer or a feed-forward block is left alone, and the rest of the graph computes as before.

mod changed_graphs;
mod common;
mod graphs;
mod lowering;

use std::collections::BTreeMap;

use changed_graphs::{
    attention, check, feed_forward, float, input_of, replace, run, show, weight, wholes, with,
};
use graphs::{constant, graph, model, node, random, value, whole};
use lowering::{Similarity, counts, lowered};
use ortlet::Calibration;
use ortlet::lower::{KernelPrecision, Learned, LowerOptions, lower};
use ortlet::model::{
    AttributeProto, FunctionProto, GraphProto, Model, NoExternalData, NodeProto, ValueInfoProto,
};
use ortlet::quantize::{ChannelStatistics, TensorStatistics};
use ortlet::tensor::DType;

#[test]
fn the_models_that_are_changed_have_blocks() {
    check("attention", attention(), |_| {}, [2, 0, 1, 0]);
    check("feed forward", feed_forward(), |_| {}, [0, 1, 0, 0]);
}

#[test]
fn look_alikes_of_layers() {
    check(
        "bias for rows",
        feed_forward(),
        |g| {
            g.initializer.push(constant("column", &[1, 1], &[0.5]));
            input_of(g, "h", 1, "column");
        },
        [2, 0, 0, 0],
    );
    check("between is an output", feed_forward(), |g| show(g, "a"), [2, 0, 0, 0]);
    check("before the activation is an output", feed_forward(), |g| show(g, "h"), [2, 0, 0, 0]);
    check(
        "GELU with another root",
        feed_forward(),
        |g| {
            g.initializer.retain(|tensor| tensor.name() != "root");
            g.initializer.push(constant("root", &[], &[1.5]));
        },
        [2, 0, 0, 0],
    );
    check(
        "GELU of something else",
        feed_forward(),
        |g| {
            g.node.insert(2, node("Neg", &["h"], &["n"]));
            input_of(g, "he", 0, "n");
        },
        [2, 0, 0, 0],
    );
    check(
        "residual that is stretched",
        feed_forward(),
        |g| {
            g.node.insert(0, with(node("ReduceMax", &["x"], &["max"]), whole("keepdims", 1)));
            input_of(g, "r", 1, "max");
        },
        [0, 1, 0, 0],
    );
    // ONNX Runtime itself forgets the axis where it joins the sum to the normalization, so there is nothing to compare.
    let mut over_two = feed_forward();
    replace(
        &mut over_two,
        "y",
        vec![with(node("LayerNormalization", &["r", "gamma"], &["y"]), whole("axis", -2))],
    );
    let own = lowered(&model(over_two), KernelPrecision::Fp32);
    assert_eq!(own.blocks[0].output, "r");
    check(
        "NaN among the weights",
        feed_forward(),
        |g| {
            g.initializer.retain(|tensor| tensor.name() != "wup");
            let mut numbers = random(5, 64 * 128);
            numbers[77] = f32::NAN;
            g.initializer.push(constant("wup", &[64, 128], &numbers));
        },
        [0, 0, 0, 0],
    );
    check(
        "weights that the caller may give",
        feed_forward(),
        |g| {
            g.input.push(value("wup", DType::F32, &["64", "128"]));
            g.input.push(value("wdown", DType::F32, &["128", "64"]));
        },
        [0, 0, 0, 0],
    );
    check(
        "read inside of a node",
        feed_forward(),
        |g| {
            let branch = |name: &str| {
                let nodes = vec![node("Identity", &["a"], &[name])];
                graph(nodes, vec![], vec![value(name, DType::F32, &["", "", ""])], vec![])
            };
            let attribute = |name: &str, inner: GraphProto| AttributeProto {
                name: Some(name.into()),
                g: Some(Box::new(inner)),
                r#type: Some(5),
                ..Default::default()
            };
            let mut choice = node("If", &["yes"], &["chosen"]);
            choice.attribute =
                vec![attribute("then_branch", branch("t")), attribute("else_branch", branch("f"))];
            g.node.push(node("Greater", &["one", "half"], &["yes"]));
            g.node.push(choice);
            show(g, "chosen");
        },
        [2, 0, 0, 0],
    );
}

#[test]
fn attributes_that_change_the_meaning() {
    let gemm = |attribute: Vec<AttributeProto>| {
        let nodes = vec![
            node("Reshape", &["x", "two"], &["rows"]),
            NodeProto { attribute, ..node("Gemm", &["rows", "wx", "bx"], &["g"]) },
            node("Reshape", &["g", "back"], &["y"]),
        ];
        let constants = vec![
            weight("wx", &[64, 64]),
            weight("bx", &[64]),
            wholes("two", &[-1, 64]),
            wholes("back", &[1, -1, 64]),
        ];
        graph(
            nodes,
            vec![value("x", DType::F32, &["b", "s", "64"])],
            vec![value("y", DType::F32, &["", "", ""])],
            constants,
        )
    };
    check("plain", gemm(vec![]), |_| {}, [1, 0, 0, 0]);
    check(
        "transposed weight, alpha",
        gemm(vec![whole("transB", 1), float("alpha", 0.5)]),
        |_| {},
        [1, 0, 0, 0],
    );
    check("beta", gemm(vec![float("beta", 0.5)]), |_| {}, [0, 0, 0, 0]);
    let mut strange = gemm(vec![float("alpha", f32::NAN)]);
    strange.node[1].attribute.push(whole("transB", 0));
    assert!(lowered(&model(strange), KernelPrecision::Fp32).blocks.is_empty());
    // Rows and columns of the left side change places.
    let left = gemm(vec![whole("transA", 1)]);
    assert!(lowered(&model(left), KernelPrecision::Fp32).blocks.is_empty());
}

#[test]
fn models_that_are_left_alone() {
    let plain = model(feed_forward());
    let with_opset = |version: i64| {
        let mut model = plain.clone();
        model.opset_import[0].version = Some(version);
        model
    };
    for version in [6, 99] {
        let model = with_opset(version);
        let own = lowered(&model, KernelPrecision::Fp32);
        assert!(own.blocks.is_empty() && own.model == model, "{version}");
    }
    let mut redefined = plain.clone();
    redefined.functions.push(FunctionProto { name: Some("Erf".into()), ..Default::default() });
    assert!(lowered(&redefined, KernelPrecision::Fp32).blocks.is_empty());
    let small = graph(
        vec![node("MatMul", &["x", "w0"], &["y"])],
        vec![value("x", DType::F32, &["b", "s", "64"])],
        vec![value("y", DType::F32, &["", "", ""])],
        vec![weight("w0", &[64, 15])],
    );
    check("too small", small, |_| {}, [0, 0, 0, 0]);
}

#[test]
fn old_formats_keep_their_constants() {
    let mut plain = feed_forward();
    let inputs = plain.initializer.iter().map(|tensor| {
        let dims: Vec<String> = tensor.dims.iter().map(ToString::to_string).collect();
        value(tensor.name(), DType::F32, &dims.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let inputs: Vec<ValueInfoProto> = inputs.collect();
    plain.input.extend(inputs);
    let old = Model { ir_version: Some(3), ..model(plain) };
    let own = lowered(&old, KernelPrecision::Fp32);
    assert_eq!(counts(&own), [0, 1, 0, 0]);
    assert_eq!(own.model.graph.as_ref().unwrap().input.len(), 1);
    Similarity { error: 2e-5, cosine: 0.999_99 }.assert("old", &run(&old, 2, 3), &run(&own.model, 2, 3));
}

#[test]
fn channels_that_stand_out_stay_floats() {
    // Two channels of the input are much larger than the others.
    let plain = model(feed_forward());
    let mut max_magnitude = vec![1.0_f32; 64];
    (max_magnitude[5], max_magnitude[40]) = (60.0, 50.0);
    let channels = ChannelStatistics { count: 9, max_magnitude, sum_of_squares: vec![1.0; 64] };
    let statistics = TensorStatistics { channels: Some(channels), ..Default::default() };
    let tensors = BTreeMap::from([("x".to_owned(), statistics)]);
    let calibration = Calibration { sample_count: 1, tensors };
    let options = LowerOptions { precision: KernelPrecision::Int8, ..Default::default() };
    let outliers = |options: &LowerOptions, calibration: Option<&Calibration>| {
        let own =
            lower(&plain, options, &Learned { calibration, ..Default::default() }, &NoExternalData).unwrap();
        let graph = own.model.graph.unwrap();
        let blobs = graph.initializer.iter().filter(|tensor| tensor.dtype() == Ok(DType::U8));
        let counts = blobs
            .map(|blob| u32::from_le_bytes(*blob.raw_data.as_ref().unwrap()[44..].first_chunk().unwrap()));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(outliers(&options, Some(&calibration)), [2, 0]);
    assert_eq!(
        outliers(&LowerOptions { outlier_channels: 0, ..options.clone() }, Some(&calibration)),
        [0, 0]
    );
    assert_eq!(outliers(&options, None), [0, 0]);
    let fp32 = LowerOptions { precision: KernelPrecision::Fp32, ..options };
    assert_eq!(outliers(&fp32, Some(&calibration)), [0, 0]);
}

#[test]
fn the_normalization_before_tells_which_channels_stand_out() {
    let mut own = feed_forward();
    own.node.insert(0, node("LayerNormalization", &["x", "scale"], &["n"]));
    input_of(&mut own, "u", 0, "n");
    let mut scale = vec![1.0_f32; 64];
    scale[7] = 90.0;
    own.initializer.push(constant("scale", &[64], &scale));
    let own = lowered(&model(own), KernelPrecision::Int8);
    let graph = own.model.graph.unwrap();
    let blob = graph.initializer.iter().find(|tensor| tensor.name().starts_with("u/packed")).unwrap();
    assert_eq!(blob.raw_data.as_ref().unwrap()[44..48], 1_u32.to_le_bytes());
}
