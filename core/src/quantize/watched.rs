//! Which values of a model a calibration watches: those of the main graph that are `float32` and change with the inputs.

use std::collections::{HashMap, HashSet};

use super::constants::constant_of;
use crate::model::{GraphProto, Model, NodeProto, TensorProto, TypeProto, TypeValue, ValueInfoProto};
use crate::tensor::DType;

const MICROSOFT: &str = "com.microsoft";

/// A value that is worth watching.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watched {
    pub name: String,
    /// Whether it comes from outside, not from a node.
    pub is_input: bool,
    /// Whether it is the left side of a product with a constant, whose channels matter one by one.
    pub has_channels: bool,
}

/// The values of a valid model that are worth watching: inputs first, then in an order in which nodes can run. Left out
/// is what contributes to no output, what is the same in every run, what is dequantized already, and what is not known
/// to be `float32`: the model does not say all types, and operators of unknown domains may do anything.
pub(super) fn watched(model: &Model) -> Vec<Watched> {
    let Some(graph) = &model.graph else { return Vec::new() };
    let mut search = Search::new(graph);
    let mut found = search.inputs();
    for at in needed(graph) {
        found.extend(search.outputs(&graph.node[at]));
    }
    for one in &mut found {
        one.has_channels = search.left_sides.contains(one.name.as_str());
    }
    found
}

/// What is known about the values of the graph at the current place.
struct Search<'a> {
    graph: &'a GraphProto,
    /// Element types of tensors, as far as known.
    types: HashMap<&'a str, DType>,
    /// Values that are the same in every run.
    fixed: HashSet<&'a str>,
    left_sides: HashSet<&'a str>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a GraphProto) -> Self {
        let declared = graph.value_info.iter().chain(&graph.output).chain(&graph.input);
        let mut types: HashMap<_, _> =
            declared.filter_map(|value| Some((value.name(), tensor_type(value)?))).collect();
        let tensors = graph.initializer.iter();
        types.extend(tensors.filter_map(|tensor| Some((tensor.name(), tensor.dtype().ok()?))));
        let initializers = graph.initializer.iter().map(TensorProto::name);
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
        let fixed = initializers.chain(sparse.map(TensorProto::name));
        // Inputs with an initializer are options of the caller, and in old models all initializers are inputs.
        let fixed = fixed.filter(|name| !name.is_empty()).collect();
        Self { graph, types, fixed, left_sides: HashSet::new() }
    }

    fn inputs(&self) -> Vec<Watched> {
        let names = self.graph.input.iter().map(ValueInfoProto::name);
        names.filter(|name| self.is_watched(name)).map(|name| watch(name, true)).collect()
    }

    fn is_watched(&self, name: &str) -> bool {
        !name.is_empty() && !self.fixed.contains(name) && self.types.get(name) == Some(&DType::F32)
    }

    /// The outputs of a node that are worth watching. Nodes come in an order in which they can run.
    fn outputs(&mut self, node: &'a NodeProto) -> Vec<Watched> {
        let is_fixed = is_repeatable(node)
            && node.input.iter().all(|name| name.is_empty() || self.fixed.contains(name.as_str()));
        for (at, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if is_fixed {
                self.fixed.insert(name);
            }
            if !self.types.contains_key(name.as_str()) {
                let known = output_type(node, at, &self.types);
                self.types.extend(known.map(|dtype| (name.as_str(), dtype)));
            }
        }
        if let (true, [left, right, ..]) = (is_product(node), &node.input[..])
            && self.fixed.contains(right.as_str())
        {
            self.left_sides.insert(left);
        }
        if node.op_type() == "DequantizeLinear" {
            return Vec::new();
        }
        let names = node.output.iter().filter(|name| self.is_watched(name));
        names.map(|name| watch(name, false)).collect()
    }
}

fn watch(name: &str, is_input: bool) -> Watched {
    Watched { name: name.to_owned(), is_input, has_channels: false }
}

/// Whether a node multiplies rows of its first input with a matrix.
fn is_product(node: &NodeProto) -> bool {
    let transposes_left = node.attribute("transA").is_some_and(|attribute| attribute.i.unwrap_or(0) != 0);
    node.domain().is_empty() && matches!(node.op_type(), "MatMul" | "Gemm") && !transposes_left
}

/// Whether equal inputs give equal outputs. Graphs inside may read anything around them.
fn is_repeatable(node: &NodeProto) -> bool {
    let is_random =
        node.op_type().starts_with("Random") || matches!(node.op_type(), "Bernoulli" | "Multinomial");
    !is_random && node.subgraphs().next().is_none()
}

fn tensor_type(value: &ValueInfoProto) -> Option<DType> {
    match value.r#type.as_ref() {
        Some(TypeProto { value: Some(TypeValue::Tensor(tensor)), .. }) => DType::from_onnx(tensor.elem_type?),
        _ => None,
    }
}

/// The element type of an output; `None` if unknown or no tensor. Most operators give what their first input is.
fn output_type(node: &NodeProto, at: usize, types: &HashMap<&str, DType>) -> Option<DType> {
    let of_input = |at: usize| types.get(node.input.get(at)?.as_str()).copied();
    let number = |name: &str| node.attribute(name).and_then(|attribute| attribute.i);
    let attribute_or = |name: &str, default: Option<DType>| match number(name) {
        Some(number) => DType::from_onnx(i32::try_from(number).ok()?),
        None => default,
    };
    if node.domain() == MICROSOFT {
        return match (node.op_type(), at) {
            ("EmbedLayerNormalization", 0) | ("MatMulIntegerToFloat", _) => Some(DType::F32),
            ("DequantizeLinear", _) => of_input(1),
            ("QuantizeLinear" | "QAttention", _) => None,
            _ => of_input(0),
        };
    }
    if !node.domain().is_empty() || node.subgraphs().next().is_some() {
        return None;
    }
    match (node.op_type(), at) {
        ("Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" | "NonMaxSuppression", _) => Some(DType::I64),
        ("TopK" | "MaxPool", 1) | ("Unique", 1..) => Some(DType::I64),
        ("Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "IsNaN" | "IsInf", _)
        | ("Dropout", 1) => Some(DType::Bool),
        ("MatMulInteger" | "ConvInteger", _) => Some(DType::I32),
        ("DynamicQuantizeLinear", 1) | ("TfIdfVectorizer", _) => Some(DType::F32),
        ("QuantizeLinear" | "DynamicQuantizeLinear" | "ImageDecoder" | "RegexFullMatch", _) => None,
        ("SequenceEmpty" | "SequenceConstruct" | "SequenceInsert" | "SplitToSequence", _) => None,
        ("Optional" | "OptionalGetElement" | "OptionalHasElement" | "StringSplit", _) => None,
        ("DequantizeLinear", _) => of_input(1),
        ("Cast", _) => attribute_or("to", None),
        ("CastLike" | "Where", _) => of_input(1),
        ("OneHot", _) => of_input(2),
        ("Constant", _) => constant_type(node),
        (
            "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Sum" | "Mean" | "MatMul" | "Gemm" | "Concat",
            _,
        ) => node.input.iter().find_map(|name| types.get(name.as_str()).copied()),
        ("ConstantOfShape", _) => match node.attribute("value") {
            Some(value) => value.t.as_deref().and_then(|tensor| tensor.dtype().ok()),
            None => Some(DType::F32),
        },
        ("EyeLike" | "Bernoulli" | "RandomNormalLike" | "RandomUniformLike", _) => {
            attribute_or("dtype", of_input(0))
        }
        ("RandomNormal" | "RandomUniform", _) => attribute_or("dtype", Some(DType::F32)),
        ("Multinomial", _) => attribute_or("dtype", Some(DType::I32)),
        ("HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix", _) => {
            attribute_or("output_datatype", Some(DType::F32))
        }
        _ => of_input(0),
    }
}

fn constant_type(node: &NodeProto) -> Option<DType> {
    let has = |names: [&str; 2]| names.iter().any(|name| node.attribute(name).is_some());
    match constant_of(node) {
        Some(tensor) => tensor.dtype().ok(),
        None if has(["value_float", "value_floats"]) => Some(DType::F32),
        None if has(["value_int", "value_ints"]) => Some(DType::I64),
        None => None,
    }
}

/// Leaves nodes and initializers out that contribute to no output of the graph.
pub(super) fn keep_needed(graph: &mut GraphProto) {
    let mut is_needed = vec![false; graph.node.len()];
    needed(graph).into_iter().for_each(|at| is_needed[at] = true);
    let mut is_needed = is_needed.into_iter();
    graph.node.retain(|_| is_needed.next().unwrap_or(true));
    // An input whose initializer is gone would have to be given.
    let outside = graph.input.iter().chain(&graph.output).map(ValueInfoProto::name);
    let read: HashSet<String> = graph.node.iter().flat_map(reads).chain(outside).map(str::to_owned).collect();
    graph.initializer.retain(|tensor| read.contains(tensor.name()));
}

/// The nodes that contribute to outputs of the graph, each after those that it reads from.
fn needed(graph: &GraphProto) -> Vec<usize> {
    let made = graph.node.iter().enumerate();
    let makers: HashMap<&str, usize> =
        made.flat_map(|(at, node)| node.output.iter().map(move |name| (name.as_str(), at))).collect();
    let mut is_met = vec![false; graph.node.len()];
    let mut order = Vec::new();
    /// What to do with a node: go to what it reads from first, or take it.
    enum Step {
        Meet(usize),
        Take(usize),
    }
    let maker = |name: &str| makers.get(name).copied();
    let mut steps: Vec<Step> =
        graph.output.iter().rev().filter_map(|value| maker(value.name())).map(Step::Meet).collect();
    while let Some(step) = steps.pop() {
        match step {
            Step::Take(at) => order.push(at),
            Step::Meet(at) if !std::mem::replace(&mut is_met[at], true) => {
                steps.push(Step::Take(at));
                let read = reads(&graph.node[at]).into_iter().rev();
                steps.extend(read.filter_map(maker).map(Step::Meet));
            }
            Step::Meet(_) => {}
        }
    }
    order
}

/// Names that a node reads, itself and in the graphs inside of it.
fn reads(node: &NodeProto) -> Vec<&str> {
    let (mut names, mut nodes) = (Vec::new(), vec![node]);
    while let Some(node) = nodes.pop() {
        names.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
        for graph in node.subgraphs() {
            names.extend(graph.output.iter().map(ValueInfoProto::name));
            nodes.extend(&graph.node);
        }
    }
    names
}
