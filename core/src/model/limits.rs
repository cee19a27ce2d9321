//! [`ParseLimits`]: the bounds that keep a hostile model from exhausting memory or the stack.

use super::{GraphProto, Model, NodeProto, TypeProto, TypeValue, ValueInfoProto, walk};
use crate::{Error, Result};

/// The deepest nesting of messages that [`ParseLimits::max_depth_count`] may ask for: Protocol Buffers' own default.
const HARD_DEPTH_COUNT: u32 = 100;

/// Bounds on what [`Model::parse_with`] accepts. The defaults are far above any real model.
///
/// Whatever the limits, lengths are checked against the bytes that remain before they are used.
///
/// # Examples
/// ```
/// use ortlet::{ErrorCode, model::{Model, ParseLimits}};
///
/// let limits = ParseLimits { max_model_bytes: 8, ..ParseLimits::default() };
/// let error = Model::parse_with(vec![0; 9], &limits).unwrap_err();
/// assert_eq!(error.code(), ErrorCode::LimitExceeded);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Size of the encoded model. Default: 2 GiB - 1, the most that Protocol Buffers allow.
    pub max_model_bytes: u64,
    /// Depth of messages within messages, where a graph inside of a node counts three. Default and maximum: 100, as
    /// in ONNX Runtime.
    pub max_depth_count: u32,
    /// Memory for the decoded structures, as a multiple of the encoded size (1 MiB is added so that small models are
    /// not judged by it). Tensor payloads are shared, not decoded, and do not count. Default: 32.
    pub max_memory_factor: u32,
    /// Memory for the decoded structures at most, whatever the encoded size. Default: 4 GiB.
    pub max_memory_bytes: u64,
    /// Nodes in all graphs and functions together. Default: 4,194,304.
    pub max_node_count: u64,
    /// Initializers, dense and sparse, in all graphs together. Default: 4,194,304.
    pub max_initializer_count: u64,
    /// Attributes of one node. Default: 65,536.
    pub max_attribute_count: u64,
    /// Dimensions of one tensor or of one declared shape. Default: 1,024.
    pub max_rank_count: u64,
    /// Length of one name of a node, operator, domain, value or tensor. Default: 1 MiB.
    pub max_name_bytes: u64,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self {
            max_model_bytes: i32::MAX as u64,
            max_depth_count: HARD_DEPTH_COUNT,
            max_memory_factor: 32,
            max_memory_bytes: 1 << 32,
            max_node_count: 1 << 22,
            max_initializer_count: 1 << 22,
            max_attribute_count: 1 << 16,
            max_rank_count: 1024,
            max_name_bytes: 1 << 20,
        }
    }
}

/// Fails when `actual_count` is more than `limit_count` allows.
pub(super) fn within(what: &str, limit_count: u64, actual_count: u64) -> Result<()> {
    if actual_count > limit_count {
        return Err(Error::limit_exceeded(what, limit_count, actual_count));
    }
    Ok(())
}

impl ParseLimits {
    pub(super) fn depth_count(&self) -> u32 {
        self.max_depth_count.min(HARD_DEPTH_COUNT)
    }

    pub(super) fn memory_bytes(&self, model_bytes: u64) -> u64 {
        let scaled = model_bytes.saturating_mul(u64::from(self.max_memory_factor)).saturating_add(1 << 20);
        scaled.min(self.max_memory_bytes)
    }

    /// Checks counts, ranks and names of a decoded model. Memory is already bounded when this runs.
    pub(super) fn check(&self, model: &Model) -> Result<()> {
        let (mut node_count, mut initializer_count) = (0, 0);
        for graph in walk::graphs(model) {
            node_count += graph.node.len() as u64;
            initializer_count += (graph.initializer.len() + graph.sparse_initializer.len()) as u64;
            self.check_graph(graph)?;
        }
        for function in &model.functions {
            node_count += function.node.len() as u64;
            function.input.iter().chain(&function.output).try_for_each(|name| self.check_name(name))?;
            function.node.iter().try_for_each(|node| self.check_node(node))?;
        }
        within("number of nodes", self.max_node_count, node_count)?;
        within("number of initializers", self.max_initializer_count, initializer_count)
    }

    fn check_graph(&self, graph: &GraphProto) -> Result<()> {
        for tensor in &graph.initializer {
            self.check_name(tensor.name())?;
            self.check_rank(tensor.dims.len())?;
        }
        for value in graph.input.iter().chain(&graph.output).chain(&graph.value_info) {
            self.check_value(value)?;
        }
        graph.node.iter().try_for_each(|node| self.check_node(node))
    }

    fn check_value(&self, value: &ValueInfoProto) -> Result<()> {
        self.check_name(value.name())?;
        value.r#type.as_ref().map_or(Ok(()), |r#type| self.check_type(r#type))
    }

    fn check_type(&self, r#type: &TypeProto) -> Result<()> {
        let mut next = Some(r#type);
        while let Some(r#type) = next.take() {
            match &r#type.value {
                Some(TypeValue::Tensor(tensor) | TypeValue::SparseTensor(tensor)) => {
                    let rank = tensor.shape.as_ref().map_or(0, |shape| shape.dim.len());
                    self.check_rank(rank)?;
                }
                Some(TypeValue::Sequence(of) | TypeValue::Optional(of)) => next = of.elem_type.as_deref(),
                Some(TypeValue::Map(map)) => next = map.value_type.as_deref(),
                Some(TypeValue::Opaque(_)) | None => {}
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &NodeProto) -> Result<()> {
        self.check_name(node.name())?;
        self.check_name(node.op_type())?;
        self.check_name(node.domain())?;
        node.input.iter().chain(&node.output).try_for_each(|name| self.check_name(name))?;
        within("number of attributes of one node", self.max_attribute_count, node.attribute.len() as u64)?;
        node.attribute
            .iter()
            .filter_map(|attribute| attribute.t.as_ref())
            .try_for_each(|t| self.check_rank(t.dims.len()))
    }

    fn check_name(&self, name: &str) -> Result<()> {
        within("length of a name in bytes", self.max_name_bytes, name.len() as u64)
    }

    fn check_rank(&self, rank: usize) -> Result<()> {
        within("rank of a tensor", self.max_rank_count, rank as u64)
    }
}
