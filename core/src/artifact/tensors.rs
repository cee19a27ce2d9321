//! Visits every tensor of a model, wherever it is, to change it.

use crate::Result;
use crate::model::{AttributeProto, GraphProto, Model, NodeProto, SparseTensorProto, TensorProto};

/// Where a tensor is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An initializer of the main graph, or of a graph inside of its nodes: may be inline or external.
    Initializer,
    /// An attribute, part of a sparse tensor, or anything in functions and training graphs.
    Other,
}

type Visit<'a> = dyn FnMut(&mut TensorProto, Place) -> Result<()> + 'a;

/// Calls `visit` for every tensor that the model's encoding can hold, always in the same order.
///
/// # Errors
/// Those of `visit`, which end the walk; `limit_exceeded` if the model is nested deeper than ONNX files can be.
pub(super) fn visit(model: &mut Model, visit: &mut Visit<'_>) -> Result<()> {
    // Bounds the recursion below, also for models that were not read from a file.
    model.encoded_bytes()?;
    model.graph.iter_mut().try_for_each(|graph| visit_graph(graph, Place::Initializer, visit))?;
    for function in &mut model.functions {
        visit_nodes(&mut function.node, Place::Other, visit)?;
        visit_attributes(&mut function.attribute_proto, Place::Other, visit)?;
    }
    for training in &mut model.training_info {
        let mut graphs = training.initialization.iter_mut().chain(&mut training.algorithm);
        graphs.try_for_each(|graph| visit_graph(graph, Place::Other, visit))?;
    }
    Ok(())
}

fn visit_graph(graph: &mut GraphProto, place: Place, visit: &mut Visit<'_>) -> Result<()> {
    graph.initializer.iter_mut().try_for_each(|tensor| visit(tensor, place))?;
    graph.sparse_initializer.iter_mut().try_for_each(|sparse| visit_sparse(sparse, visit))?;
    visit_nodes(&mut graph.node, place, visit)
}

fn visit_nodes(nodes: &mut [NodeProto], place: Place, visit: &mut Visit<'_>) -> Result<()> {
    nodes.iter_mut().try_for_each(|node| visit_attributes(&mut node.attribute, place, visit))
}

fn visit_attributes(attributes: &mut [AttributeProto], place: Place, visit: &mut Visit<'_>) -> Result<()> {
    for attribute in attributes {
        let tensors = attribute.t.as_deref_mut().into_iter().chain(&mut attribute.tensors);
        tensors.into_iter().try_for_each(|tensor| visit(tensor, Place::Other))?;
        let sparse = attribute.sparse_tensor.as_deref_mut().into_iter().chain(&mut attribute.sparse_tensors);
        sparse.into_iter().try_for_each(|sparse| visit_sparse(sparse, visit))?;
        let graphs = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
        graphs.into_iter().try_for_each(|graph| visit_graph(graph, place, visit))?;
    }
    Ok(())
}

fn visit_sparse(sparse: &mut SparseTensorProto, visit: &mut Visit<'_>) -> Result<()> {
    let mut parts = sparse.values.iter_mut().chain(&mut sparse.indices);
    parts.try_for_each(|part| visit(part, Place::Other))
}
