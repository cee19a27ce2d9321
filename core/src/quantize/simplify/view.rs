//! [`View`]: one graph as the rewrites see it: who makes a value, who reads it, what is constant, what is known of types.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::facts::{Fact, Facts};
use crate::error::ResultExt;
use crate::model::{
    AttributeProto, ExternalDataResolver, GraphProto, NoExternalData, NodeProto, StringStringEntryProto,
    TensorProto, ValueInfoProto,
};
use crate::quantize::constants::constant_of;
use crate::tensor::DType;
use crate::{Error, Result};

/// One graph, to look things up in.
pub(crate) struct View<'g> {
    pub nodes: &'g [NodeProto],
    /// Version of the standard operators.
    pub opset: i64,
    makers: HashMap<&'g str, usize>,
    /// The nodes that read a value, once for each time.
    readers: HashMap<&'g str, Vec<usize>>,
    /// Outputs of the graph, and what graphs inside of its nodes read.
    pinned: HashSet<&'g str>,
    constants: HashMap<&'g str, Cow<'g, TensorProto>>,
    facts: Facts<'g>,
    external: Option<&'g dyn ExternalDataResolver>,
}

/// A constant with one element.
#[derive(Clone, Copy)]
pub(crate) struct Scalar {
    pub value: f64,
    /// Its number of dimensions, all of them 1.
    pub rank: usize,
}

impl<'g> View<'g> {
    /// `is_main` if the graph is not inside of a node; `inputs_are_fixed` if initializers that are inputs are constant.
    pub fn of(
        graph: &'g GraphProto,
        opset: i64,
        is_main: bool,
        inputs_are_fixed: bool,
        external: Option<&'g dyn ExternalDataResolver>,
    ) -> Self {
        let constants = constants(graph, inputs_are_fixed);
        let facts = Facts::of(graph, &constants, is_main);
        let (mut makers, mut readers) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (index, node) in graph.node.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.as_str(), index)));
            node.input.iter().for_each(|name| readers.entry(name.as_str()).or_default().push(index));
        }
        makers.remove("");
        readers.remove("");
        let pinned = pinned(graph);
        Self { nodes: &graph.node, opset, makers, readers, pinned, constants, facts, external }
    }

    /// The node that makes a value, if it is in this graph.
    pub fn maker(&self, name: &str) -> Option<usize> {
        self.makers.get(name).copied()
    }

    /// The node that makes a value, if it is this standard operator.
    pub fn made_by(&self, name: &str, op_type: &str) -> Option<usize> {
        self.maker(name).filter(|&index| is(&self.nodes[index], op_type))
    }

    /// The only node that reads a value, if it does so once and nobody else sees the value.
    pub fn only_reader(&self, name: &str) -> Option<usize> {
        match self.readers(name) {
            [reader] if !self.is_pinned(name) => Some(*reader),
            _ => None,
        }
    }

    /// The nodes of this graph that read a value.
    pub fn readers(&self, name: &str) -> &[usize] {
        self.readers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a value is an output of the graph or read by a graph inside of it.
    pub fn is_pinned(&self, name: &str) -> bool {
        self.pinned.contains(name)
    }

    /// Whether nobody but these nodes reads what they make, the last of them excepted.
    pub fn is_closed(&self, nodes: &[usize], last: usize) -> bool {
        let inner = nodes.iter().filter(|&&node| node != last);
        inner.flat_map(|&node| &self.nodes[node].output).filter(|name| !name.is_empty()).all(|name| {
            !self.is_pinned(name)
                && self.readers(name).iter().all(|reader| *reader == last || nodes.contains(reader))
        })
    }

    /// What is known of a value.
    pub fn fact(&self, name: &str) -> Fact {
        self.facts.get(name)
    }

    /// The constant of this name.
    pub fn constant(&self, name: &str) -> Option<&TensorProto> {
        self.constants.get(name).map(Cow::as_ref)
    }

    /// The numbers of a constant of floats, all of them finite; `None` if it is none or cannot be had.
    ///
    /// # Errors
    /// Those of the resolver of external data.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>> {
        let Some(tensor) = self.constant(name).filter(|tensor| tensor.dtype() == Ok(DType::F32)) else {
            return Ok(None);
        };
        if tensor.check_data().is_err() || tensor.is_external() && self.external.is_none() {
            return Ok(None);
        }
        let bytes =
            tensor.data_bytes(self.external.unwrap_or(&NoExternalData)).with_context(|| "constant")?;
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Ok(numbers.iter().all(|number| number.is_finite()).then_some(numbers))
    }

    /// The whole numbers of a constant that is stored in the model.
    pub fn wholes(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.constant(name).filter(|tensor| !tensor.is_external())?;
        wholes(tensor)
    }

    /// A constant float with one element.
    pub fn scalar(&self, name: &str) -> Option<Scalar> {
        let tensor = self.constant(name)?;
        let is_one = tensor.dims.iter().all(|&dim| dim == 1) && tensor.dtype() == Ok(DType::F32);
        if !is_one || tensor.is_external() || tensor.check_data().is_err() {
            return None;
        }
        let bytes = tensor.data_bytes(&NoExternalData).ok()?;
        let value = f64::from(f32::from_le_bytes(*bytes.first_chunk()?));
        value.is_finite().then_some(Scalar { value, rank: tensor.dims.len() })
    }

    /// The operand of a node of two inputs that is not this one; with which of the two it is.
    pub fn other<'n>(&self, node: &'n NodeProto, name: &str) -> Option<(&'n str, usize)> {
        match node.input.as_slice() {
            [left, right] if left == name && right != name => Some((right, 1)),
            [left, right] if right == name && left != name => Some((left, 0)),
            _ => None,
        }
    }
}

/// Whether a node is this operator of the standard.
pub(crate) fn is(node: &NodeProto, op_type: &str) -> bool {
    node.op_type() == op_type && node.domain().is_empty()
}

/// A whole-number attribute.
pub(crate) fn whole(node: &NodeProto, name: &str, default: i64) -> i64 {
    node.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
}

/// The axes of a node, an attribute in older operator sets, an input in later ones.
pub(crate) fn axes(view: &View, node: &NodeProto) -> Option<Vec<i64>> {
    match node.attribute("axes") {
        Some(axes) => Some(axes.ints.clone()),
        None => view.wholes(node.input.get(1)?),
    }
}

/// The elements of a tensor of whole numbers.
pub(crate) fn wholes(tensor: &TensorProto) -> Option<Vec<i64>> {
    let dtype = tensor.dtype().ok()?;
    tensor.check_data().ok()?;
    let bytes = tensor.data_bytes(&NoExternalData).ok()?;
    match dtype {
        DType::I64 => Some(bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()),
        DType::I32 => {
            Some(bytes.as_chunks().0.iter().map(|&bytes| i64::from(i32::from_le_bytes(bytes))).collect())
        }
        DType::U8 => Some(bytes.iter().map(|&byte| i64::from(byte)).collect()),
        DType::I8 => Some(bytes.iter().map(|&byte| i64::from(byte.cast_signed())).collect()),
        _ => None,
    }
}

/// Names that have to stay: outputs of the graph, and what graphs inside of its nodes read.
fn pinned(graph: &GraphProto) -> HashSet<&str> {
    let mut pinned: HashSet<&str> = graph.output.iter().map(ValueInfoProto::name).collect();
    let mut pending: Vec<&GraphProto> = graph.node.iter().flat_map(NodeProto::subgraphs).collect();
    while let Some(inner) = pending.pop() {
        pinned.extend(inner.output.iter().map(ValueInfoProto::name));
        for node in &inner.node {
            pinned.extend(node.input.iter().map(String::as_str));
            pending.extend(node.subgraphs());
        }
    }
    for annotation in &graph.quantization_annotation {
        pinned.extend(annotation.tensor_name.as_deref());
        pinned.extend(annotation.quant_parameter_tensor_names.iter().map(StringStringEntryProto::value));
    }
    pinned
}

/// The constants that a graph holds itself.
fn constants(graph: &GraphProto, inputs_are_fixed: bool) -> HashMap<&str, Cow<'_, TensorProto>> {
    let initializers = graph.initializer.iter().map(|tensor| (tensor.name(), Cow::Borrowed(tensor)));
    let mut constants: HashMap<_, _> = initializers.collect();
    if !inputs_are_fixed {
        graph.input.iter().for_each(|input| drop(constants.remove(input.name())));
    }
    graph.sparse_initializer.iter().flat_map(|sparse| &sparse.values).for_each(|tensor| {
        constants.remove(tensor.name());
    });
    for node in &graph.node {
        let value = constant_of(node).map(Cow::Borrowed).or_else(|| number_of(node).map(Cow::Owned));
        constants.extend(value.and_then(|value| Some((node.output.first()?.as_str(), value))));
    }
    constants.remove("");
    constants
}

/// The tensor of a `Constant` that is written as a number or a list of them.
fn number_of(node: &NodeProto) -> Option<TensorProto> {
    let [attribute] = node.attribute.as_slice() else { return None };
    let of = |dtype: DType, dims: Vec<i64>| TensorProto {
        data_type: Some(dtype.onnx()),
        dims,
        ..Default::default()
    };
    let AttributeProto { f, i, floats, ints, .. } = attribute;
    match attribute.name() {
        _ if !is(node, "Constant") => None,
        "value_float" => Some(TensorProto { float_data: vec![(*f)?].into(), ..of(DType::F32, vec![]) }),
        "value_int" => Some(TensorProto { int64_data: vec![(*i)?].into(), ..of(DType::I64, vec![]) }),
        "value_floats" => Some(TensorProto {
            float_data: floats.clone().into(),
            ..of(DType::F32, vec![i64::try_from(floats.len()).ok()?])
        }),
        "value_ints" => Some(TensorProto {
            int64_data: ints.clone().into(),
            ..of(DType::I64, vec![i64::try_from(ints.len()).ok()?])
        }),
        _ => None,
    }
}

/// A number that has to fit, for errors that cannot happen with a valid model.
pub(crate) fn size(dim: i64) -> Result<usize> {
    usize::try_from(dim).map_err(|_| Error::invalid_model(format!("impossible dimension {dim}")))
}
