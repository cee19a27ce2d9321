//! [`Edit`]: a change that a rewrite wants, and its application to a graph; removal of what nobody needs.

use std::collections::{HashMap, HashSet};

use super::report::{Rewrite, RewriteKind};
use super::view::View;
use crate::model::{
    AttributeProto, GraphProto, NodeProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};
use crate::quantize::names::Names;
use crate::quantize::plan::label;
use crate::quantize::rewrite::{MICROSOFT, input_of};
use crate::tensor::DType;

/// What a rewrite wants to change.
pub(super) struct Edit {
    pub kind: RewriteKind,
    /// The node in whose place the new ones go. It makes the same value as the last of them.
    pub at: usize,
    /// May be empty if `rename` says what takes the place of the node's first output.
    pub nodes: Vec<NodeProto>,
    /// New constants.
    pub constants: Vec<TensorProto>,
    /// Readers of this value read that one from now on.
    pub rename: Option<(String, String)>,
    /// All nodes that the rewrite replaces or leans on, `at` among them.
    pub uses: Vec<usize>,
}

impl Edit {
    /// Puts nodes in the place of one, which was the end of a group.
    pub fn replace(kind: RewriteKind, at: usize, uses: Vec<usize>, nodes: Vec<NodeProto>) -> Self {
        Self { kind, at, nodes, constants: Vec::new(), rename: None, uses }
    }

    /// Takes a node out whose first output is the same as another value.
    pub fn bypass(kind: RewriteKind, at: usize, view: &View, same: &str) -> Option<Self> {
        let output = view.nodes[at].output.first()?;
        if view.is_pinned(output) || output.is_empty() || same.is_empty() || output == same {
            return None;
        }
        let rename = Some((output.clone(), same.to_owned()));
        Some(Self { kind, at, nodes: Vec::new(), constants: Vec::new(), rename, uses: vec![at] })
    }

    pub fn with_constants(mut self, constants: Vec<TensorProto>) -> Self {
        self.constants = constants;
        self
    }

    fn row(&self, nodes: &[NodeProto]) -> Rewrite {
        let mut uses = self.uses.clone();
        uses.sort_unstable();
        uses.dedup();
        Rewrite {
            kind: self.kind,
            node: label(&nodes[self.at]).to_owned(),
            replaced: uses.iter().map(|&index| nodes[index].op_type().to_owned()).collect(),
            by: self.nodes.iter().map(|node| node.op_type().to_owned()).collect(),
        }
    }
}

/// Applies edits that do not touch each other. `constants_are_inputs` if every initializer has to be an input.
pub(super) fn apply(graph: &mut GraphProto, edits: Vec<Edit>, constants_are_inputs: bool) -> Vec<Rewrite> {
    let rows = edits.iter().map(|edit| edit.row(&graph.node)).collect();
    let (mut places, mut renames) = (HashMap::new(), HashMap::new());
    for edit in edits {
        renames.extend(edit.rename);
        if constants_are_inputs {
            graph.input.extend(edit.constants.iter().map(input_of));
        }
        graph.initializer.extend(edit.constants);
        places.insert(edit.at, edit.nodes);
    }
    let old = std::mem::take(&mut graph.node).into_iter().enumerate();
    graph.node = old.flat_map(|(index, node)| places.remove(&index).unwrap_or_else(|| vec![node])).collect();
    for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        // A value that is renamed may stand for one that is renamed too. There is no circle: graphs have none.
        let mut steps = renames.len();
        while let Some(same) = renames.get(input).filter(|_| steps > 0) {
            input.clone_from(same);
            steps -= 1;
        }
    }
    rows
}

/// Removes nodes and initializers that contribute to no output; gives back what it removed.
pub(crate) fn sweep(graph: &mut GraphProto, inputs_are_fixed: bool) -> Vec<Rewrite> {
    let (live, read) = needed(graph);
    let mut rows = Vec::new();
    let mut gone: HashSet<String> = HashSet::new();
    let mut live = live.into_iter();
    graph.node.retain(|node| {
        let stays = live.next().unwrap_or(true);
        if !stays {
            rows.push(removed(RewriteKind::UnusedNode, label(node), vec![node.op_type().to_owned()]));
            gone.extend(node.output.iter().cloned());
        }
        stays
    });
    let inputs: HashSet<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
    let mut unused: HashSet<String> = HashSet::new();
    for tensor in &graph.initializer {
        let is_default = inputs.contains(tensor.name()) && !inputs_are_fixed;
        if !read.contains(tensor.name()) && !is_default {
            unused.insert(tensor.name().to_owned());
        }
    }
    graph.initializer.retain(|tensor| !unused.contains(tensor.name()));
    graph.input.retain(|input| !unused.contains(input.name()));
    gone.extend(unused.iter().cloned());
    graph.value_info.retain(|value| !gone.contains(value.name()));
    let mut unused: Vec<String> = unused.into_iter().collect();
    unused.sort_unstable();
    rows.extend(unused.iter().map(|name| removed(RewriteKind::UnusedInitializer, name, Vec::new())));
    rows
}

fn removed(kind: RewriteKind, node: &str, replaced: Vec<String>) -> Rewrite {
    Rewrite { kind, node: node.to_owned(), replaced, by: Vec::new() }
}

/// Which nodes contribute to the outputs, and the names that those and the graphs inside of them read.
fn needed(graph: &GraphProto) -> (Vec<bool>, HashSet<String>) {
    let outputs = graph.node.iter().enumerate();
    let makers: HashMap<&str, usize> = outputs
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let mut live = vec![false; graph.node.len()];
    let mut read: HashSet<String> = HashSet::new();
    let mut pending: Vec<usize> = Vec::new();
    let note = |name: &str, read: &mut HashSet<String>, pending: &mut Vec<usize>| {
        if read.insert(name.to_owned()) {
            pending.extend(makers.get(name).copied());
        }
    };
    for name in graph.output.iter().map(ValueInfoProto::name) {
        note(name, &mut read, &mut pending);
    }
    for annotation in &graph.quantization_annotation {
        let parameters = annotation.quant_parameter_tensor_names.iter().map(StringStringEntryProto::value);
        for name in parameters.chain(annotation.tensor_name.as_deref()) {
            note(name, &mut read, &mut pending);
        }
    }
    // What a custom operator does besides its outputs is not known here.
    let is_known = |node: &NodeProto| matches!(node.domain(), "" | "ai.onnx.ml" | MICROSOFT);
    pending.extend((0..graph.node.len()).filter(|&index| !is_known(&graph.node[index])));
    while let Some(index) = pending.pop() {
        if std::mem::replace(&mut live[index], true) {
            continue;
        }
        let mut nodes: Vec<&NodeProto> = vec![&graph.node[index]];
        while let Some(node) = nodes.pop() {
            node.input.iter().for_each(|name| note(name, &mut read, &mut pending));
            for inner in node.subgraphs() {
                inner.output.iter().for_each(|output| note(output.name(), &mut read, &mut pending));
                nodes.extend(&inner.node);
            }
        }
    }
    (live, read)
}

/// A node of the standard.
pub(super) fn node(op_type: &str, name: String, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: Some(name),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

/// A node that makes what this one makes, under its name.
pub(super) fn in_place_of(old: &NodeProto, op_type: &str, inputs: &[&str]) -> NodeProto {
    NodeProto {
        name: old.name.clone(),
        output: old.output.clone(),
        ..node(op_type, String::new(), inputs, "")
    }
}

pub(crate) fn number(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), f: Some(value), r#type: Some(1), ..Default::default() }
}

/// A new constant of floats.
pub(super) fn floats(names: &mut Names, name: &str, dims: Vec<i64>, numbers: &[f32]) -> TensorProto {
    tensor(names, name, DType::F32, dims, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

/// A new constant of whole numbers.
pub(super) fn wholes(names: &mut Names, name: &str, dims: Vec<i64>, numbers: &[i64]) -> TensorProto {
    tensor(names, name, DType::I64, dims, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

fn tensor(names: &mut Names, name: &str, dtype: DType, dims: Vec<i64>, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(names.fresh(name.to_owned())),
        data_type: Some(dtype.onnx()),
        dims,
        raw_data: Some(bytes.into()),
        ..Default::default()
    }
}
