//! Puts a plan into a model: new nodes and weights in, old weights out that nobody reads any more.

use std::collections::{HashMap, HashSet};

use super::constants::constant_of;
use super::plan::Plan;
use crate::model::{
    Dimension, GraphProto, Model, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, TypeValue, ValueInfoProto,
};

/// The domain of ONNX Runtime's own operators.
pub(crate) const MICROSOFT: &str = "com.microsoft";

/// Before version 4 of the format, every initializer has to be an input too, and the caller does not give it.
pub(crate) fn initializers_are_inputs(ir_version: Option<i64>) -> bool {
    ir_version.is_some_and(|version| version < 4)
}

/// Changes the model as planned.
pub(super) fn apply(model: &mut Model, mut plan: Plan) {
    let Some(graph) = &mut model.graph else { return };
    replace(graph, &mut plan.replacements, &mut 0);
    graph.node.splice(0..0, plan.beginning);
    let read = names_read(model);
    let gone: HashSet<String> = plan.replaced.into_iter().filter(|name| !read.contains(name)).collect();
    // What was made for a layer that was skipped in the end is not read.
    plan.initializers.retain(|tensor| read.contains(tensor.name()));
    if let Some(graph) = &mut model.graph {
        remove(graph, &gone);
        if initializers_are_inputs(model.ir_version) {
            graph.input.retain(|input| !gone.contains(input.name()));
            graph.input.extend(plan.initializers.iter().map(input_of));
        }
        graph.initializer.append(&mut plan.initializers);
    }
    import_microsoft(model);
}

/// Declares ONNX Runtime's own operators, if the model uses them.
/// Names the version of ONNX Runtime's own operators if the model uses them.
pub(super) fn import_microsoft(model: &mut Model) {
    let uses_microsoft = model.nodes().any(|at| at.node.domain() == MICROSOFT);
    if uses_microsoft && !model.opset_import.iter().any(|opset| opset.domain() == MICROSOFT) {
        let (domain, version) = (Some(MICROSOFT.to_owned()), Some(1));
        model.opset_import.push(OperatorSetIdProto { domain, version, ..Default::default() });
    }
}

/// Replaces nodes by their number, counted as [`Plan`] does: a node before those inside of it.
fn replace(graph: &mut GraphProto, replacements: &mut HashMap<usize, Vec<NodeProto>>, next: &mut usize) {
    for mut node in std::mem::take(&mut graph.node) {
        let number = *next;
        *next += 1;
        subgraphs(&mut node).for_each(|inner| replace(inner, replacements, next));
        graph.node.extend(replacements.remove(&number).unwrap_or_else(|| vec![node]));
    }
}

/// Removes the initializers and constants of these names.
fn remove(graph: &mut GraphProto, gone: &HashSet<String>) {
    graph.initializer.retain(|tensor| !gone.contains(tensor.name()));
    graph.value_info.retain(|value| !gone.contains(value.name()));
    let is_gone = |node: &NodeProto| {
        constant_of(node).is_some() && node.output.first().is_some_and(|output| gone.contains(output))
    };
    graph.node.retain(|node| !is_gone(node));
    graph.node.iter_mut().flat_map(subgraphs).for_each(|inner| remove(inner, gone));
}

fn subgraphs(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute
        .iter_mut()
        .flat_map(|attribute| attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs))
}

/// The names of all values that a node reads or a graph gives.
pub(super) fn names_read(model: &Model) -> HashSet<String> {
    let inner = model.nodes().flat_map(|at| at.node.subgraphs());
    let outputs = model.graph.iter().chain(inner).flat_map(|graph| &graph.output);
    let mut names: HashSet<String> = outputs.map(|output| output.name().to_owned()).collect();
    names.extend(model.nodes().flat_map(|at| at.node.input.iter().cloned()));
    names
}

pub(crate) fn input_of(tensor: &TensorProto) -> ValueInfoProto {
    let dim = tensor.dims.iter().map(|&size| Dimension::Value(size).into()).collect();
    let shape = Some(TensorShapeProto { dim, ..Default::default() });
    let value = TensorTypeProto { elem_type: tensor.data_type, shape, ..Default::default() };
    let r#type = TypeProto { value: Some(TypeValue::Tensor(value)), ..Default::default() };
    ValueInfoProto { name: tensor.name.clone(), r#type: Some(r#type), ..Default::default() }
}
