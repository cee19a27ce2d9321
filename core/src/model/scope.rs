//! The values of one graph: who makes them, who reads them, which of them are needed, and whether there is a cycle.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{GraphProto, NodeProto, TensorProto};
use crate::{Error, Result};

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Input,
    Initializer(usize),
    Node(usize),
}

/// What contributes to the outputs of a graph.
pub(super) struct Needed {
    pub(super) nodes: Vec<bool>,
    pub(super) initializers: Vec<bool>,
}

/// The values of one graph.
pub(super) struct Scope<'a> {
    graph: &'a GraphProto,
    values: HashMap<&'a str, Source>,
    /// The node that is being looked at.
    node: usize,
    /// Node and what it reads; a node also reads what the graphs inside of it read.
    reads: Vec<(usize, Source)>,
}

impl<'a> Scope<'a> {
    /// Finds all values of a graph.
    ///
    /// # Errors
    /// `invalid_model` if a value is made twice, or an output not at all.
    pub(super) fn define(graph: &'a GraphProto) -> Result<Self> {
        let count = graph.node.len() + graph.initializer.len() + graph.input.len();
        let mut values = HashMap::with_capacity(count);
        for input in &graph.input {
            if values.insert(input.name(), Source::Input).is_some() && !input.name().is_empty() {
                return Err(Error::invalid_model(format!("two graph inputs are named `{}`", input.name())));
            }
        }
        // Of several initializers with one name, the last one counts.
        values.extend(initializer_names(graph).enumerate().map(|(i, name)| (name, Source::Initializer(i))));
        for (index, node) in graph.node.iter().enumerate() {
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                match values.entry(name) {
                    Entry::Occupied(_) => {
                        let reason = format!("output `{name}` is already made elsewhere in the graph");
                        return Err(Error::invalid_model(reason).context(describe(index, node)));
                    }
                    Entry::Vacant(place) => place.insert(Source::Node(index)),
                };
            }
        }
        if let Some(output) = graph.output.iter().find(|output| !values.contains_key(output.name())) {
            return Err(Error::invalid_model(format!("graph output `{}` is made by no node", output.name())));
        }
        Ok(Self { graph, values, node: 0, reads: Vec::new() })
    }

    /// Reads are by this node from now on.
    pub(super) fn enter(&mut self, node: usize) {
        self.node = node;
    }

    /// Notes that the current node reads a value; `false` if this graph does not have it.
    pub(super) fn read(&mut self, name: &str) -> bool {
        let source = self.values.get(name);
        self.reads.extend(source.map(|source| (self.node, *source)));
        source.is_some()
    }

    /// Finds what is needed, once all reads are noted.
    ///
    /// # Errors
    /// `invalid_model` if nodes wait for each other.
    pub(super) fn finish(mut self) -> Result<Needed> {
        self.reads.sort_unstable();
        self.check_acyclic()?;
        let mut needed = Needed {
            nodes: vec![false; self.graph.node.len()],
            initializers: vec![false; self.graph.initializer.len() + self.graph.sparse_initializer.len()],
        };
        let mut pending: Vec<Source> =
            self.graph.output.iter().filter_map(|output| self.values.get(output.name())).copied().collect();
        while let Some(source) = pending.pop() {
            match source {
                Source::Input => {}
                Source::Initializer(index) => needed.initializers[index] = true,
                Source::Node(index) if needed.nodes[index] => {}
                Source::Node(index) => {
                    needed.nodes[index] = true;
                    let first = self.reads.partition_point(|(reader, _)| *reader < index);
                    let reads = self.reads[first..].iter().take_while(|(reader, _)| *reader == index);
                    pending.extend(reads.map(|(_, source)| *source));
                }
            }
        }
        Ok(needed)
    }

    fn check_acyclic(&self) -> Result<()> {
        let edges = self.reads.iter().filter_map(|&(reader, source)| match source {
            Source::Node(maker) => Some((maker, reader)),
            _ => None,
        });
        // The usual case: nodes are sorted.
        if edges.clone().all(|(maker, reader)| maker < reader) {
            return Ok(());
        }
        let count = self.graph.node.len();
        let mut waits_for = vec![0_u32; count];
        edges.clone().for_each(|(_, reader)| waits_for[reader] += 1);
        let mut edges: Vec<_> = edges.collect();
        edges.sort_unstable();
        let mut ready: Vec<usize> = (0..count).filter(|&node| waits_for[node] == 0).collect();
        while let Some(node) = ready.pop() {
            let first = edges.partition_point(|&(maker, _)| maker < node);
            for &(_, reader) in edges[first..].iter().take_while(|&&(maker, _)| maker == node) {
                waits_for[reader] -= 1;
                if waits_for[reader] == 0 {
                    ready.push(reader);
                }
            }
        }
        match waits_for.iter().position(|&waiting| waiting > 0) {
            None => Ok(()),
            Some(stuck) => {
                let reason = "the node needs its own output, directly or through others";
                Err(Error::invalid_model(reason).context(describe(stuck, &self.graph.node[stuck])))
            }
        }
    }
}

/// Names of the initializers, dense ones first.
pub(super) fn initializer_names(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let sparse = graph.sparse_initializer.iter().map(|sparse| sparse.values.as_ref());
    graph.initializer.iter().map(Some).chain(sparse).map(|tensor| tensor.map_or("", TensorProto::name))
}

/// Says which node it is, for errors.
pub(super) fn describe(index: usize, node: &NodeProto) -> String {
    match node.name() {
        "" => format!("node {index} ({})", node.op_type()),
        name => format!("node {index} ({} `{name}`)", node.op_type()),
    }
}
