//! Names for new values and nodes that nothing in the model has yet.

use std::collections::HashSet;

use crate::model::{GraphProto, Model};

/// The names that are in use.
pub(crate) struct Names(HashSet<String>);

impl Names {
    pub fn of(model: &Model) -> Self {
        let mut names = Self(HashSet::new());
        model.graph.iter().for_each(|graph| names.graph(graph));
        for node in model.nodes().map(|at| at.node) {
            names.0.extend(node.input.iter().chain(&node.output).cloned());
            names.0.insert(node.name().to_owned());
            node.subgraphs().for_each(|graph| names.graph(graph));
        }
        names
    }

    fn graph(&mut self, graph: &GraphProto) {
        let values = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
        self.0.extend(values.map(|value| value.name().to_owned()));
        self.0.extend(graph.initializer.iter().map(|tensor| tensor.name().to_owned()));
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
        self.0.extend(sparse.map(|tensor| tensor.name().to_owned()));
    }

    /// This name, with a number behind it if it is taken.
    pub fn fresh(&mut self, wanted: String) -> String {
        let numbered = (1_u64..).map(|number| format!("{wanted}_{number}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !self.0.contains(name));
        let name = free.unwrap_or(wanted);
        self.0.insert(name.clone());
        name
    }
}
