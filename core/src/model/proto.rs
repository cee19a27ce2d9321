//! The messages of an ONNX file, named and numbered as in `onnx.proto`: model, graph, node, attribute, function.
//!
//! Device placement hints (`configuration`, `device_configurations`), which ONNX Runtime does not read, are kept
//! among the unknown fields.

use super::field::messages;
use super::{
    Bytes, Dimension, SparseTensorProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, TypeValue,
};
use crate::tensor::{DType, ValueInfo, ValueType};

messages! {
    /// A whole model: ONNX's `ModelProto`.
    ///
    /// Cloning copies the structure, not the payloads. `Send` and `Sync`.
    pub struct Model {
        /// Version of the file format.
        pub ir_version: Option<i64> = 1,
        /// Tool that made the model.
        pub producer_name: Option<String> = 2,
        /// Version of that tool.
        pub producer_version: Option<String> = 3,
        /// Reverse domain name of the model's author.
        pub domain: Option<String> = 4,
        /// The author's version of the model.
        pub model_version: Option<i64> = 5,
        /// Text for people.
        pub doc_string: Option<String> = 6,
        /// The main graph.
        pub graph: Option<GraphProto> = 7,
        /// Versions of the operator sets that nodes refer to.
        pub opset_import: Vec<OperatorSetIdProto> = 8,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 14,
        /// Graphs for training, which inference does not use.
        pub training_info: Vec<TrainingInfoProto> = 20,
        /// Operators defined by the model itself.
        pub functions: Vec<FunctionProto> = 25,
    }

    /// Nodes and the values they connect.
    pub struct GraphProto {
        /// The nodes; each one reads values that other nodes, inputs or initializers give.
        pub node: Vec<NodeProto> = 1,
        /// Name of the graph.
        pub name: Option<String> = 2,
        /// Constant tensors, usually the weights.
        pub initializer: Vec<TensorProto> = 5,
        /// Text for people.
        pub doc_string: Option<String> = 10,
        /// Values that the caller gives.
        pub input: Vec<ValueInfoProto> = 11,
        /// Values that the caller gets.
        pub output: Vec<ValueInfoProto> = 12,
        /// Types of values in between.
        pub value_info: Vec<ValueInfoProto> = 13,
        /// Quantization parameters of values.
        pub quantization_annotation: Vec<TensorAnnotation> = 14,
        /// Constant tensors in sparse form.
        pub sparse_initializer: Vec<SparseTensorProto> = 15,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 16,
    }

    /// One use of an operator.
    pub struct NodeProto {
        /// Names of the values read; empty for an optional input that is left out.
        pub input: Vec<String> = 1,
        /// Names of the values made; empty for an optional output that is left out.
        pub output: Vec<String> = 2,
        /// Name of the node.
        pub name: Option<String> = 3,
        /// Name of the operator.
        pub op_type: Option<String> = 4,
        /// Constant parameters of the operator.
        pub attribute: Vec<AttributeProto> = 5,
        /// Text for people.
        pub doc_string: Option<String> = 6,
        /// Operator set that the operator belongs to; empty for ONNX's own.
        pub domain: Option<String> = 7,
        /// Which overload of a function of the model is meant.
        pub overload: Option<String> = 8,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 9,
    }

    /// A named constant parameter of a node. One of the value fields is in use.
    pub struct AttributeProto {
        /// Name of the attribute.
        pub name: Option<String> = 1,
        /// A number.
        pub f: Option<f32> = 2,
        /// A whole number.
        pub i: Option<i64> = 3,
        /// A text or any bytes.
        pub s: Option<Bytes> = 4,
        /// A tensor.
        pub t: Option<Box<TensorProto>> = 5,
        /// A graph, for example a branch of `If`.
        pub g: Option<Box<GraphProto>> = 6,
        /// Numbers.
        pub floats: Vec<f32> = 7,
        /// Whole numbers.
        pub ints: Vec<i64> = 8,
        /// Texts.
        pub strings: Vec<Bytes> = 9,
        /// Tensors.
        pub tensors: Vec<TensorProto> = 10,
        /// Graphs.
        pub graphs: Vec<GraphProto> = 11,
        /// Text for people.
        pub doc_string: Option<String> = 13,
        /// A type.
        pub tp: Option<Box<TypeProto>> = 14,
        /// Types.
        pub type_protos: Vec<TypeProto> = 15,
        /// Which of the fields is in use (`AttributeProto.AttributeType`).
        pub r#type: Option<i32> = 20,
        /// In a function: the attribute of the calling node that gives the value.
        pub ref_attr_name: Option<String> = 21,
        /// A sparse tensor.
        pub sparse_tensor: Option<Box<SparseTensorProto>> = 22,
        /// Sparse tensors.
        pub sparse_tensors: Vec<SparseTensorProto> = 23,
    }

    /// Name and type of a value.
    pub struct ValueInfoProto {
        /// Name of the value.
        pub name: Option<String> = 1,
        /// Its type; absent if unknown.
        pub r#type: Option<TypeProto> = 2,
        /// Text for people.
        pub doc_string: Option<String> = 3,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 4,
    }

    /// An operator made of nodes.
    pub struct FunctionProto {
        /// Name of the operator.
        pub name: Option<String> = 1,
        /// Names of the inputs.
        pub input: Vec<String> = 4,
        /// Names of the outputs.
        pub output: Vec<String> = 5,
        /// Names of the attributes that have no default.
        pub attribute: Vec<String> = 6,
        /// The nodes.
        pub node: Vec<NodeProto> = 7,
        /// Text for people.
        pub doc_string: Option<String> = 8,
        /// Versions of the operator sets that the nodes refer to.
        pub opset_import: Vec<OperatorSetIdProto> = 9,
        /// Operator set that the operator belongs to.
        pub domain: Option<String> = 10,
        /// Attributes with a default.
        pub attribute_proto: Vec<AttributeProto> = 11,
        /// Types of values in between.
        pub value_info: Vec<ValueInfoProto> = 12,
        /// Which overload of the name this is.
        pub overload: Option<String> = 13,
        /// Named texts.
        pub metadata_props: Vec<StringStringEntryProto> = 14,
    }

    /// Name and version of an operator set.
    pub struct OperatorSetIdProto {
        /// Its domain; empty for ONNX's own.
        pub domain: Option<String> = 1,
        /// Its version.
        pub version: Option<i64> = 2,
    }

    /// A named text.
    pub struct StringStringEntryProto {
        /// The name.
        pub key: Option<String> = 1,
        /// The text.
        pub value: Option<String> = 2,
    }

    /// Quantization parameters of a value.
    pub struct TensorAnnotation {
        /// Name of the value.
        pub tensor_name: Option<String> = 1,
        /// Parameter (`SCALE_TENSOR`, `ZERO_POINT_TENSOR`) to name of the tensor that holds it.
        pub quant_parameter_tensor_names: Vec<StringStringEntryProto> = 2,
    }

    /// Graphs for training.
    pub struct TrainingInfoProto {
        /// Sets the weights up.
        pub initialization: Option<GraphProto> = 1,
        /// One step of training.
        pub algorithm: Option<GraphProto> = 2,
        /// Initializer to output of `initialization`.
        pub initialization_binding: Vec<StringStringEntryProto> = 3,
        /// Initializer to output of `algorithm`.
        pub update_binding: Vec<StringStringEntryProto> = 4,
    }
}

impl GraphProto {
    /// The graph's name, empty if it has none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The initializer with this name. Takes time proportional to their number.
    pub fn initializer(&self, name: &str) -> Option<&TensorProto> {
        // The last one wins, as in ONNX Runtime.
        self.initializer.iter().rev().find(|tensor| tensor.name() == name)
    }
}

impl NodeProto {
    /// The node's name, empty if it has none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The operator's name, empty if it is missing.
    pub fn op_type(&self) -> &str {
        self.op_type.as_deref().unwrap_or_default()
    }

    /// The operator's domain: empty for ONNX's own, whichever way it is written.
    pub fn domain(&self) -> &str {
        normal_domain(self.domain.as_deref())
    }

    /// The attribute with this name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// The graphs that are attributes of this node.
    pub fn subgraphs(&self) -> impl DoubleEndedIterator<Item = &GraphProto> {
        self.attribute
            .iter()
            .flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
    }
}

impl AttributeProto {
    /// The attribute's name, empty if it is missing.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl ValueInfoProto {
    /// A tensor of this name, type and shape; without dimensions, of a shape that is not told.
    pub fn tensor(name: impl Into<String>, dtype: DType, dims: Option<&[i64]>) -> Self {
        let shape = dims.map(|dims| TensorShapeProto {
            dim: dims.iter().map(|&size| Dimension::Value(size).into()).collect(),
            ..Default::default()
        });
        let tensor = TensorTypeProto { elem_type: Some(dtype.onnx()), shape, ..Default::default() };
        let r#type = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() };
        Self { name: Some(name.into()), r#type: Some(r#type), ..Default::default() }
    }

    /// Name and type in the terms of the rest of the library.
    pub fn to_value_info(&self) -> ValueInfo {
        let value_type = self.r#type.as_ref().map_or(ValueType::Unknown, ValueType::from);
        ValueInfo { name: self.name().to_owned(), value_type }
    }

    /// The value's name, empty if it is missing.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl FunctionProto {
    /// The operator's name, empty if it is missing.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The operator's domain: empty for ONNX's own, whichever way it is written.
    pub fn domain(&self) -> &str {
        normal_domain(self.domain.as_deref())
    }
}

impl OperatorSetIdProto {
    /// The domain: empty for ONNX's own, whichever way it is written.
    pub fn domain(&self) -> &str {
        normal_domain(self.domain.as_deref())
    }
}

impl StringStringEntryProto {
    /// The name, empty if it is missing.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// The text, empty if it is missing.
    pub fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// ONNX's own domain is written empty or as `ai.onnx`.
fn normal_domain(domain: Option<&str>) -> &str {
    match domain {
        None | Some("ai.onnx") => "",
        Some(domain) => domain,
    }
}
