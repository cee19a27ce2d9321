//! Static int8: whole regions in 8 bits, near to the original by plain onnxruntime, and what onnx's reference evaluator
//! says of the same graph.

mod common;
mod graphs;
mod rewrites;

use common::folder;
use graphs::{constant, graph, model, node, value, whole};
use ortlet::model::{AttributeProto, Model, NodeProto, TensorProto};
use ortlet::quantize::{Calibration, LayerOutcome, RangeMethod};
use ortlet::tensor::{DType, Tensor};
use ortlet::{
    CalibrateOptions, QuantizeMode, QuantizeOptions, Sample, Samples, Session, SessionOptions, calibrate,
    quantize,
};
use rewrites::Cases;
use serde_json::{Value, json};

/// Channels of every image: enough that 8 bits are worth it.
const CHANNELS: usize = 16;
const SIDE: usize = 8;

/// Numbers that look random and are the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() % 2_000_001) as f32 / 1e6 - 1.0).collect()
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }
}

fn random(seed: u64) -> Random {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.next();
    random
}

fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), r#type: Some(7), ..Default::default() }
}

fn with(node: NodeProto, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { attribute, ..node }
}

/// Builds graphs of images of [`CHANNELS`] channels.
struct Builder {
    random: Random,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    count: usize,
}

impl Builder {
    fn new(seed: u64) -> Self {
        Self { random: random(seed), nodes: Vec::new(), constants: Vec::new(), count: 0 }
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn weights(&mut self, dims: &[usize], scale: f32) -> String {
        let name = self.fresh("w");
        let numbers: Vec<f32> =
            self.random.numbers(dims.iter().product()).iter().map(|number| number * scale).collect();
        self.constants.push(constant(&name, dims, &numbers));
        name
    }

    fn op(&mut self, op_type: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = self.fresh("v");
        let named = NodeProto { name: Some(format!("n-{output}")), ..node(op_type, inputs, &[&output]) };
        self.nodes.push(with(named, attributes));
        output
    }

    fn conv(&mut self, input: &str, side: usize, groups: usize) -> String {
        let weight = self.weights(&[CHANNELS, CHANNELS / groups, side, side], 0.3);
        let bias = self.weights(&[CHANNELS], 0.5);
        let pad = (side / 2) as i64;
        let attributes = vec![list("pads", &[pad, pad, pad, pad]), whole("group", groups as i64)];
        self.op("Conv", &[input, &weight, &bias], attributes)
    }

    /// One step of a kind, which keeps the shape of the image.
    fn step(&mut self, kind: usize, input: &str, other: &str) -> String {
        match kind {
            0 | 1 => self.conv(input, 3, 1),
            2 => self.conv(input, 1, 1),
            3 => self.conv(input, 3, CHANNELS),
            4 => self.op("Relu", &[input], vec![]),
            5 => self.op("Add", &[input, other], vec![]),
            6 => {
                let gate = self.op("Sigmoid", &[input], vec![]);
                self.op("Mul", &[input, &gate], vec![])
            }
            7 => {
                self.op("MaxPool", &[input], vec![list("kernel_shape", &[3, 3]), list("pads", &[1, 1, 1, 1])])
            }
            8 => self.op(
                "AveragePool",
                &[input],
                vec![list("kernel_shape", &[3, 3]), list("pads", &[1, 1, 1, 1])],
            ),
            9 => {
                let pooled = self.op("GlobalAveragePool", &[input], vec![]);
                let squeezed = self.conv(&pooled, 1, 1);
                let gate = self.op("HardSigmoid", &[&squeezed], vec![]);
                self.op("Mul", &[input, &gate], vec![])
            }
            10 => {
                let both = self.op("Concat", &[input, other], vec![whole("axis", 1)]);
                let weight = self.weights(&[CHANNELS, 2 * CHANNELS, 1, 1], 0.2);
                self.op("Conv", &[&both, &weight], vec![])
            }
            11 => {
                let turned = self.op("Transpose", &[input], vec![list("perm", &[0, 1, 3, 2])]);
                self.op("LeakyRelu", &[&turned], vec![])
            }
            12 => {
                let (zero, six) = (self.fresh("c"), self.fresh("c"));
                self.constants.extend([constant(&zero, &[], &[0.0]), constant(&six, &[], &[1.5])]);
                self.op("Clip", &[input, &zero, &six], vec![])
            }
            _ => {
                let factor = self.weights(&[CHANNELS, 1, 1], 1.0);
                self.op("Mul", &[input, &factor], vec![])
            }
        }
    }

    fn build(mut self, output: &str) -> Model {
        self.nodes.push(node("Identity", &[output], &["y"]));
        let side = SIDE.to_string();
        let x = value("x", DType::F32, &["1", &CHANNELS.to_string(), &side, &side]);
        model(graph(self.nodes, vec![x], vec![value("y", DType::F32, &["", "", "", ""])], self.constants))
    }
}

const KIND_COUNT: usize = 14;

/// Errors of up to nine layers add up, and `Clip` makes the largest magnitude small.
const FAR: f64 = 0.25;

fn samples(seed: u64) -> Samples {
    let mut random = random(seed);
    let sample = |_| -> Sample {
        let x = random.numbers(CHANNELS * SIDE * SIDE).iter().map(|number| number * 2.0).collect();
        vec![("x".to_owned(), Tensor::from_vec([1, CHANNELS, SIDE, SIDE], x).unwrap().into())]
    };
    (0..16).map(sample).collect::<Vec<_>>().into()
}

fn learn(model: &Model) -> Calibration {
    calibrate(model, &samples(5), &CalibrateOptions::default()).unwrap()
}

fn inputs() -> Value {
    json!({ "x": { "shape": [1, CHANNELS, SIDE, SIDE], "low": -1.9, "high": 1.9 } })
}

fn options() -> QuantizeOptions {
    QuantizeOptions { min_weight_elements: 0, range_method: RangeMethod::MinMax, ..Default::default() }
}

fn layer_names(model: &Model) -> Vec<String> {
    let layers = model.nodes().filter(|at| at.node.op_type() == "Conv");
    layers.map(|at| at.node.name().to_owned()).collect()
}

/// All layers, also those that are slower for it.
fn all_of(names: &[String]) -> QuantizeOptions {
    QuantizeOptions {
        layers: names.iter().map(|name| (name.clone(), QuantizeMode::Int8Static)).collect(),
        ..options()
    }
}

#[test]
fn every_follower_of_a_layer_is_near_to_the_original_and_means_what_onnx_means() {
    let mut cases = Cases::new(folder("static-followers"));
    for kind in 0..KIND_COUNT {
        let mut builder = Builder::new(kind as u64 + 1);
        let first = builder.conv("x", 3, 1);
        let other = if matches!(kind, 5 | 10) { builder.conv("x", 1, 1) } else { "x".to_owned() };
        let between = builder.step(kind, &first, &other);
        let last = builder.conv(&between, 3, 1);
        let mut plain = builder.build(&last);
        // The first that the reference evaluator has all operators of.
        (plain.opset_import[0].version, plain.ir_version) = (Some(21), Some(10));
        let names = layer_names(&plain);
        let (small, report) =
            quantize(&plain, QuantizeMode::Int8Static, Some(&learn(&plain)), &all_of(&names)).unwrap();
        let skipped: Vec<_> = report
            .layers
            .iter()
            .filter(|row| !matches!(row.outcome, LayerOutcome::Quantized { .. }))
            .collect();
        assert!(skipped.is_empty(), "{kind}: {skipped:?}");
        cases.add(&format!("kind-{kind}"), &plain, &small, &inputs(), 0.06);
        // A code more or less where a value lies between two, carried on by the layers behind.
        cases.evaluate(0.02);
    }
    cases.compare();
}

#[test]
fn random_graphs_and_random_subsets_stay_valid_and_near() {
    let mut cases = Cases::new(folder("static-random"));
    for seed in 0..40 {
        let mut builder = Builder::new(seed + 100);
        let mut values = vec![builder.conv("x", 3, 1)];
        for _ in 0..2 + seed % 7 {
            let kind = builder.random.below(KIND_COUNT);
            let input = values[values.len() - 1].clone();
            let other = values[builder.random.below(values.len())].clone();
            values.push(builder.step(kind, &input, &other));
        }
        let mut choice = random(seed + 900);
        let plain = builder.build(&values[values.len() - 1]);
        let names: Vec<String> = layer_names(&plain).into_iter().filter(|_| choice.below(4) > 0).collect();
        let excluded = layer_names(&plain).into_iter().filter(|name| !names.contains(name)).collect();
        let options = QuantizeOptions { exclude: excluded, ..all_of(&names) };
        let made = quantize(&plain, QuantizeMode::Int8Static, Some(&learn(&plain)), &options);
        let (small, report) = made.unwrap();
        assert!(report.quantized_count as usize <= names.len());
        cases.add(&format!("seed-{seed}"), &plain, &small, &inputs(), FAR);
        // By default, what is slower is left, and that is valid too.
        let (small, _) =
            quantize(&plain, QuantizeMode::Int8Static, Some(&learn(&plain)), &self::options()).unwrap();
        cases.add(&format!("default-{seed}"), &plain, &small, &inputs(), FAR);
    }
    cases.compare();
}

#[test]
fn weights_and_activations_of_every_kind_give_valid_models() {
    for (name, fill) in
        [("zero", 0.0), ("nan", f32::NAN), ("infinite", f32::INFINITY), ("huge", 1e30), ("tiny", 1e-40)]
    {
        let mut builder = Builder::new(7);
        let first = builder.conv("x", 3, 1);
        let last = builder.conv(&first, 3, 1);
        let mut plain = builder.build(&last);
        let weight = &mut plain.graph.as_mut().unwrap().initializer[2];
        let count = weight.element_count().unwrap();
        weight.float_data = vec![fill; count].into();
        let names = layer_names(&plain);
        let (small, report) =
            quantize(&plain, QuantizeMode::Int8Static, Some(&learn(&plain)), &all_of(&names)).unwrap();
        let session = Session::from_model(&small, &SessionOptions::default()).unwrap();
        let Samples::Batches(batches) = samples(5) else { unreachable!() };
        session.run(batches[0].iter().map(|(name, value)| (name, value))).unwrap();
        let is_quantized = matches!(report.layers[1].outcome, LayerOutcome::Quantized { .. });
        assert!(fill.is_finite() || !is_quantized, "{name}");
    }
    // Activations that never change.
    let mut builder = Builder::new(8);
    let zero = builder.fresh("c");
    builder.constants.push(constant(&zero, &[], &[0.0]));
    let flat = builder.op("Mul", &["x", &zero], vec![]);
    let last = builder.conv(&flat, 3, 1);
    let plain = builder.build(&last);
    let names = layer_names(&plain);
    let (small, _) =
        quantize(&plain, QuantizeMode::Int8Static, Some(&learn(&plain)), &all_of(&names)).unwrap();
    let mut cases = Cases::new(folder("static-flat"));
    cases.add("flat", &plain, &small, &inputs(), 0.02);
    cases.compare();
}

#[test]
fn without_statistics_layers_stay_and_old_operator_sets_are_lifted() {
    let mut builder = Builder::new(9);
    let last = builder.conv("x", 3, 1);
    let plain = builder.build(&last);
    let reason = |model: &Model, calibration: &Calibration| {
        let (same, report) =
            quantize(model, QuantizeMode::Int8Static, Some(calibration), &options()).unwrap();
        assert_eq!(&same, model);
        match &report.layers[0].outcome {
            LayerOutcome::Skipped { reason } => reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(reason(&plain, &Calibration::default()).contains("calibration"));
    let mut old = plain.clone();
    old.opset_import[0].version = Some(9);
    let (small, report) =
        quantize(&old, QuantizeMode::Int8Static, Some(&learn(&plain)), &all_of(&layer_names(&plain)))
            .unwrap();
    assert_eq!((small.opset_import[0].version, report.quantized_count), (Some(13), 1));
    let mut cases = Cases::new(folder("static-lifted"));
    cases.add("lifted", &plain, &small, &inputs(), 0.03);
    cases.compare();
    // What cannot be lifted says so.
    old.graph.as_mut().unwrap().node.push(node("TopK", &["y"], &["z", "i"]));
    assert!(reason(&old, &learn(&plain)).contains("operator set 9"));
}
