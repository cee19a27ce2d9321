//! Models of one node of Ortlet's own operators, and what the node has to give, in numbers of 64 bits.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

pub mod reference;

use ortlet::model::{AttributeProto, Bytes, Model, NodeProto, OperatorSetIdProto, TensorProto};
use ortlet::tensor::{DType, Tensor};
use ortlet::{Session, SessionOptions, Threads};
use ortlet_kernels::{
    AlignedBytes, Format, LinearWeights, PackOptions, Packed, pack_embedding, pack_linear, unpack,
};

use crate::graphs::{constant, graph, model, node, random, value, whole};

pub const FORMATS: [Format; 4] = [Format::Fp32, Format::Fp16, Format::Bf16, Format::Int8];

/// A matrix, packed.
pub struct Weights {
    pub k: usize,
    pub n: usize,
    pub bias: Option<Vec<f32>>,
    pub format: Format,
    pub blob: AlignedBytes,
}

impl Weights {
    pub fn random(seed: u64, k: usize, n: usize, format: Format, has_bias: bool) -> Self {
        let scale = 1.0 / (k as f32).sqrt();
        let values: Vec<f32> = random(seed, k * n).iter().map(|value| value * scale * 1.7).collect();
        let bias = has_bias.then(|| random(seed + 1, n));
        let weights = LinearWeights { k, n, values: &values, bias: bias.as_deref() };
        let options = PackOptions { format, group: false, outliers: &[] };
        let blob = pack_linear(&weights, &options).unwrap();
        Self { k, n, bias, format, blob }
    }

    /// The matrix that the packed form stands for.
    pub fn values(&self) -> Vec<f32> {
        unpack(&Packed::parse(&self.blob).unwrap())
    }
}

/// A table, packed, and the rows that the packed form stands for.
pub fn table(seed: u64, rows: usize, width: usize, format: Format) -> (AlignedBytes, Vec<f32>) {
    let blob = pack_embedding(rows, width, &random(seed, rows * width), format).unwrap();
    let values = unpack(&Packed::parse(&blob).unwrap());
    (blob, values)
}

/// Packed weights as a constant.
pub fn blob(name: &str, bytes: &[u8]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(DType::U8.onnx()),
        dims: vec![bytes.len() as i64],
        raw_data: Some(Bytes::from(bytes.to_vec())),
        ..Default::default()
    }
}

pub fn word(name: &str, text: &str) -> AttributeProto {
    let s = Some(Bytes::from(text.as_bytes().to_vec()));
    AttributeProto { name: Some(name.into()), s, r#type: Some(3), ..Default::default() }
}

pub fn number(name: &str, number: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(number), r#type: Some(1), ..Default::default() }
}

/// A node of the domain, called `own`, with the output `y`.
pub fn own_node(operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> NodeProto {
    let mut node = node(operator, inputs, &["y"]);
    node.name = Some("own".into());
    node.domain = Some("ai.ortlet".into());
    node.attribute = attributes;
    node
}

/// A model that imports the domain.
pub fn own_model(
    nodes: Vec<NodeProto>,
    inputs: &[(&str, DType, &[&str])],
    constants: Vec<TensorProto>,
) -> Model {
    let inputs = inputs.iter().map(|(name, dtype, dims)| value(name, *dtype, dims)).collect();
    // Of unknown rank: the operator knows.
    let mut output = value("y", DType::F32, &[]);
    if let Some(ortlet::model::TypeValue::Tensor(tensor)) =
        output.r#type.as_mut().and_then(|of| of.value.as_mut())
    {
        tensor.shape = None;
    }
    let mut model = model(graph(nodes, inputs, vec![output], constants));
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("ai.ortlet".into()),
        version: Some(1),
        ..Default::default()
    });
    model
}

/// A `Linear` node and its constants.
#[derive(Clone, Copy)]
pub struct LinearCase<'a> {
    pub weights: &'a Weights,
    pub activation: &'a str,
    pub norm: &'a str,
    pub has_beta: bool,
    pub has_residual: bool,
}

pub const EPSILON: f32 = 1e-5;

pub fn gamma(n: usize) -> Vec<f32> {
    random(71, n).iter().map(|value| value + 1.5).collect()
}

pub fn beta(n: usize) -> Vec<f32> {
    random(72, n)
}

impl LinearCase<'_> {
    pub fn plain(weights: &Weights) -> LinearCase<'_> {
        LinearCase { weights, activation: "none", norm: "none", has_beta: false, has_residual: false }
    }

    pub fn model(&self) -> Model {
        let n = self.weights.n;
        let has_norm = self.norm != "none";
        let residual = if self.has_residual { "r" } else { "" };
        let (gamma_name, beta_name) =
            (if has_norm { "gamma" } else { "" }, if self.has_beta { "beta" } else { "" });
        let mut names = vec!["x", "w", residual, gamma_name, beta_name];
        while names.last() == Some(&"") {
            names.pop();
        }
        let mut constants = vec![blob("w", &self.weights.blob)];
        if has_norm {
            constants.push(constant("gamma", &[n], &gamma(n)));
        }
        if self.has_beta {
            constants.push(constant("beta", &[n], &beta(n)));
        }
        let attributes =
            vec![word("activation", self.activation), word("norm", self.norm), number("epsilon", EPSILON)];
        let mut inputs: Vec<(&str, DType, &[&str])> = vec![("x", DType::F32, &["a", "b", "k"])];
        if self.has_residual {
            inputs.push(("r", DType::F32, &["a", "b", "n"]));
        }
        own_model(vec![own_node("Linear", &names, attributes)], &inputs, constants)
    }

    /// `y` for rows of `x`.
    pub fn reference(&self, x: &[f32], residual: Option<&[f32]>) -> Vec<f64> {
        let Weights { k, n, bias, .. } = self.weights;
        let mut y = reference::product(x, &self.weights.values(), bias.as_deref(), *k, *n);
        reference::activate(self.activation, &mut y);
        reference::finish(
            &mut y,
            residual,
            self.norm,
            &gamma(*n),
            self.has_beta.then(|| beta(*n)).as_deref(),
        );
        y
    }
}

/// How far off results may be, of numbers around 1.
pub fn tolerance(format: Format) -> f64 {
    match format {
        Format::Fp32 | Format::Fp16 => 2e-5,
        Format::Bf16 => 4e-2,
        Format::Int8 => 6e-2,
    }
}

pub fn assert_close(actual: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (at, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let off = (f64::from(actual) - expected).abs();
        assert!(off <= tolerance * expected.abs().max(1.0), "{what}: {actual} instead of {expected} at {at}");
    }
}

pub fn threads(count: u32) -> SessionOptions {
    SessionOptions { threads: Threads::Count(count), ..Default::default() }
}

pub fn tensor(dims: &[usize], numbers: &[f32]) -> Tensor {
    Tensor::from_vec(dims, numbers.to_vec()).unwrap()
}

/// The output `y`.
pub fn run(session: &Session, inputs: &[(&str, &Tensor)]) -> ortlet::Result<Tensor> {
    session.run(inputs.iter().copied())?.remove("y").unwrap().into_tensor()
}

/// The attributes of an `Attention` node.
#[derive(Clone, Copy)]
pub struct Heads {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_size: usize,
    pub scale: f32,
    pub causal: bool,
    pub arithmetic: &'static str,
}

impl Heads {
    pub fn attributes(&self) -> Vec<AttributeProto> {
        vec![
            whole("heads", self.heads as i64),
            whole("kv_heads", self.kv_heads as i64),
            whole("head_size", self.head_size as i64),
            number("scale", self.scale),
            whole("causal", self.causal.into()),
            word("arithmetic", self.arithmetic),
        ]
    }
}
