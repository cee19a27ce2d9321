//! Walking over all graphs and nodes of a model, including those inside of nodes and functions.

use super::{GraphProto, Model, NodeProto, SparseTensorProto, TensorProto};

/// A node and where it is.
#[derive(Clone, Copy, Debug)]
pub struct NodeAt<'a> {
    /// The node.
    pub node: &'a NodeProto,
    /// How many graphs and functions are around it: 1 in the main graph.
    pub depth: u32,
}

/// Every graph reachable from `model`'s main graph and functions, outer ones first. Training graphs are left out.
pub(super) fn graphs(model: &Model) -> impl Iterator<Item = &GraphProto> {
    let mut pending: Vec<&GraphProto> = Vec::new();
    for function in model.functions.iter().rev() {
        function.node.iter().rev().for_each(|node| pending.extend(node.subgraphs().rev()));
    }
    pending.extend(&model.graph);
    std::iter::from_fn(move || {
        let graph = pending.pop()?;
        graph.node.iter().rev().for_each(|node| pending.extend(node.subgraphs().rev()));
        Some(graph)
    })
}

impl Model {
    /// Every node of the main graph, of the graphs inside of nodes, and of functions, outer ones first.
    ///
    /// # Examples
    /// ```
    /// use ortlet::model::{GraphProto, Model, NodeProto};
    ///
    /// let node = vec![NodeProto { op_type: Some("Relu".into()), ..NodeProto::default() }];
    /// let model = Model { graph: Some(GraphProto { node, ..GraphProto::default() }), ..Model::default() };
    /// assert_eq!(model.nodes().map(|at| at.node.op_type()).collect::<Vec<_>>(), ["Relu"]);
    /// ```
    pub fn nodes(&self) -> impl Iterator<Item = NodeAt<'_>> {
        let mut pending: Vec<(std::slice::Iter<'_, NodeProto>, u32)> = Vec::new();
        pending.extend(self.functions.iter().rev().map(|function| (function.node.iter(), 1)));
        pending.extend(self.graph.iter().map(|graph| (graph.node.iter(), 1)));
        std::iter::from_fn(move || {
            loop {
                let (nodes, depth) = pending.last_mut()?;
                let Some(node) = nodes.next() else {
                    pending.pop();
                    continue;
                };
                let depth = *depth;
                pending.extend(node.subgraphs().rev().map(|graph| (graph.node.iter(), depth + 1)));
                return Some(NodeAt { node, depth });
            }
        })
    }

    /// Every tensor: initializers, parts of sparse ones, and attributes of nodes, in all graphs and functions.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorProto> {
        let initializers = graphs(self).flat_map(|graph| {
            let sparse = graph.sparse_initializer.iter().flat_map(SparseTensorProto::parts);
            graph.initializer.iter().chain(sparse)
        });
        let attributes = self.nodes().flat_map(|at| &at.node.attribute).flat_map(|attribute| {
            let sparse = attribute.sparse_tensor.as_deref().into_iter().chain(&attribute.sparse_tensors);
            attribute
                .t
                .as_deref()
                .into_iter()
                .chain(&attribute.tensors)
                .chain(sparse.flat_map(SparseTensorProto::parts))
        });
        initializers.chain(attributes)
    }
}
