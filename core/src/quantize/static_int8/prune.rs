//! Takes out of a graph what nobody reads any more.

use std::collections::HashSet;

use crate::model::{GraphProto, Model, NodeProto, TensorProto};
use crate::quantize::rewrite::{initializers_are_inputs, names_read};

/// Removes nodes, initializers and types of values that the rewriting left without a reader. What had none before
/// stays. Nodes must be in order.
pub(super) fn prune(model: &mut Model, before: &Model) {
    let read_before = names_read(before);
    let had_no_reader = |node: &NodeProto| !node.output.iter().any(|name| read_before.contains(name));
    let Some(graph) = &mut model.graph else { return };
    let mut needed: HashSet<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
    let mut kept = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) || had_no_reader(&node) {
            needed.extend(node.input.iter().cloned());
            node.subgraphs().for_each(|inner| reads_of(inner, &mut needed));
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    let is_gone = |name: &str| read_before.contains(name) && !needed.contains(name);
    let made: HashSet<&str> = graph.node.iter().flat_map(|node| &node.output).map(String::as_str).collect();
    graph.value_info.retain(|value| made.contains(value.name()) || !is_gone(value.name()));
    if initializers_are_inputs(model.ir_version) {
        let is_initializer: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        graph.input.retain(|input| !(is_gone(input.name()) && is_initializer.contains(input.name())));
    }
    graph.initializer.retain(|tensor| !is_gone(tensor.name()));
}

/// All names that a graph inside of a node reads, or gives.
fn reads_of(graph: &GraphProto, names: &mut HashSet<String>) {
    names.extend(graph.output.iter().map(|output| output.name().to_owned()));
    for node in &graph.node {
        names.extend(node.input.iter().cloned());
        node.subgraphs().for_each(|inner| reads_of(inner, names));
    }
}
