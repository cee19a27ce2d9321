//! [`ModelReport`]: what is inside of a model, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::quantization::{self, QuantizationReport};
use super::tensor::element_count;
use super::walk::graphs;
use super::{Model, NodeProto, Signature, TensorProto};
use crate::tensor::{DType, Dim, ValueInfo, ValueType};

/// Domains whose operators ONNX or ONNX Runtime define.
const KNOWN_DOMAINS: [&str; 11] = [
    "",
    "ai.onnx.ml",
    "ai.onnx.training",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.dml",
    "com.microsoft.experimental",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
    "org.pytorch.aten",
];

/// What is inside of a model. Made by [`Model::report`].
///
/// "Parameters" are the elements of all initializers and of the tensors in `Constant` nodes, in all graphs and
/// functions. Operators outside of ONNX's own domain are written `domain::operator`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelReport {
    /// Tool that made the model; empty if unknown.
    pub producer_name: String,
    /// Version of that tool; empty if unknown.
    pub producer_version: String,
    /// Reverse domain name of the model's author; empty if unknown.
    pub domain: String,
    /// The author's version of the model.
    pub model_version: i64,
    /// Version of the file format.
    pub ir_version: i64,
    /// Domain of an operator set (ONNX's own is `ai.onnx`) to its version.
    pub opsets: BTreeMap<String, i64>,
    /// Name of the main graph.
    pub graph_name: String,
    /// Text for people.
    pub doc_string: String,
    /// Named texts.
    pub metadata: BTreeMap<String, String>,
    /// Values that the caller has to give.
    pub inputs: Vec<ValueInfo>,
    /// Values that the caller gets.
    pub outputs: Vec<ValueInfo>,
    /// Inputs with a default value, which the caller may give.
    pub overridable_initializers: Vec<ValueInfo>,
    /// Size of the ONNX file.
    pub model_bytes: u64,
    /// Size of the ONNX file and of the external data that it uses.
    pub total_bytes: u64,
    /// Number of parameters.
    pub parameter_count: u64,
    /// Size of the parameters.
    pub parameter_bytes: u64,
    /// Element type to the size of the parameters of that type.
    pub dtype_bytes: BTreeMap<String, u64>,
    /// Tensors that are initializers, in all graphs.
    pub initializer_count: u64,
    /// Nodes in all graphs and functions.
    pub node_count: u64,
    /// Operator to number of nodes.
    pub op_type_counts: BTreeMap<String, u64>,
    /// Graphs inside of nodes.
    pub subgraph_count: u64,
    /// Operators that the model defines itself.
    pub functions: Vec<String>,
    /// Operator that contains graphs (`If`, `Loop`, `Scan`, `SequenceMap`) to number of nodes.
    pub control_flow_counts: BTreeMap<String, u64>,
    /// Domains of operators that neither ONNX, nor ONNX Runtime, nor the model define.
    pub custom_domains: Vec<String>,
    /// Dimensions of inputs and outputs whose size is known only when the model runs.
    pub dynamic_dims: Vec<DynamicDim>,
    /// Files with data of this model.
    pub external_files: Vec<ExternalFileReport>,
    /// How the model is already quantized.
    pub quantization: QuantizationReport,
}

/// A dimension whose size is known only when the model runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicDim {
    /// Its name; `None` if it has none, and then it is independent of all others.
    pub name: Option<String>,
    /// Where it appears.
    pub axes: Vec<DynamicAxis>,
}

/// One axis of one input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicAxis {
    /// Name of the input or output.
    pub value: String,
    /// Number of the axis, from 0.
    pub axis: u64,
}

/// A file with data of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExternalFileReport {
    /// Path relative to the model's folder, as the model gives it.
    pub location: String,
    /// Tensors in it.
    pub tensor_count: u64,
    /// Size of those tensors.
    pub tensor_bytes: u64,
}

impl Model {
    /// Tells what is inside of the model, without reading external data.
    ///
    /// Never fails: what is missing or damaged is left out, see [`Model::validate`].
    ///
    /// # Examples
    /// ```
    /// use ortlet::model::{GraphProto, Model, TensorProto};
    ///
    /// let weights = TensorProto { data_type: Some(1), dims: vec![2, 3], ..TensorProto::default() };
    /// let graph = GraphProto { initializer: vec![weights], ..GraphProto::default() };
    /// let report = Model { graph: Some(graph), ..Model::default() }.report();
    /// assert_eq!((report.parameter_count, report.dtype_bytes["float32"]), (6, 24));
    /// ```
    pub fn report(&self) -> ModelReport {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let tensors = Tensors::of(self);
        let nodes = Nodes::of(self);
        let Signature { inputs, outputs, overridable_initializers } = self.signature();
        let model_bytes = self.encoded_bytes().unwrap_or_default();
        let external_bytes: u64 = tensors.files.values().map(|file| file.tensor_bytes).sum();
        ModelReport {
            producer_name: text(&self.producer_name),
            producer_version: text(&self.producer_version),
            domain: text(&self.domain),
            model_version: self.model_version.unwrap_or_default(),
            ir_version: self.ir_version.unwrap_or_default(),
            opsets: self.report_opsets(),
            graph_name: self.graph.as_ref().map(|graph| graph.name().to_owned()).unwrap_or_default(),
            doc_string: text(&self.doc_string),
            metadata: self
                .metadata_props
                .iter()
                .map(|p| (p.key().to_owned(), p.value().to_owned()))
                .collect(),
            dynamic_dims: dynamic_dims(inputs.iter().chain(&outputs)),
            inputs,
            outputs,
            overridable_initializers,
            model_bytes,
            total_bytes: model_bytes.saturating_add(external_bytes),
            parameter_count: tensors.parameter_count,
            parameter_bytes: tensors.dtype_bytes.values().sum(),
            dtype_bytes: tensors.dtype_bytes,
            initializer_count: tensors.initializer_count,
            node_count: nodes.count,
            op_type_counts: nodes.op_type_counts,
            subgraph_count: nodes.subgraph_count,
            functions: self.functions.iter().map(|f| qualified(f.domain(), f.name())).collect(),
            control_flow_counts: nodes.control_flow_counts,
            custom_domains: self.custom_domains(&nodes.domains),
            external_files: tensors.files.into_values().collect(),
            quantization: quantization::report(self),
        }
    }

    fn report_opsets(&self) -> BTreeMap<String, i64> {
        let name = |domain: &str| if domain.is_empty() { "ai.onnx".to_owned() } else { domain.to_owned() };
        self.opset_import
            .iter()
            .map(|opset| (name(opset.domain()), opset.version.unwrap_or_default()))
            .collect()
    }

    fn custom_domains(&self, used: &BTreeSet<&str>) -> Vec<String> {
        let own: BTreeSet<&str> = self.functions.iter().map(super::FunctionProto::domain).collect();
        let custom = used.iter().filter(|domain| !KNOWN_DOMAINS.contains(domain) && !own.contains(*domain));
        custom.map(|&domain| domain.to_owned()).collect()
    }
}

/// The operator's name with its domain, unless that is ONNX's own.
pub(super) fn qualified(domain: &str, op_type: &str) -> String {
    if domain.is_empty() { op_type.to_owned() } else { format!("{domain}::{op_type}") }
}

/// Number of elements, 0 if the dims are impossible.
pub(super) fn count(tensor: &TensorProto) -> u64 {
    element_count(&tensor.dims).unwrap_or_default() as u64
}

/// The tensor in a `Constant` node.
pub(super) fn constant(node: &NodeProto) -> Option<&TensorProto> {
    let is_constant = node.op_type() == "Constant" && node.domain().is_empty();
    node.attribute("value").filter(|_| is_constant)?.t.as_deref()
}

/// Sums over all tensors.
#[derive(Default)]
struct Tensors {
    parameter_count: u64,
    dtype_bytes: BTreeMap<String, u64>,
    initializer_count: u64,
    files: BTreeMap<String, ExternalFileReport>,
}

impl Tensors {
    fn of(model: &Model) -> Self {
        let mut sums = Self::default();
        for graph in graphs(model) {
            sums.initializer_count += (graph.initializer.len() + graph.sparse_initializer.len()) as u64;
            graph.initializer.iter().for_each(|tensor| sums.add(tensor));
            graph
                .sparse_initializer
                .iter()
                .filter_map(|s| s.values.as_ref())
                .for_each(|tensor| sums.add(tensor));
        }
        model.nodes().filter_map(|at| constant(at.node)).for_each(|tensor| sums.add(tensor));
        sums
    }

    fn add(&mut self, tensor: &TensorProto) {
        let bytes = stored_bytes(tensor);
        let dtype = match tensor.dtype() {
            Ok(dtype) => dtype.name().to_owned(),
            Err(_) => format!("element type {}", tensor.data_type.unwrap_or_default()),
        };
        self.parameter_count = self.parameter_count.saturating_add(count(tensor));
        let sum = self.dtype_bytes.entry(dtype).or_default();
        *sum = sum.saturating_add(bytes);
        if let Ok(Some(external)) = tensor.external_location() {
            let location = external.location;
            let file = self.files.entry(location.clone()).or_insert(ExternalFileReport {
                location,
                tensor_count: 0,
                tensor_bytes: 0,
            });
            file.tensor_count += 1;
            file.tensor_bytes = file.tensor_bytes.saturating_add(bytes);
        }
    }
}

/// Size of a tensor's elements.
fn stored_bytes(tensor: &TensorProto) -> u64 {
    match tensor.dtype() {
        Ok(DType::String) => tensor.string_data.iter().map(|text| text.len() as u64).sum(),
        Ok(dtype) => dtype.size_bytes(count(tensor) as usize).unwrap_or_default() as u64,
        Err(_) => tensor.raw_data.as_ref().map_or(0, |raw| raw.len() as u64),
    }
}

/// Sums over all nodes.
#[derive(Default)]
struct Nodes<'a> {
    count: u64,
    op_type_counts: BTreeMap<String, u64>,
    control_flow_counts: BTreeMap<String, u64>,
    subgraph_count: u64,
    domains: BTreeSet<&'a str>,
}

impl<'a> Nodes<'a> {
    fn of(model: &'a Model) -> Self {
        let mut sums = Self::default();
        for at in model.nodes() {
            let (domain, op_type) = (at.node.domain(), at.node.op_type());
            sums.count += 1;
            sums.subgraph_count += at.node.subgraphs().count() as u64;
            sums.domains.insert(domain);
            *sums.op_type_counts.entry(qualified(domain, op_type)).or_default() += 1;
            if domain.is_empty() && matches!(op_type, "If" | "Loop" | "Scan" | "SequenceMap") {
                *sums.control_flow_counts.entry(op_type.to_owned()).or_default() += 1;
            }
        }
        sums
    }
}

fn dynamic_dims<'a>(values: impl Iterator<Item = &'a ValueInfo>) -> Vec<DynamicDim> {
    let mut named: BTreeMap<&str, Vec<DynamicAxis>> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for value in values {
        let ValueType::Tensor { shape, .. } = &value.value_type else { continue };
        for (axis, dim) in shape.dims().unwrap_or_default().iter().enumerate() {
            let at = || DynamicAxis { value: value.name.clone(), axis: axis as u64 };
            match dim {
                Dim::Symbol(name) => named.entry(name).or_default().push(at()),
                Dim::Fixed(_) => {}
                Dim::Unknown => unnamed.push(DynamicDim { name: None, axes: vec![at()] }),
            }
        }
    }
    let named = named.into_iter().map(|(name, axes)| DynamicDim { name: Some(name.to_owned()), axes });
    named.chain(unnamed).collect()
}
