//! [`Plan`]: goes through a model, decides for every layer, and collects what has to change.

use std::collections::{HashMap, HashSet};

use super::constants::Constants;
use super::initializers::Initializers;
use super::names::Names;
use super::rewrite::initializers_are_inputs;
use super::{LayerOutcome, LayerReport, QuantizeOptions, dynamic, embedding};
use crate::model::{ExternalDataResolver, GraphProto, Model, NodeProto, TensorProto};
use crate::tensor::DType;
use crate::{Error, Result};

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

/// Goes through the graphs of a model.
pub(super) struct Planner<'a> {
    pub options: &'a QuantizeOptions,
    /// Version of the standard operators that the model uses; 0 if it uses none.
    pub opset: i64,
    pub initializers: Initializers<'a>,
    plan: Plan,
    pub constants: Constants<'a>,
    inputs_are_fixed: bool,
    next_node: usize,
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
            initializers: Initializers::new(Names::of(model), options.limit(), external),
            plan: Self::default(),
            constants: Constants::default(),
            inputs_are_fixed: initializers_are_inputs(model.ir_version),
            next_node: 0,
        };
        if let Some(graph) = &model.graph {
            planner.graph(graph)?;
        }
        Ok(Self { initializers: planner.initializers.list, ..planner.plan })
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
            _ if weight.is_external() && !self.initializers.reads_files() => {
                skip("its weight is in a file outside of the model")
            }
            _ => Ok(()),
        }
    }

    /// A name that nothing has yet: this one or close to it.
    pub fn fresh(&mut self, wanted: String) -> String {
        self.initializers.names.fresh(wanted)
    }
}

/// What a node is called in reports.
pub(super) fn label(node: &NodeProto) -> &str {
    match node.name() {
        "" => node.output.first().map_or("", String::as_str),
        name => name,
    }
}
