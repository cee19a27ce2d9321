//! Visits every tensor of a model, wherever it is, to change it.

use crate::Result;
use crate::model::{AttributeProto, GraphProto, Model, NodeProto, SparseTensorProto, TensorProto};

/// Whether a tensor may be moved out of the model.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An initializer of the main graph or of a graph inside of its nodes, or the value of a `Constant` node: every
    /// ONNX Runtime that Ortlet supports reads these from external data.
    Movable,
    /// Another attribute, part of a sparse tensor, or an initializer in functions and training graphs: stays how it
    /// is.
    Fixed,
}

type Visit<'a> = dyn FnMut(&mut TensorProto, Place) -> Result<()> + 'a;

/// Calls `visit` for every tensor that the model's encoding can hold, always in the same order.
///
/// # Errors
/// Those of `visit`, which end the walk; `limit_exceeded` if the model is nested deeper than ONNX files can be.
pub(super) fn visit(model: &mut Model, visit: &mut Visit<'_>) -> Result<()> {
    // Bounds the recursion below, also for models that were not read from a file.
    model.encoded_bytes()?;
    model.graph.iter_mut().try_for_each(|graph| visit_graph(graph, Place::Movable, visit))?;
    for function in &mut model.functions {
        visit_nodes(&mut function.node, Place::Fixed, visit)?;
        for attribute in &mut function.attribute_proto {
            attribute.t.iter_mut().try_for_each(|tensor| visit(tensor, Place::Fixed))?;
            visit_lists(attribute, Place::Fixed, visit)?;
        }
    }
    for training in &mut model.training_info {
        let mut graphs = training.initialization.iter_mut().chain(&mut training.algorithm);
        graphs.try_for_each(|graph| visit_graph(graph, Place::Fixed, visit))?;
    }
    Ok(())
}

fn visit_graph(graph: &mut GraphProto, place: Place, visit: &mut Visit<'_>) -> Result<()> {
    graph.initializer.iter_mut().try_for_each(|tensor| visit(tensor, place))?;
    graph.sparse_initializer.iter_mut().try_for_each(|sparse| visit_sparse(sparse, visit))?;
    visit_nodes(&mut graph.node, place, visit)
}

fn visit_nodes(nodes: &mut [NodeProto], place: Place, visit: &mut Visit<'_>) -> Result<()> {
    for node in nodes {
        let is_constant = node.op_type() == "Constant" && node.domain().is_empty();
        for attribute in &mut node.attribute {
            let own = if is_constant && attribute.name() == "value" { Place::Movable } else { Place::Fixed };
            attribute.t.iter_mut().try_for_each(|tensor| visit(tensor, own))?;
            visit_lists(attribute, place, visit)?;
        }
    }
    Ok(())
}

/// Visits everything in an attribute but its single tensor.
fn visit_lists(attribute: &mut AttributeProto, place: Place, visit: &mut Visit<'_>) -> Result<()> {
    attribute.tensors.iter_mut().try_for_each(|tensor| visit(tensor, Place::Fixed))?;
    let mut sparse = attribute.sparse_tensor.as_deref_mut().into_iter().chain(&mut attribute.sparse_tensors);
    sparse.try_for_each(|sparse| visit_sparse(sparse, visit))?;
    let mut graphs = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
    graphs.try_for_each(|graph| visit_graph(graph, place, visit))
}

fn visit_sparse(sparse: &mut SparseTensorProto, visit: &mut Visit<'_>) -> Result<()> {
    let mut parts = sparse.values.iter_mut().chain(&mut sparse.indices);
    parts.try_for_each(|part| visit(part, Place::Fixed))
}
