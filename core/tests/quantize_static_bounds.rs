//! Static int8 on random graphs of every operator it touches: never further off than the scales imply, and read by the
//! oldest ONNX Runtime too.

mod common;
mod graphs;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{folder, setting};
use graphs::{constant, graph, model, node, value, whole};
use ortlet::model::{AttributeProto, Model, NodeProto, TensorProto};
use ortlet::quantize::RangeMethod;
use ortlet::runtime::{Runtime, RuntimeOptions};
use ortlet::tensor::{DType, Tensor};
use ortlet::{
    CalibrateOptions, QuantizeMode, QuantizeOptions, Sample, Samples, Session, SessionOptions, calibrate,
    quantize,
};
use serde_json::{Value, json};

/// Tells a child where the models are.
const PLACE: &str = "ORTLET_TEST_PLACE";

const OLD_RUNTIME: &str = "1.24.1";

const SEEDS: u64 = 200;

/// Numbers that look random and are the same for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.below(2);
        random
    }

    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % count
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn numbers(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| (self.below(2_000_001) as f32 / 1e6 - 1.0) * scale).collect()
    }
}

fn list(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints, r#type: Some(7), ..Default::default() }
}

fn number(name: &str, number: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(number), r#type: Some(1), ..Default::default() }
}

fn text(name: &str, text: &str) -> AttributeProto {
    let s = Some(text.as_bytes().to_vec().into());
    AttributeProto { name: Some(name.into()), s, r#type: Some(3), ..Default::default() }
}

/// A value under construction.
#[derive(Clone)]
struct Made {
    name: String,
    /// Batch, channels, and one to three axes of space.
    dims: Vec<usize>,
}

/// Builds a random graph, operator by operator.
struct Builder {
    random: Random,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    made: Vec<Made>,
    count: usize,
}

impl Builder {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut dims = vec![1 + random.below(2), random.one_of(&[1, 2, 4, 6])];
        dims.extend((0..1 + random.below(3)).map(|_| 5 + seed as usize % 3));
        let input = Made { name: "x".into(), dims };
        Self { random, nodes: Vec::new(), constants: Vec::new(), made: vec![input], count: 0 }
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn constant(&mut self, dims: &[usize], numbers: &[f32]) -> String {
        let name = self.fresh();
        self.constants.push(constant(&name, dims, numbers));
        name
    }

    fn whole_numbers(&mut self, numbers: &[i64]) -> String {
        let name = self.fresh();
        self.constants.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(DType::I64.onnx()),
            dims: vec![numbers.len() as i64],
            int64_data: numbers.to_vec().into(),
            ..Default::default()
        });
        name
    }

    /// Weights of every kind: usual, of very different sizes, zero, constant, denormal.
    fn weights(&mut self, dims: &[usize]) -> String {
        let count = dims.iter().product();
        let numbers = match self.random.below(9) {
            0 => vec![0.0; count],
            1 => vec![0.3; count],
            2 => self.random.numbers(count, 1e-40),
            3 => self.random.numbers(count, 300.0),
            4 => {
                let sizes = self.random.numbers(count, 1.0);
                sizes.iter().enumerate().map(|(at, size)| size * 10_f32.powi(at as i32 % 5 - 3)).collect()
            }
            _ => self.random.numbers(count, 0.5),
        };
        self.constant(dims, &numbers)
    }

    fn op(&mut self, op_type: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = self.fresh();
        let name = Some(format!("n-{output}"));
        self.nodes.push(NodeProto { name, attribute, ..node(op_type, inputs, &[&output]) });
        output
    }

    fn give(&mut self, name: String, dims: Vec<usize>) {
        self.made.push(Made { name, dims });
    }

    /// A convolution with what may follow it: summands, factors, limits.
    fn conv(&mut self, from: &Made) {
        let rank = from.dims.len() - 2;
        let (channels, space) = (from.dims[1], &from.dims[2..]);
        let kernel = 1 + self.random.below(3);
        let (stride, dilation) = (1 + self.random.below(2), 1 + self.random.below(2));
        let pads = [self.random.below(2), self.random.below(2)];
        let reach = (kernel - 1) * dilation + 1;
        if space.iter().any(|size| size + pads[0] + pads[1] < reach) {
            return;
        }
        let group = match self.random.below(4) {
            0 => channels,
            1 if channels.is_multiple_of(2) => 2,
            _ => 1,
        };
        let out_channels = group * self.random.one_of(&[1, 1, 2, 3]);
        let mut weight_dims = vec![out_channels, channels / group];
        weight_dims.extend(vec![kernel; rank]);
        let weight = self.weights(&weight_dims);
        let mut inputs = vec![from.name.clone(), weight];
        if self.random.below(2) == 0 {
            let scale = self.random.one_of(&[0.5, 0.5, 1e5]);
            let bias = self.random.numbers(out_channels, scale);
            inputs.push(self.constant(&[out_channels], &bias));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let each = |number: usize| vec![number as i64; rank];
        let attributes = vec![
            whole("group", group as i64),
            list("strides", each(stride)),
            list("dilations", each(dilation)),
            list("pads", [each(pads[0]), each(pads[1])].concat()),
        ];
        let mut last = self.op("Conv", &inputs, attributes);
        let sizes = space.iter().map(|size| (size + pads[0] + pads[1] - reach) / stride + 1);
        let dims: Vec<usize> = [from.dims[0], out_channels].into_iter().chain(sizes).collect();
        let channel_dims: Vec<usize> = [1, out_channels].into_iter().chain(vec![1; rank]).collect();
        for _ in 0..self.random.below(3) {
            last = self.tail(&last, &channel_dims);
        }
        self.give(last, dims);
    }

    fn tail(&mut self, from: &str, channel_dims: &[usize]) -> String {
        let count = channel_dims[1];
        let numbers = self.random.numbers(count, 1.5);
        match self.random.below(8) {
            0 => {
                let other = self.constant(channel_dims, &numbers);
                self.op("Add", &[&other, from], vec![])
            }
            1 => {
                let other = self.constant(&channel_dims[1..], &numbers);
                self.op("Mul", &[from, &other], vec![])
            }
            2 => {
                let other = self.constant(&[], &[1.5]);
                self.op("Sub", &[&other, from], vec![])
            }
            3 => {
                let other = self.constant(&[1], &[-2.5]);
                self.op("Div", &[from, &other], vec![])
            }
            4 => {
                let positive: Vec<f32> = numbers.iter().map(|number| number.abs() + 0.1).collect();
                let parts =
                    [&numbers, &numbers, &numbers, &positive].map(|part| self.constant(&[count], part));
                let inputs: Vec<&str> = [from].into_iter().chain(parts.iter().map(String::as_str)).collect();
                self.op("BatchNormalization", &inputs, vec![])
            }
            5 => {
                let limits = [-0.5, 1.0].map(|limit| self.constant(&[], &[limit]));
                self.op("Clip", &[from, &limits[0], &limits[1]], vec![])
            }
            6 => self.op("Identity", &[from], vec![]),
            _ => self.op("Relu", &[from], vec![]),
        }
    }

    /// `x / 2 * (1 + erf(x / sqrt(2)))` in the three ways in which it is written.
    fn gelu(&mut self, x: &str) -> String {
        let [root, one, half] =
            [std::f32::consts::SQRT_2, 1.0, 0.5].map(|number| self.constant(&[], &[number]));
        let scaled = self.op("Div", &[x, &root], vec![]);
        let erf = self.op("Erf", &[&scaled], vec![]);
        let sum = self.op("Add", &[&erf, &one], vec![]);
        let way = self.random.below(3);
        let (left, right) = match way {
            0 => (x.to_owned(), sum.clone()),
            1 => (sum.clone(), half.clone()),
            _ => (x.to_owned(), half.clone()),
        };
        let product = self.op("Mul", &[&left, &right], vec![]);
        let other = match way {
            0 => half,
            1 => x.to_owned(),
            _ => sum,
        };
        self.op("Mul", &[&product, &other], vec![])
    }

    fn step(&mut self) {
        let from = self.made[self.made.len() - 1].clone();
        let other = self.made[self.random.below(self.made.len())].clone();
        let (name, mut dims, rank) = (from.name.as_str(), from.dims.clone(), from.dims.len() - 2);
        let ones = |number: i64| vec![number; rank];
        let output = match self.random.below(30) {
            0 if other.dims == dims => self.op("Add", &[name, &other.name], vec![]),
            1 if other.dims == dims => self.op("Mul", &[name, &other.name], vec![]),
            2 if other.dims == dims => {
                dims[1] *= 2;
                self.op("Concat", &[name, &other.name], vec![whole("axis", 1)])
            }
            3 => {
                let numbers = self.random.numbers(dims[1], 2.0);
                let per_channel: Vec<usize> = [dims[1]].into_iter().chain(vec![1; rank]).collect();
                let other = self.constant(&per_channel, &numbers);
                let op_type = self.random.one_of(&["Add", "Mul"]);
                self.op(op_type, &[name, &other], vec![])
            }
            4 => self.op("Sigmoid", &[name], vec![]),
            5 => self.op("LeakyRelu", &[name], vec![number("alpha", 0.1)]),
            6 => {
                let attributes = vec![list("kernel_shape", ones(3)), list("pads", vec![1; 2 * rank])];
                let op_type = self.random_pool();
                self.op(op_type, &[name], attributes)
            }
            7 => {
                let pooled = if self.random.below(2) == 0 {
                    self.op("GlobalAveragePool", &[name], vec![])
                } else {
                    let axes = (2..dims.len() as i64).collect();
                    self.op("ReduceMean", &[name], vec![list("axes", axes), whole("keepdims", 1)])
                };
                let gate = self.op("HardSigmoid", &[&pooled], vec![]);
                self.op("Mul", &[name, &gate], vec![])
            }
            8 => {
                let mut order: Vec<i64> = (0..dims.len() as i64).collect();
                order[2..].reverse();
                dims[2..].reverse();
                self.op("Transpose", &[name], vec![list("perm", order)])
            }
            9 => {
                let shape: Vec<i64> = dims.iter().map(|&dim| dim as i64).chain([1]).collect();
                let shape = self.whole_numbers(&shape);
                let longer = self.op("Reshape", &[name, &shape], vec![]);
                let axes = self.whole_numbers(&[dims.len() as i64]);
                self.op("Squeeze", &[&longer, &axes], vec![])
            }
            10 => {
                let axes = self.whole_numbers(&[0]);
                let longer = self.op("Unsqueeze", &[name, &axes], vec![]);
                let index = self.whole_numbers(&[0]);
                let same = self.op("Gather", &[&longer, &index], vec![whole("axis", 0)]);
                self.op("Squeeze", &[&same, &axes], vec![])
            }
            11 if dims[2] > 2 => {
                let [starts, ends, axes] = [1, i64::MAX, 2].map(|number| self.whole_numbers(&[number]));
                dims[2] -= 1;
                self.op("Slice", &[name, &starts, &ends, &axes], vec![])
            }
            12 => {
                let count = 2 * dims.len();
                let pads: Vec<i64> = (0..count).map(|at| i64::from(at == 2 || at == count - 1)).collect();
                dims[2] += 1;
                let last = dims.len() - 1;
                dims[last] += 1;
                let pads = self.whole_numbers(&pads);
                match self.random.below(2) {
                    0 => self.op("Pad", &[name, &pads], vec![]),
                    _ => self.op("Pad", &[name, &pads], vec![text("mode", "edge")]),
                }
            }
            13 if dims[1] > 1 => {
                let parts = [1, dims[1] as i64 - 1];
                let (parts, outputs) = (self.whole_numbers(&parts), [self.fresh(), self.fresh()]);
                let split = node("Split", &[name, &parts], &[&outputs[0], &outputs[1]]);
                self.nodes.push(NodeProto { attribute: vec![whole("axis", 1)], ..split });
                self.op("Concat", &[&outputs[1], &outputs[0]], vec![whole("axis", 1)])
            }
            14 if dims.iter().product::<usize>() < 2000 && rank == 2 => {
                let scales = self.constant(&[4], &[1.0, 1.0, 2.0, 2.0]);
                dims[2..].iter_mut().for_each(|dim| *dim *= 2);
                let attributes = vec![
                    text("mode", "nearest"),
                    text("nearest_mode", "floor"),
                    text("coordinate_transformation_mode", "asymmetric"),
                ];
                self.op("Resize", &[name, "", &scales], attributes)
            }
            15 => self.gelu(name),
            16 => self.op("Identity", &[name], vec![]),
            17 => self.op("Relu", &[name], vec![]),
            18 => self.op("Tanh", &[name], vec![]),
            19 => return self.products(&from),
            _ => return self.conv(&from),
        };
        self.give(output, dims);
    }

    fn random_pool(&mut self) -> &'static str {
        self.random.one_of(&["MaxPool", "AveragePool"])
    }

    /// Flattens, multiplies, and goes back to an image.
    fn products(&mut self, from: &Made) {
        let (batch, depth) = (from.dims[0], from.dims[1..].iter().product::<usize>());
        let columns = 2 * from.dims[1];
        let flat = self.op("Flatten", &[&from.name], vec![]);
        let mut last = match self.random.below(3) {
            0 => {
                let weight = self.weights(&[depth, columns]);
                self.op("MatMul", &[&flat, &weight], vec![])
            }
            kind => {
                let weight = self.weights(&if kind == 1 { [columns, depth] } else { [depth, columns] });
                let numbers = self.random.numbers(columns, 0.5);
                let bias = self.constant(&[columns], &numbers);
                let attributes =
                    vec![whole("transB", i64::from(kind == 1)), number("alpha", 0.7), number("beta", 0.5)];
                self.op("Gemm", &[&flat, &weight, &bias], attributes)
            }
        };
        if self.random.below(2) == 0 {
            last = self.op("Relu", &[&last], vec![]);
        }
        let dims: Vec<usize> =
            [batch, from.dims[1], 2].into_iter().chain(vec![1; from.dims.len() - 3]).collect();
        let shape: Vec<i64> = dims.iter().map(|&dim| dim as i64).collect();
        let shape = self.whole_numbers(&shape);
        let image = self.op("Reshape", &[&last, &shape], vec![]);
        self.give(image, dims);
    }

    /// The last value is an output, and sometimes one in between is.
    fn build(mut self) -> (Model, Vec<usize>) {
        let (input, last) = (self.made[0].dims.clone(), self.made[self.made.len() - 1].name.clone());
        let mut names = vec![last];
        let between = self.made[self.random.below(self.made.len())].name.clone();
        if self.random.below(3) == 0 && between != "x" && !names.contains(&between) {
            names.push(between);
        }
        let unknown: Vec<&str> = vec![""; input.len()];
        let outputs = names.iter().map(|name| value(name, DType::F32, &unknown)).collect();
        let dims: Vec<String> = input
            .iter()
            .enumerate()
            .map(|(at, dim)| if at == 0 { "n".into() } else { dim.to_string() })
            .collect();
        let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
        let mut graph = graph(self.nodes, vec![value("x", DType::F32, &dims)], outputs, self.constants);
        // Every second constant is a node.
        let mut constants = Vec::new();
        for (at, tensor) in std::mem::take(&mut graph.initializer).into_iter().enumerate() {
            if at % 2 == 0 {
                graph.initializer.push(tensor);
                continue;
            }
            let mut node = node("Constant", &[], &[tensor.name()]);
            node.attribute = vec![AttributeProto {
                name: Some("value".into()),
                t: Some(Box::new(tensor)),
                r#type: Some(4),
                ..Default::default()
            }];
            constants.push(node);
        }
        graph.node.splice(0..0, constants);
        let mut model = model(graph);
        model.opset_import[0].version = Some(17);
        (model, input)
    }
}

fn is_layer(node: &NodeProto) -> bool {
    matches!(node.op_type(), "Conv" | "MatMul" | "Gemm")
}

/// Some of the layers, or all; by force, or where it pays.
fn options(model: &Model, random: &mut Random) -> QuantizeOptions {
    let names: Vec<String> =
        model.nodes().filter(|at| is_layer(at.node)).map(|at| at.node.name().to_owned()).collect();
    let (mut exclude, mut layers) = (Vec::new(), std::collections::BTreeMap::new());
    let force = random.below(4) > 0;
    for name in names {
        match random.below(6) {
            0 => exclude.push(name),
            _ if force => drop(layers.insert(name, QuantizeMode::Int8Static)),
            _ => {}
        }
    }
    QuantizeOptions {
        exclude,
        layers,
        min_weight_elements: 0,
        range_method: RangeMethod::MinMax,
        ..Default::default()
    }
}

fn save(place: &Path, name: String, model: &Model) -> PathBuf {
    let path = place.join(name);
    std::fs::write(&path, model.to_bytes().unwrap()).unwrap();
    path
}

#[test]
fn random_graphs_stay_within_what_their_scales_imply() {
    let place = folder("static-bounds");
    let (mut cases, mut quantized_count) = (Vec::new(), 0);
    for seed in 0..SEEDS {
        let mut builder = Builder::new(seed + 1);
        for _ in 0..3 + seed % 8 {
            builder.step();
        }
        let (plain, dims) = builder.build();
        let mut random = Random::new(seed + 5000);
        let count = dims.iter().product();
        let size = random.one_of(&[1.0, 1.0, 1.0, 1e-6, 1e4, 0.0]);
        let numbers: Vec<Vec<f32>> = (0..3).map(|_| random.numbers(count, size)).collect();
        let sample = |numbers: &Vec<f32>| -> Sample {
            vec![("x".to_owned(), Tensor::from_vec(dims.clone(), numbers.clone()).unwrap().into())]
        };
        let samples: Samples = numbers.iter().map(sample).collect::<Vec<_>>().into();
        let calibration = calibrate(&plain, &samples, &CalibrateOptions::default()).unwrap();
        let options = options(&plain, &mut random);
        let (small, report) =
            quantize(&plain, QuantizeMode::Int8Static, Some(&calibration), &options).unwrap();
        quantized_count += report.quantized_count;
        let inputs = json!({ "x": { "shape": dims, "numbers": numbers[0] } });
        let files = ["plain", "quantized"].map(|kind| format!("{seed}-{kind}.onnx"));
        let [before, after] = files;
        cases.push(json!({
            "plain": save(&place, before, &plain),
            "quantized": save(&place, after, &small),
            "inputs": inputs,
        }));
    }
    assert!(quantized_count > SEEDS, "{quantized_count}");
    check(&place, &cases);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "loads_with_the_oldest_runtime", "--ignored", "--quiet"]).env(PLACE, &place);
    let old = setting("ORTLET_TEST_RUNTIMES").join(OLD_RUNTIME);
    assert!(child.env("ORTLET_RUNTIME", old).status().unwrap().success());
}

/// Has the script hold models to their bounds.
fn check(place: &Path, cases: &[Value]) {
    let manifest = place.join("manifest.json");
    std::fs::write(&manifest, Value::from(cases).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/static_bounds.py");
    let said = Command::new(setting("ORTLET_TEST_PYTHON")).arg(script).arg(manifest).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), cases.len().to_string());
}

#[test]
#[ignore = "started by the test above"]
fn loads_with_the_oldest_runtime() {
    let place = setting(PLACE);
    let runtime = Runtime::load(&RuntimeOptions::default()).unwrap();
    assert_eq!(runtime.version(), OLD_RUNTIME);
    let load = |seed: u64, kind: &str| {
        Session::load(place.join(format!("{seed}-{kind}.onnx")), &SessionOptions::default()).map(drop)
    };
    for seed in 0..SEEDS {
        if let Err(error) = load(seed, "quantized") {
            assert!(load(seed, "plain").is_err(), "{seed}: {error}");
        }
    }
}
