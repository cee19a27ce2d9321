//! [`Facts`]: what can be said for sure about element types and numbers of dimensions without running a graph.

use std::borrow::Cow;
use std::collections::HashMap;

use super::view::{whole, wholes};
use crate::model::{GraphProto, NodeProto, TensorProto};
use crate::tensor::{DType, ValueType};

/// What is known of a value.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(crate) struct Fact {
    pub dtype: Option<DType>,
    /// Number of dimensions.
    pub rank: Option<usize>,
    /// A number of dimensions that it has at least.
    pub least_rank: usize,
}

/// What is known of the values of a graph. What graphs around it give is not looked at.
pub(crate) struct Facts<'g>(HashMap<&'g str, Fact>);

impl Fact {
    fn new(dtype: Option<DType>, rank: Option<usize>) -> Self {
        Self { dtype, rank, least_rank: rank.unwrap_or(0) }
    }
}

type Constants<'g> = HashMap<&'g str, Cow<'g, TensorProto>>;

impl<'g> Facts<'g> {
    pub fn of(graph: &'g GraphProto, constants: &Constants<'g>, is_main: bool) -> Self {
        let mut facts = Self(HashMap::new());
        // ONNX Runtime holds callers to the types of inputs; those of inner graphs are only hints.
        for input in graph.input.iter().filter(|_| is_main) {
            if let ValueType::Tensor { dtype, shape } = input.to_value_info().value_type {
                let rank = shape.dims().map(<[_]>::len);
                facts.0.insert(input.name(), Fact::new(Some(dtype), rank));
            }
        }
        for (name, tensor) in constants {
            facts.0.insert(name, Fact::new(tensor.dtype().ok(), Some(tensor.dims.len())));
        }
        for node in &graph.node {
            if let (true, Some(fact)) = (node.domain().is_empty(), facts.result(node, constants)) {
                facts.0.extend(node.output.first().map(|name| (name.as_str(), fact)));
            }
        }
        facts
    }

    pub fn get(&self, name: &str) -> Fact {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// What is known of the first output of a standard operator.
    fn result(&self, node: &NodeProto, constants: &Constants<'g>) -> Option<Fact> {
        let input = |index: usize| node.input.get(index).map_or_else(Fact::default, |name| self.get(name));
        let constant = |index: usize| constants.get(node.input.get(index)?.as_str()).map(Cow::as_ref);
        let count = |index: usize| constant(index).and_then(wholes).map(|numbers| numbers.len());
        let axes = || node.attribute("axes").map(|axes| axes.ints.len()).or_else(|| count(1));
        let first = input(0);
        Some(match node.op_type() {
            "Relu"
            | "Sigmoid"
            | "Tanh"
            | "Erf"
            | "HardSigmoid"
            | "HardSwish"
            | "Clip"
            | "Identity"
            | "Dropout"
            | "BatchNormalization"
            | "InstanceNormalization"
            | "LayerNormalization"
            | "Softmax"
            | "LogSoftmax"
            | "LeakyRelu"
            | "Elu"
            | "Selu"
            | "Softplus"
            | "Gelu"
            | "Abs"
            | "Neg"
            | "Exp"
            | "Log"
            | "Sqrt"
            | "Reciprocal"
            | "Floor"
            | "Ceil"
            | "Transpose"
            | "Pad"
            | "Slice"
            | "LRN"
            | "MaxPool"
            | "AveragePool"
            | "GlobalAveragePool"
            | "GlobalMaxPool" => first,
            "Conv" | "ConvTranspose" => {
                let weight = input(1);
                Fact::new(first.dtype.or(weight.dtype), weight.rank.or(first.rank))
            }
            "Gemm" => Fact::new(first.dtype.or(input(1).dtype), Some(2)),
            "Flatten" => Fact::new(first.dtype, Some(2)),
            "Shape" => Fact::new(Some(DType::I64), Some(1)),
            "Cast" => {
                let dtype = i32::try_from(whole(node, "to", 0)).ok().and_then(DType::from_onnx);
                Fact { dtype, ..first }
            }
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Sum" | "Mean" | "PRelu" => self.broadcast(node),
            "Pow" => Fact { dtype: first.dtype, ..self.broadcast(node) },
            "Equal" | "Less" | "Greater" | "And" | "Or" => {
                Fact { dtype: Some(DType::Bool), ..self.broadcast(node) }
            }
            "MatMul" if input(1).rank == Some(2) => Fact { dtype: first.dtype.or(input(1).dtype), ..first },
            "Concat" => node.input.iter().map(|name| self.get(name)).find(|fact| fact.rank.is_some())?,
            "Reshape" => Fact::new(first.dtype, count(1)),
            "Expand" => {
                let least_rank = first.least_rank.max(count(1).unwrap_or(0));
                Fact { dtype: first.dtype, rank: None, least_rank }
            }
            "Unsqueeze" => Fact::new(first.dtype, first.rank.zip(axes()).map(|(rank, added)| rank + added)),
            "Squeeze" => {
                Fact::new(first.dtype, first.rank.zip(axes()).and_then(|(rank, gone)| rank.checked_sub(gone)))
            }
            "Gather" => {
                let rank = first.rank.zip(input(1).rank).and_then(|(data, at)| (data + at).checked_sub(1));
                Fact::new(first.dtype, rank)
            }
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" if whole(node, "keepdims", 1) == 1 => {
                first
            }
            _ => return None,
        })
    }

    /// The result of operands that are stretched to one shape.
    fn broadcast(&self, node: &NodeProto) -> Fact {
        let operands = || node.input.iter().map(|name| self.get(name));
        let ranks: Option<Vec<usize>> = operands().map(|fact| fact.rank).collect();
        Fact {
            dtype: operands().find_map(|fact| fact.dtype),
            rank: ranks.and_then(|ranks| ranks.into_iter().max()),
            least_rank: operands().map(|fact| fact.least_rank).max().unwrap_or(0),
        }
    }
}
