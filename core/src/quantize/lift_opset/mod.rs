//! [`lift_opset`]: a model of an old operator set in the terms of a later one.

mod attributes;
mod broadcast;
mod coerced;
mod resize;
mod steps;

use std::collections::HashSet;

use super::names::Names;
use super::plan::label;
use super::rewrite::initializers_are_inputs;
use super::simplify::view::View;
use crate::model::{AttributeProto, GraphProto, Model, NodeProto, TensorProto, TypeProto};
use crate::tensor::{DType, ValueType};
use crate::{Error, Result};

/// The oldest operator set that can be lifted. ONNX Runtime promises to run models from 7 on.
const OLDEST: i64 = 6;

/// The operator set that can be lifted to: the first whose `QuantizeLinear` has an axis.
const NEWEST: i64 = 13;

/// Lifts a model to a later set of the standard's operators, at most 13, so that it computes the same.
///
/// Operators that changed are written as the later set has them: attributes that became inputs are constants, `Softmax`
/// over several axes gets its input flattened, `Upsample` is a `Resize`. Where the standard left open what ONNX Runtime
/// does, it is what ONNX Runtime does. A model of that set or a later one is given back as it is, and so are operators
/// of other domains.
///
/// # Errors
/// Those of [`Model::validate`]; `unsupported`, naming node and operator, if one cannot be written in the later set, if
/// a function of the model would have to change, if the model is older than set 6 or `to` is above 13.
///
/// # Examples
/// ```
/// use ortlet::model::{GraphProto, Model, OperatorSetIdProto};
/// use ortlet::quantize::lift_opset;
///
/// let opset = OperatorSetIdProto { version: Some(9), ..Default::default() };
/// let graph = Some(GraphProto::default());
/// let old = Model { ir_version: Some(4), graph, opset_import: vec![opset], ..Default::default() };
/// assert_eq!(lift_opset(&old, 13)?.opset_import[0].version, Some(13));
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn lift_opset(model: &Model, to: i64) -> Result<Model> {
    model.validate()?;
    let standard = model.opset_import.iter().find(|opset| opset.domain().is_empty());
    let Some(from) = standard.and_then(|opset| opset.version).filter(|from| *from < to) else {
        return Ok(model.clone());
    };
    let what = || format!("lifting from operator set {from} to {to}");
    if from < OLDEST {
        return Err(Error::unsupported(what(), format!("{OLDEST} is the oldest that can be lifted")));
    }
    if to > NEWEST {
        return Err(Error::unsupported(what(), format!("{NEWEST} is the last that can be lifted to")));
    }
    let mut lifter = Lifter {
        names: Names::of(model),
        read: names_read(model),
        has_one_float_type: has_one_float_type(model),
        upsampled: HashSet::new(),
        inputs_are_fixed: initializers_are_inputs(model.ir_version),
        from,
        to,
    };
    let mut lifted = model.clone();
    if let Some(graph) = &mut lifted.graph {
        lifter.graph(graph, true)?;
    }
    for function in &mut lifted.functions {
        lifter
            .check_function(&function.node)
            .map_err(|error| error.context(format!("function `{}`", function.name())))?;
        let standard = function.opset_import.iter_mut().filter(|opset| opset.domain().is_empty());
        standard.filter(|opset| opset.version == Some(from)).for_each(|opset| opset.version = Some(to));
    }
    let standard = lifted.opset_import.iter_mut().filter(|opset| opset.domain().is_empty());
    standard.for_each(|opset| opset.version = Some(to));
    lifted.validate()?;
    Ok(lifted)
}

/// Goes through the graphs of a model.
struct Lifter {
    names: Names,
    /// All values that something reads.
    read: HashSet<String>,
    /// Whether all floats of the model have 32 bits.
    has_one_float_type: bool,
    /// Results of nodes that were `Upsample`.
    upsampled: HashSet<String>,
    inputs_are_fixed: bool,
    from: i64,
    to: i64,
}

/// What a step works with.
struct Step<'a> {
    lifter: &'a mut Lifter,
    /// The graph as it was before.
    view: &'a View<'a>,
    /// Constants that the node needs, before it.
    before: Vec<NodeProto>,
}

impl Lifter {
    fn graph(&mut self, graph: &mut GraphProto, is_main: bool) -> Result<()> {
        for node in &mut graph.node {
            let name = label(node).to_owned();
            for attribute in &mut node.attribute {
                for inner in attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs) {
                    self.graph(inner, false).map_err(|error| error.context(format!("node `{name}`")))?;
                }
            }
        }
        let before = graph.clone();
        let view = View::of(&before, self.from, is_main, self.inputs_are_fixed, None);
        for version in self.from + 1..=self.to {
            let nodes = std::mem::take(&mut graph.node);
            for node in nodes {
                let mut step = Step { lifter: self, view: &view, before: Vec::new() };
                let lifted = step.lift(version, node)?;
                graph.node.append(&mut step.before);
                graph.node.extend(lifted);
            }
        }
        Ok(())
    }

    /// Functions have attributes that only their caller knows, so they are left alone if they can be.
    fn check_function(&mut self, nodes: &[NodeProto]) -> Result<()> {
        let empty = GraphProto::default();
        let view = View::of(&empty, self.from, false, true, None);
        for node in nodes {
            for version in self.from + 1..=self.to {
                let mut step = Step { lifter: self, view: &view, before: Vec::new() };
                if step.lift(version, node.clone())? != std::slice::from_ref(node) {
                    let reason = format!("a function of the model uses it, and it changed in set {version}");
                    return Err(self.refuse(node, reason));
                }
            }
            node.subgraphs().try_for_each(|graph| self.check_function(&graph.node))?;
        }
        Ok(())
    }

    fn refuse(&self, node: &NodeProto, reason: impl Into<String>) -> Error {
        let what = format!("{} from operator set {} in set {}", node.op_type(), self.from, self.to);
        Error::unsupported(what, reason).context(format!("node `{}`", label(node)))
    }
}

impl Step<'_> {
    fn lift(&mut self, version: i64, node: NodeProto) -> Result<Vec<NodeProto>> {
        if node.domain().is_empty() { steps::lift(self, version, node) } else { Ok(vec![node]) }
    }

    fn refuse(&self, node: &NodeProto, reason: impl Into<String>) -> Error {
        self.lifter.refuse(node, reason)
    }

    /// A name for a new value or node.
    fn fresh(&mut self, node: &NodeProto, part: &str) -> String {
        self.lifter.names.fresh(format!("{}_{part}", label(node)))
    }

    /// A constant as a node of its own, which every version of the file format has in every graph.
    fn constant(
        &mut self,
        node: &NodeProto,
        part: &str,
        dtype: DType,
        dims: Vec<i64>,
        bytes: Vec<u8>,
    ) -> String {
        let name = self.fresh(node, part);
        let tensor = TensorProto {
            data_type: Some(dtype.onnx()),
            dims,
            raw_data: Some(bytes.into()),
            ..Default::default()
        };
        let value = AttributeProto {
            name: Some("value".to_owned()),
            t: Some(Box::new(tensor)),
            r#type: Some(4),
            ..Default::default()
        };
        self.before.push(NodeProto {
            op_type: Some("Constant".to_owned()),
            name: Some(name.clone()),
            output: vec![name.clone()],
            attribute: vec![value],
            ..Default::default()
        });
        name
    }

    fn wholes(&mut self, node: &NodeProto, part: &str, numbers: &[i64]) -> String {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(node, part, DType::I64, vec![numbers.len() as i64], bytes)
    }

    /// A float without dimensions, of the type of a value.
    fn number(&mut self, node: &NodeProto, part: &str, number: f32, like: &str) -> Result<String> {
        let known = self.view.fact(like).dtype.or(self.lifter.has_one_float_type.then_some(DType::F32));
        let bytes = match known {
            Some(DType::F32) => number.to_le_bytes().to_vec(),
            Some(DType::F64) => f64::from(number).to_le_bytes().to_vec(),
            Some(DType::F16) => half::f16::from_f32(number).to_le_bytes().to_vec(),
            _ => return Err(self.refuse(node, format!("the element type of `{like}` is not known"))),
        };
        Ok(self.constant(node, part, known.unwrap_or(DType::F32), Vec::new(), bytes))
    }

    /// Whether anything reads an output of a node.
    fn is_read(&self, node: &NodeProto, output: usize) -> bool {
        node.output.get(output).is_some_and(|name| !name.is_empty() && self.lifter.read.contains(name))
    }
}

/// All values that a node reads or a graph gives.
fn names_read(model: &Model) -> HashSet<String> {
    let inner = model.nodes().flat_map(|at| at.node.subgraphs());
    let outputs = model.graph.iter().chain(inner).flat_map(|graph| &graph.output);
    let outputs = outputs.map(|output| output.name().to_owned());
    outputs.chain(model.nodes().flat_map(|at| at.node.input.iter().cloned())).collect()
}

/// Whether no value can be a float of other than 32 bits: none comes in, none is stored, none is made by a cast.
fn has_one_float_type(model: &Model) -> bool {
    let is_other =
        |number: i32| DType::from_onnx(number).is_none_or(|dtype| dtype.is_float() && dtype != DType::F32);
    let is_other_type = |r#type: &TypeProto| match ValueType::from(r#type) {
        ValueType::Tensor { dtype, .. } => dtype.is_float() && dtype != DType::F32,
        _ => true,
    };
    let inner = model.nodes().flat_map(|at| at.node.subgraphs());
    let graphs = model.graph.iter().chain(inner);
    let mut types = graphs.flat_map(|graph| &graph.input).filter_map(|input| input.r#type.as_ref());
    let mut tensors = model.tensors().filter_map(|tensor| tensor.data_type);
    let mut attributes = model.nodes().flat_map(|at| &at.node.attribute);
    let makes_other = |attribute: &AttributeProto| {
        let names_type = matches!(attribute.name(), "to" | "dtype");
        names_type && attribute.i.is_none_or(|number| i32::try_from(number).is_ok_and(is_other))
    };
    let is_foreign = model.nodes().any(|at| !at.node.domain().is_empty());
    !is_foreign && !types.any(is_other_type) && !tensors.any(is_other) && !attributes.any(makes_other)
}
