//! [`Plan`]: goes through a model, decides for every layer, and collects what has to change.

use std::collections::{HashMap, HashSet};

use super::constants::Constants;
use super::forms::Forms;
use super::initializers::Initializers;
use super::names::Names;
use super::reads::Reads;
use super::rewrite::initializers_are_inputs;
use super::{
    Calibration, ChannelStatistics, LayerOutcome, LayerReport, QuantizeMode, QuantizeOptions, convolution,
    dynamic, embedding, half, weights_only,
};
use crate::model::{ExternalDataResolver, GraphProto, Model, NodeProto, TensorProto};
use crate::tensor::DType;
use crate::{Error, Result};

/// What has to change in a model, and what to say about it.
#[derive(Default)]
pub(super) struct Plan {
    /// Number of a node (a node is counted before those inside of it) to the nodes that take its place.
    pub replacements: HashMap<usize, Vec<NodeProto>>,
    /// Nodes that the main graph begins with.
    pub beginning: Vec<NodeProto>,
    /// New initializers of the main graph, where inner graphs see them too.
    pub initializers: Vec<TensorProto>,
    /// Names of the weights that replaced nodes have read.
    pub replaced: HashSet<String>,
    /// What was decided about each layer.
    pub layers: Vec<LayerReport>,
}

/// What becomes of a layer.
pub(super) struct Made<'a> {
    /// The nodes that take its place.
    pub nodes: Vec<NodeProto>,
    pub outcome: LayerOutcome,
    /// The node that adds its bias, if that is among those that are replaced.
    pub addition: Option<&'a NodeProto>,
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
    pub constants: Constants<'a>,
    /// Constants in `float16` to the values that they are cast to.
    pub casts: HashMap<String, String>,
    plan: Plan,
    forms: Forms<'a>,
    calibration: Option<&'a Calibration>,
    reads: Reads<'a>,
    inputs_are_fixed: bool,
    /// How many graphs are around the current one.
    depth: usize,
}

impl Plan {
    /// Decides for every layer of a valid model, those of [`QuantizeMode::Int8Static`] excepted.
    pub fn of(
        model: &Model,
        forms: Forms,
        calibration: Option<&Calibration>,
        external: Option<&dyn ExternalDataResolver>,
    ) -> Result<Self> {
        let options = forms.options;
        let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty());
        let mut planner = Planner {
            options,
            opset: opset.and_then(|opset| opset.version).unwrap_or(0),
            initializers: Initializers::new(
                Names::of(model),
                options.is_reduced(),
                options.block_size,
                external,
            ),
            constants: Constants::default(),
            casts: HashMap::new(),
            plan: Self::default(),
            forms,
            calibration,
            reads: Reads::of(model),
            inputs_are_fixed: initializers_are_inputs(model.ir_version),
            depth: 0,
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
            self.node(node)?;
            self.depth += 1;
            node.subgraphs().try_for_each(|inner| self.graph(inner))?;
            self.depth -= 1;
        }
        self.constants.leave();
        Ok(())
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        let form = self.forms.of(node);
        if form == Some(QuantizeMode::Int8Static) {
            return Ok(());
        }
        if form == Some(QuantizeMode::Float16) {
            return self.store_half(node);
        }
        let weight_input = match (node.domain(), node.op_type()) {
            ("", "MatMul" | "Gemm") => 1,
            ("", "Gather") if self.options.embeddings && embedding::is_table(self, node) => 0,
            ("", "Conv") if self.forms.unless_excluded(node) == QuantizeMode::Int8Dynamic => 1,
            _ => return Ok(()),
        };
        let name = node.input.get(weight_input).map_or("", String::as_str);
        let weight = self.constants.get(name);
        let outcome = match self.layer(node, weight, form) {
            Ok(outcome) => outcome,
            Err(Refusal::Skip(reason)) => LayerOutcome::Skipped { reason },
            Err(Refusal::Fail(error)) => return Err(error.context(format!("layer `{}`", label(node)))),
        };
        self.note(node, name, weight, outcome);
        Ok(())
    }

    fn note(&mut self, node: &NodeProto, name: &str, weight: Option<&TensorProto>, outcome: LayerOutcome) {
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
    }

    fn layer(
        &mut self,
        node: &'a NodeProto,
        weight: Option<&'a TensorProto>,
        form: Option<QuantizeMode>,
    ) -> Result<LayerOutcome, Refusal> {
        let Some(mode) = form else { return skip("excluded by the options") };
        let Some(weight) = weight else { return skip("its weight is no constant") };
        self.check_weight(weight, node.op_type())?;
        let made = match (mode, node.op_type()) {
            (QuantizeMode::Int8Dynamic, "Conv") => {
                convolution::rewrite(self, node, weight, self.forms.is_named(node))?
            }
            (QuantizeMode::Int8Dynamic, "Gather") => embedding::rewrite(self, node, weight, mode)?,
            (QuantizeMode::Int8Dynamic, _) => dynamic::rewrite(self, node, weight)?,
            (_, "Gather") => weights_only::table(self, node, weight, mode)?,
            _ => weights_only::product(self, node, weight, mode)?,
        };
        // What adds the bias comes later, and so does everything that the new nodes read.
        let (place, empty) = match made.addition {
            Some(addition) => (addition, Some(node)),
            None => (node, None),
        };
        self.plan.replacements.extend(empty.map(|node| (self.reads.number(node), Vec::new())));
        self.plan.replacements.insert(self.reads.number(place), made.nodes);
        Ok(made.outcome)
    }

    /// Stores the constants of a node in half the size.
    fn store_half(&mut self, node: &'a NodeProto) -> Result<()> {
        if !half::may_cast(node) {
            return Ok(());
        }
        let mut changed = node.clone();
        for (place, name) in node.input.iter().enumerate() {
            let Some(constant) = self.constants.get(name) else { continue };
            if constant.dtype() != Ok(DType::F32) {
                continue;
            }
            let stored = self.check_worth(constant).and_then(|()| half::stored(self, constant));
            let outcome = match stored {
                Ok((value, outcome)) => {
                    changed.input[place] = value;
                    outcome
                }
                Err(Refusal::Skip(reason)) => LayerOutcome::Skipped { reason },
                Err(Refusal::Fail(error)) => return Err(error.context(format!("layer `{}`", label(node)))),
            };
            self.note(node, name, Some(constant), outcome);
        }
        if changed != *node {
            self.plan.replacements.insert(self.reads.number(node), vec![changed]);
        }
        Ok(())
    }

    /// The `Add` that is the only reader of a layer's result and adds a constant vector of so many numbers, and the name
    /// of that vector.
    pub fn addition(&self, layer: &NodeProto, columns: i64) -> Option<(&'a NodeProto, String)> {
        let result = layer.output.first()?;
        let addition = self.reads.only_reader(layer)?;
        if (addition.domain(), addition.op_type()) != ("", "Add") || !self.forms.may_replace(addition) {
            return None;
        }
        let [left, right] = addition.input.as_slice() else { return None };
        let bias = if left == result { right } else { left };
        let constant = self.constants.get(bias)?;
        let is_vector = constant.dims == [columns] && constant.dtype() == Ok(DType::F32);
        is_vector.then(|| (addition, bias.clone()))
    }

    /// What is known of the channels of a value of the main graph.
    pub fn channels_of(&self, value: &str) -> Option<&'a ChannelStatistics> {
        // A value of an inner graph may have the same name.
        let calibration = self.calibration.filter(|_| self.depth == 0)?;
        calibration.tensors.get(value)?.channels.as_ref()
    }

    /// Puts a node at the beginning of the main graph.
    pub fn begin_with(&mut self, node: NodeProto) {
        self.plan.beginning.push(node);
    }

    /// Whether a weight is of a kind that can be quantized and is worth it.
    fn check_weight(&self, weight: &TensorProto, op_type: &str) -> Result<(), Refusal> {
        match weight.dtype()? {
            DType::F32 => {}
            other => return skip(format!("its weight is {other}, not float32")),
        }
        if op_type != "Conv" && weight.dims.len() != 2 {
            return skip(format!("its weight has {} dimensions, not 2", weight.dims.len()));
        }
        self.check_worth(weight)
    }

    /// Whether a constant is large enough to be worth it, and can be had.
    fn check_worth(&self, weight: &TensorProto) -> Result<(), Refusal> {
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
pub(crate) fn label(node: &NodeProto) -> &str {
    match node.name() {
        "" => node.output.first().map_or("", String::as_str),
        name => name,
    }
}
