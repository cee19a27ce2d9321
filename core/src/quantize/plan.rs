//! [`Plan`]: goes through a model, decides for every layer, and collects what has to change.

use std::collections::{HashMap, HashSet};

use super::constants::Constants;
use super::names::Names;
use super::rewrite::initializers_are_inputs;
use super::weight::Int8Matrix;
use super::{LayerOutcome, LayerReport, QuantizeOptions, dynamic, embedding};
use crate::error::ResultExt;
use crate::model::{ExternalDataResolver, GraphProto, Model, NodeProto, TensorProto};
use crate::tensor::DType;
use crate::{Error, Result};

/// Many nodes, each with a factor of its own, must not multiply one weight without bound.
const MAXIMUM_DERIVED: u32 = 8;

/// What has to change in a model, and what to say about it.
#[derive(Default)]
pub(super) struct Plan {
    /// Number of a node (a node is counted before those inside of it) to the nodes that take its place.
    pub replacements: HashMap<usize, Vec<NodeProto>>,
    /// New initializers of the main graph, where inner graphs see them too.
    pub initializers: Vec<TensorProto>,
    /// Names of the weights that replaced nodes have read.
    pub replaced: HashSet<String>,
    /// What was decided about each layer.
    pub layers: Vec<LayerReport>,
}

/// Why a layer is not quantized.
pub(super) enum Refusal {
    /// It stays as it is, for this reason.
    Skip(String),
    /// The model as a whole cannot be quantized.
    Fail(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// A layer is skipped for this reason.
pub(super) fn skip<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Skip(reason.into()))
}

/// The quantized form of a weight that a layer needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Rows of a table, with a column of scales.
    Rows,
    /// The right side of a product, with a scale for each column; first transposed and multiplied by `f32` bits.
    Columns { transposed: bool, factor_bits: u32 },
}

/// A quantized weight, as initializers.
#[derive(Clone)]
pub(super) struct Quantized {
    pub values: String,
    pub scales: String,
    pub outcome: LayerOutcome,
}

/// Goes through the graphs of a model.
pub(super) struct Planner<'a> {
    pub options: &'a QuantizeOptions,
    /// Version of the standard operators that the model uses; 0 if it uses none.
    pub opset: i64,
    pub names: Names,
    pub plan: Plan,
    pub constants: Constants<'a>,
    external: Option<&'a dyn ExternalDataResolver>,
    inputs_are_fixed: bool,
    next_node: usize,
    /// Weights that several layers use are quantized once. By address, because names may repeat in inner graphs.
    quantized: HashMap<(*const TensorProto, Form), Result<Quantized, String>>,
    /// How many tensors were derived from one.
    derived: HashMap<*const TensorProto, u32>,
}

impl Plan {
    /// Decides for every layer of a valid model.
    pub fn of(
        model: &Model,
        options: &QuantizeOptions,
        external: Option<&dyn ExternalDataResolver>,
    ) -> Result<Self> {
        let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty());
        let mut planner = Planner {
            options,
            opset: opset.and_then(|opset| opset.version).unwrap_or(0),
            names: Names::of(model),
            plan: Self::default(),
            constants: Constants::default(),
            external,
            inputs_are_fixed: initializers_are_inputs(model.ir_version),
            next_node: 0,
            quantized: HashMap::new(),
            derived: HashMap::new(),
        };
        if let Some(graph) = &model.graph {
            planner.graph(graph)?;
        }
        let is_node = |name: &String| model.nodes().any(|at| label(at.node) == name);
        match options.exclude.iter().find(|name| !is_node(name)) {
            Some(name) => {
                let layers = planner.plan.layers.iter().map(|layer| layer.node.as_str());
                Err(Error::not_found("node", name, layers))
            }
            None => Ok(planner.plan),
        }
    }
}

impl<'a> Planner<'a> {
    fn graph(&mut self, graph: &'a GraphProto) -> Result<()> {
        self.constants.enter(graph, self.inputs_are_fixed);
        for node in &graph.node {
            let number = self.next_node;
            self.next_node += 1;
            self.node(number, node)?;
            node.subgraphs().try_for_each(|inner| self.graph(inner))?;
        }
        self.constants.leave();
        Ok(())
    }

    fn node(&mut self, number: usize, node: &'a NodeProto) -> Result<()> {
        let weight_input = match (node.domain(), node.op_type()) {
            ("", "MatMul" | "Gemm") => 1,
            ("", "Gather") if self.options.embeddings && embedding::is_table(self, node) => 0,
            _ => return Ok(()),
        };
        let name = node.input.get(weight_input).map_or("", String::as_str);
        let weight = self.constants.get(name);
        let outcome = match self.layer(number, node, weight) {
            Ok(outcome) => outcome,
            Err(Refusal::Skip(reason)) => LayerOutcome::Skipped { reason },
            Err(Refusal::Fail(error)) => return Err(error.context(format!("layer `{}`", label(node)))),
        };
        if let LayerOutcome::Quantized { .. } = outcome {
            self.plan.replaced.insert(name.to_owned());
        }
        self.plan.layers.push(LayerReport {
            node: label(node).to_owned(),
            op_type: node.op_type().to_owned(),
            weight: name.to_owned(),
            shape: weight.map_or_else(Vec::new, |weight| weight.dims.clone()),
            outcome,
        });
        Ok(())
    }

    fn layer(
        &mut self,
        number: usize,
        node: &NodeProto,
        weight: Option<&'a TensorProto>,
    ) -> Result<LayerOutcome, Refusal> {
        if self.options.exclude.iter().any(|name| name == label(node)) {
            return skip("excluded by the options");
        }
        let Some(weight) = weight else { return skip("its right side is no constant") };
        self.check_weight(weight)?;
        let (nodes, outcome) = match node.op_type() {
            "Gather" => embedding::rewrite(self, node, weight)?,
            _ => dynamic::rewrite(self, node, weight)?,
        };
        self.plan.replacements.insert(number, nodes);
        Ok(outcome)
    }

    /// Whether a weight is of a kind that can be quantized and is worth it.
    fn check_weight(&self, weight: &TensorProto) -> Result<(), Refusal> {
        match weight.dtype()? {
            DType::F32 => {}
            other => return skip(format!("its weight is {other}, not float32")),
        }
        if weight.dims.len() != 2 {
            return skip(format!("its weight has {} dimensions, not 2", weight.dims.len()));
        }
        match weight.element_count()? as u64 {
            0 => skip("its weight is empty"),
            count if count < self.options.min_weight_elements => skip(format!(
                "its weight has {count} elements, fewer than {}",
                self.options.min_weight_elements
            )),
            _ if weight.is_external() && self.external.is_none() => {
                skip("its weight is in a file outside of the model")
            }
            _ => Ok(()),
        }
    }

    /// The quantized form of a float weight with two dimensions, as initializers; made once.
    pub fn quantized(&mut self, weight: &'a TensorProto, form: Form) -> Result<Quantized, Refusal> {
        let key = (std::ptr::from_ref(weight), form);
        if let Some(known) = self.quantized.get(&key) {
            return known.clone().map_err(Refusal::Skip);
        }
        let made = match self.make(weight, form) {
            Err(Refusal::Fail(error)) => return Err(error.into()),
            Err(Refusal::Skip(reason)) => Err(reason),
            Ok(quantized) => Ok(quantized),
        };
        self.quantized.insert(key, made.clone());
        made.map_err(Refusal::Skip)
    }

    fn make(&mut self, weight: &TensorProto, form: Form) -> Result<Quantized, Refusal> {
        let (dims, limit) = (&weight.dims, self.options.limit());
        let (rows, columns) = (dims[0] as usize, dims[1] as usize);
        let weights = self.floats(weight)?;
        let (matrix, dims, scale_dims) = match form {
            Form::Rows => (Int8Matrix::by_row(&weights, columns, limit), dims.clone(), vec![dims[0], 1]),
            Form::Columns { transposed, factor_bits } => {
                let factor = f32::from_bits(factor_bits);
                let weights = scaled(weights, factor);
                if weights.iter().any(|weight| !weight.is_finite()) {
                    return skip("its weight times alpha is not finite");
                }
                let dims = if transposed { vec![dims[1], dims[0]] } else { dims.clone() };
                let matrix = if transposed {
                    let by_row = Int8Matrix::by_row(&weights, columns, limit);
                    Int8Matrix { values: transpose(&by_row.values, rows, columns), ..by_row }
                } else {
                    Int8Matrix::by_column(&weights, columns, limit)
                };
                let scale_dims = vec![dims[1]];
                (matrix, dims, scale_dims)
            }
        };
        let scales = matrix.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect::<Vec<u8>>();
        let outcome = LayerOutcome::Quantized {
            mean_error: matrix.mean_error,
            max_error: matrix.max_error,
            bytes_before: (size_of::<f32>() * matrix.values.len()) as u64,
            bytes_after: (matrix.values.len() + scales.len()) as u64,
        };
        let values = matrix.values.iter().map(|value| value.to_le_bytes()[0]).collect();
        let base = if weight.name().is_empty() { "weight" } else { weight.name() };
        let (values_name, scales_name) = (format!("{base}_int8"), format!("{base}_scale"));
        let values = self.initializer(values_name, DType::I8, dims, values);
        let scales = self.initializer(scales_name, DType::F32, scale_dims, scales);
        Ok(Quantized { values, scales, outcome })
    }

    /// The numbers of a weight or bias, all of them finite, to derive another from.
    pub fn floats(&mut self, tensor: &TensorProto) -> Result<Vec<f32>, Refusal> {
        let derived = self.derived.entry(std::ptr::from_ref(tensor)).or_default();
        *derived += 1;
        if *derived > MAXIMUM_DERIVED {
            return skip(format!("its weight or bias is used with more than {MAXIMUM_DERIVED} factors"));
        }
        let none = &crate::model::NoExternalData;
        let bytes = tensor.data_bytes(self.external.unwrap_or(none)).with_context(|| "weight")?;
        let numbers: Vec<f32> =
            bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => skip(format!("its weight or bias has an element that is {number}")),
            None => Ok(numbers),
        }
    }

    /// Adds an initializer; gives its name, which is this one or close to it.
    pub fn initializer(&mut self, name: String, dtype: DType, dims: Vec<i64>, bytes: Vec<u8>) -> String {
        let name = self.names.fresh(name);
        self.plan.initializers.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(dtype.onnx()),
            dims,
            raw_data: Some(bytes.into()),
            ..Default::default()
        });
        name
    }
}

/// What a node is called in reports.
pub(super) fn label(node: &NodeProto) -> &str {
    match node.name() {
        "" => node.output.first().map_or("", String::as_str),
        name => name,
    }
}

fn scaled(mut weights: Vec<f32>, factor: f32) -> Vec<f32> {
    // One is by far the most frequent, and leaves every number as it is.
    if factor != 1.0 {
        weights.iter_mut().for_each(|weight| *weight *= factor);
    }
    weights
}

fn transpose(values: &[i8], rows: usize, columns: usize) -> Vec<i8> {
    let column = |column: usize| (0..rows).map(move |row| values[row * columns + column]);
    (0..columns).flat_map(column).collect()
}
