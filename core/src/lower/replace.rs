//! Puts new nodes in the place of old ones, and takes out what nobody needs any more.

use std::collections::{HashMap, HashSet};

use super::dims::Assume;
use super::emit::Emitted;
use super::scene::Scene;
use super::{DOMAIN, canonical, sort};
use crate::model::{ExternalDataResolver, GraphProto, Model, NodeProto, OperatorSetIdProto, TensorProto};
use crate::quantize::names::Names;
use crate::quantize::rewrite::{initializers_are_inputs, input_of};
use crate::quantize::simplify::edit::sweep;
use crate::quantize::simplify::view::View;

/// A layer of weights with three axes takes a change for its product, one for its bias, and one for its rows, and may
/// have to wait for its neighbours.
const ROUNDS: usize = 8;

/// The first version of the format whose constants need not be inputs.
const FREE_CONSTANTS: i64 = 4;

/// A graph with its nodes in order, and layers written as patterns know them.
pub(super) fn canonical(
    graph: &GraphProto,
    opset: i64,
    inputs_are_fixed: bool,
    external: &dyn ExternalDataResolver,
    names: &mut Names,
) -> GraphProto {
    let mut graph = graph.clone();
    sort::sort(&mut graph);
    for _ in 0..ROUNDS {
        let view = View::of(&graph, opset, true, inputs_are_fixed, Some(external));
        let scene = Scene::of(&graph, view, &Assume::These(HashSet::new()));
        let changes = changes(&scene, names);
        if changes.is_empty() {
            break;
        }
        let gone: HashSet<usize> = changes.iter().flat_map(|change| change.gone.clone()).collect();
        let mut places: HashMap<usize, Vec<NodeProto>> = HashMap::new();
        for change in changes {
            if inputs_are_fixed {
                graph.input.extend(change.constants.iter().map(input_of));
            }
            graph.initializer.extend(change.constants);
            places.insert(change.at, change.nodes);
        }
        let old = std::mem::take(&mut graph.node).into_iter().enumerate();
        let kept = old.filter(|(index, _)| !gone.contains(index));
        graph.node =
            kept.flat_map(|(index, node)| places.remove(&index).unwrap_or_else(|| vec![node])).collect();
        // Shapes that were computed for what is gone would look like readers.
        sweep(&mut graph, inputs_are_fixed);
    }
    graph
}

/// Changes that do not get into each other's way.
fn changes(scene: &Scene, names: &mut Names) -> Vec<canonical::Change> {
    let (mut changed, mut gone, mut read) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut changes = Vec::new();
    for index in 0..scene.view.nodes.len() {
        let Some(change) = canonical::at(scene, index, names) else { continue };
        let inputs = change.nodes.iter().flat_map(|node| &node.input);
        let reads: HashSet<usize> = inputs.filter_map(|name| scene.view.maker(name)).collect();
        let own: HashSet<usize> = change.gone.iter().copied().chain([change.at]).collect();
        // A node that is only changed goes on to make its value.
        let keeps_read = change.gone.iter().all(|at| !read.contains(at));
        if own.is_disjoint(&changed) && reads.is_disjoint(&gone) && keeps_read {
            read.extend(reads);
            changed.extend(own);
            gone.extend(change.gone.iter().copied());
            changes.push(change);
        }
    }
    changes
}

/// The model with these blocks. `graph` is the one that they were found in.
pub(super) fn replace(
    model: &Model,
    graph: &GraphProto,
    blocks: &[Emitted],
    constants: Vec<TensorProto>,
) -> Model {
    let inputs_are_fixed = initializers_are_inputs(model.ir_version);
    let mut graph = graph.clone();
    let replaced: HashSet<usize> = blocks.iter().flat_map(|block| block.replaced.clone()).collect();
    let old = std::mem::take(&mut graph.node).into_iter().enumerate();
    graph.node = old.filter(|(index, _)| !replaced.contains(index)).map(|(_, node)| node).collect();
    // Blocks that have the same mask have its nodes each.
    let mut made: HashSet<&str> = HashSet::new();
    for node in blocks.iter().flat_map(|block| &block.part.nodes) {
        if node.output.iter().all(|output| made.insert(output)) {
            graph.node.push(node.clone());
        }
    }
    graph.initializer.extend(constants);
    sweep(&mut graph, inputs_are_fixed);
    let known: HashSet<String> =
        graph.value_info.iter().chain(&graph.output).map(|value| value.name().to_owned()).collect();
    let outputs = blocks.iter().flat_map(|block| &block.shape).filter(|value| !known.contains(value.name()));
    graph.value_info.extend(outputs.cloned());
    let mut lowered = Model { graph: Some(graph), ..model.clone() };
    if inputs_are_fixed {
        drop_constant_inputs(&mut lowered);
    }
    if !lowered.opset_import.iter().any(|opset| opset.domain() == DOMAIN) {
        let (domain, version) = (Some(DOMAIN.to_owned()), Some(1));
        lowered.opset_import.push(OperatorSetIdProto { domain, version, ..Default::default() });
    }
    lowered
}

/// Makes the constants of an old model, which have to be inputs there, constants only: operators may ask for some that are
/// no inputs.
fn drop_constant_inputs(model: &mut Model) {
    model.ir_version = Some(FREE_CONSTANTS);
    if let Some(graph) = &mut model.graph {
        let constants: HashSet<String> =
            graph.initializer.iter().map(|tensor| tensor.name().to_owned()).collect();
        graph.input.retain(|input| !constants.contains(input.name()));
    }
}
