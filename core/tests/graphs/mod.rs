//! Small ONNX models, built in the test program.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use ortlet::model::{
    AttributeProto, Dimension, ElementTypeProto, GraphProto, Model, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, TypeValue, ValueInfoProto,
};
use ortlet::tensor::{DType, Tensor};
use ortlet::{CancelToken, Session, SessionOptions};

/// A dimension: a size, a name, or nothing (`""`).
pub fn dim(text: &str) -> Dimension {
    match text.parse() {
        Ok(size) => Dimension::Value(size),
        Err(_) if text.is_empty() => Dimension::Unknown,
        Err(_) => Dimension::Param(text.into()),
    }
}

fn tensor_type(dtype: DType, dims: &[&str]) -> TypeProto {
    let dim = dims.iter().map(|text| dim(text).into()).collect();
    let shape = Some(TensorShapeProto { dim, ..Default::default() });
    let tensor = TensorTypeProto { elem_type: Some(dtype.onnx()), shape, ..Default::default() };
    TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() }
}

fn element(of: TypeProto) -> ElementTypeProto {
    ElementTypeProto { elem_type: Some(Box::new(of)), ..Default::default() }
}

fn named(name: &str, r#type: TypeProto) -> ValueInfoProto {
    ValueInfoProto { name: Some(name.into()), r#type: Some(r#type), ..Default::default() }
}

/// An input or output that is a tensor.
pub fn value(name: &str, dtype: DType, dims: &[&str]) -> ValueInfoProto {
    named(name, tensor_type(dtype, dims))
}

/// One that is a sequence of tensors.
pub fn sequence(name: &str, dtype: DType, dims: &[&str]) -> ValueInfoProto {
    let value = Some(TypeValue::Sequence(element(tensor_type(dtype, dims))));
    named(name, TypeProto { value, ..Default::default() })
}

/// One that is a tensor or nothing.
pub fn optional(name: &str, dtype: DType, dims: &[&str]) -> ValueInfoProto {
    let value = Some(TypeValue::Optional(element(tensor_type(dtype, dims))));
    named(name, TypeProto { value, ..Default::default() })
}

pub fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    NodeProto {
        op_type: Some(op_type.into()),
        input: names(inputs),
        output: names(outputs),
        ..Default::default()
    }
}

/// An attribute that is a whole number.
pub fn whole(name: &str, number: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(number), r#type: Some(2), ..Default::default() }
}

/// Numbers from -1 to 1, the same for the same seed.
pub fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A constant of numbers.
pub fn constant(name: &str, dims: &[usize], numbers: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(DType::F32.onnx()),
        dims: dims.iter().map(|&size| size as i64).collect(),
        float_data: numbers.to_vec().into(),
        ..Default::default()
    }
}

pub fn graph(
    nodes: Vec<NodeProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    constants: Vec<TensorProto>,
) -> GraphProto {
    GraphProto {
        name: Some("graph".into()),
        node: nodes,
        input: inputs,
        output: outputs,
        initializer: constants,
        ..Default::default()
    }
}

pub fn model(graph: GraphProto) -> Model {
    let opset = OperatorSetIdProto { domain: None, version: Some(18), ..Default::default() };
    Model { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() }
}

pub fn session(model: &Model, options: &SessionOptions) -> Session {
    Session::from_model(model, options).unwrap()
}

/// Entries of a matrix that turns vectors without making them longer or shorter, so that any number of products with
/// it stay in range: blocks of two, each with an angle of its own.
fn rotation(size: usize) -> Vec<f32> {
    let mut entries = vec![0.0; size * size];
    for block in 0..size / 2 {
        let (sine, cosine) = (0.3 + block as f32 * 0.7).sin_cos();
        let (even, odd) = (2 * block, 2 * block + 1);
        entries[even * size + even] = cosine;
        entries[even * size + odd] = sine;
        entries[odd * size + even] = -sine;
        entries[odd * size + odd] = cosine;
    }
    entries
}

/// `y = x · w · w · …`: as many matrix products as the input `count` says, one after the other. Each is a kernel of its
/// own, so a run's length is the caller's choice and it can be ended between any two.
pub fn products(size: usize) -> Model {
    let text = size.to_string();
    let matrix = [text.as_str(), text.as_str()];
    let body = graph(
        vec![node("MatMul", &["state", "w"], &["next"]), node("Identity", &["on"], &["go"])],
        vec![value("i", DType::I64, &[]), value("on", DType::Bool, &[]), value("state", DType::F32, &matrix)],
        vec![value("go", DType::Bool, &[]), value("next", DType::F32, &matrix)],
        vec![constant("w", &[size, size], &rotation(size))],
    );
    let body = AttributeProto {
        name: Some("body".into()),
        g: Some(Box::new(body)),
        r#type: Some(5),
        ..Default::default()
    };
    let mut repeat = node("Loop", &["count", "", "x"], &["y"]);
    repeat.attribute.push(body);
    model(graph(
        vec![repeat],
        vec![value("count", DType::I64, &[]), value("x", DType::F32, &matrix)],
        vec![value("y", DType::F32, &matrix)],
        vec![],
    ))
}

/// How many products a run of [`products`] computes when it is meant not to end by itself.
pub const ENDLESS: i64 = i64::MAX;

/// Cancels when dropped: a test that fails must not wait for an endless run.
#[derive(Default)]
pub struct CancelOnDrop(pub CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Inputs of [`products`].
pub struct Products {
    pub count: Tensor,
    pub x: Tensor,
}

impl Products {
    /// `seed` makes inputs, and so results, differ.
    pub fn new(size: usize, count: i64, seed: usize) -> Self {
        let x = (0..size * size).map(|at| ((at * (seed + 2)) as f32 * 0.37).sin()).collect();
        Self {
            count: Tensor::from_vec([], vec![count]).unwrap(),
            x: Tensor::from_vec([size, size], x).unwrap(),
        }
    }

    pub fn pairs(&self) -> [(&'static str, &Tensor); 2] {
        [("count", &self.count), ("x", &self.x)]
    }

    /// For runs that keep their inputs.
    pub fn owned(&self) -> [(&'static str, Tensor); 2] {
        self.pairs().map(|(name, tensor)| (name, tensor.clone()))
    }
}
