//! [`Reads`]: who reads which value, and where nodes stand.

use std::collections::HashMap;

use crate::model::{GraphProto, Model, NodeProto};

/// Who reads which value of a model, and where its nodes stand.
pub(super) struct Reads<'a> {
    /// Name of a value to how often it is read or given as an output anywhere, and the node that reads it last.
    readers: HashMap<&'a str, (usize, Option<&'a NodeProto>)>,
    /// Nodes by their address, which tells those of equal names apart, to their number and that of their graph. A node is
    /// counted before those inside of it.
    places: HashMap<*const NodeProto, (usize, usize)>,
    graph_count: usize,
}

impl<'a> Reads<'a> {
    pub(super) fn of(model: &'a Model) -> Self {
        let mut reads = Self { readers: HashMap::new(), places: HashMap::new(), graph_count: 0 };
        model.graph.iter().for_each(|graph| reads.graph(graph));
        reads
    }

    fn graph(&mut self, graph: &'a GraphProto) {
        let number = self.graph_count;
        self.graph_count += 1;
        for output in &graph.output {
            self.readers.entry(output.name()).or_default().0 += 1;
        }
        for node in &graph.node {
            self.places.insert(std::ptr::from_ref(node), (self.places.len(), number));
            for name in &node.input {
                let (count, reader) = self.readers.entry(name).or_default();
                *count += 1;
                *reader = Some(node);
            }
            node.subgraphs().for_each(|inner| self.graph(inner));
        }
    }

    /// The node that reads the only result of another, if nothing else does and both are in the same graph.
    pub(super) fn only_reader(&self, node: &NodeProto) -> Option<&'a NodeProto> {
        let [result] = node.output.as_slice() else { return None };
        let (1, reader) = *self.readers.get(result.as_str())? else { return None };
        let graph = |node| self.places.get(&std::ptr::from_ref(node)).map(|(_, graph)| *graph);
        reader.filter(|reader| graph(reader) == graph(node))
    }

    /// The number of a node of the model.
    pub(super) fn number(&self, node: &NodeProto) -> usize {
        self.places.get(&std::ptr::from_ref(node)).map_or(usize::MAX, |(number, _)| *number)
    }
}
