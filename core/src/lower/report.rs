//! [`Lowered`]: a lowered model, and what was found in the original.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::model::{GraphProto, Model, NodeProto, ValueInfoProto};
use crate::quantize::simplify::view::is;
use crate::quantize::{BlockKind, KernelPrecision};
use crate::tensor::DType;

/// A block that one of Ortlet's operators computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoweredBlock {
    /// What it computes.
    pub kind: BlockKind,
    /// What it is called in [`LowerOptions`](super::LowerOptions): after a node of the original, no two alike.
    pub node: String,
    /// Operators of the nodes that it takes the place of.
    pub replaced: Vec<String>,
    /// The form of its weights.
    pub precision: KernelPrecision,
    /// Rows and columns of the weights, of each matrix in turn; for attention heads and their size.
    pub shape: Vec<i64>,
    /// What its weights are multiplied with: its input, and in a feed-forward block what lies between.
    pub products: Vec<Product>,
    /// The values that it reads, constants excepted.
    pub inputs: Vec<String>,
    /// The value that it gives. The original has one of this name too, except where queries, keys and values became one.
    pub output: String,
}

/// The left side of a product with a constant matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name in the original.
    pub value: String,
    /// Its size along the last axis.
    pub channel_count: usize,
}

/// A model in which Ortlet's operators compute what they can.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The model. It needs the operators of domain `ai.ortlet` if there are blocks.
    pub model: Model,
    /// The blocks, in the order of the original's nodes.
    pub blocks: Vec<LoweredBlock>,
    pub(super) parts: Vec<Part>,
}

/// The nodes of a block, and the types of what they read.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub nodes: Vec<NodeProto>,
    pub inputs: Vec<(String, DType)>,
}

impl Lowered {
    /// A model of one block alone, whose inputs and output have their names; constants are shared. Empty if there is no
    /// such block.
    pub fn block_model(&self, index: usize) -> Model {
        let (Some(part), Some(block)) = (self.parts.get(index), self.blocks.get(index)) else {
            return Model::default();
        };
        let graph = self.model.graph.as_ref();
        let read: HashSet<&str> =
            part.nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
        let is_constant = |node: &&NodeProto| {
            is(node, "Constant") && node.output.iter().any(|name| read.contains(name.as_str()))
        };
        let constants = graph.iter().flat_map(|graph| &graph.node).filter(is_constant);
        let initializers = graph.iter().flat_map(|graph| &graph.initializer);
        let own = GraphProto {
            node: constants.chain(&part.nodes).cloned().collect(),
            name: Some("block".to_owned()),
            initializer: initializers.filter(|tensor| read.contains(tensor.name())).cloned().collect(),
            input: part
                .inputs
                .iter()
                .map(|(name, dtype)| ValueInfoProto::tensor(name, *dtype, None))
                .collect(),
            output: vec![ValueInfoProto::tensor(&block.output, DType::F32, None)],
            ..Default::default()
        };
        Model {
            // Initializers of old formats would have to be inputs too.
            ir_version: self.model.ir_version.map(|version| version.max(4)),
            opset_import: self.model.opset_import.clone(),
            graph: Some(own),
            ..Default::default()
        }
    }
}
