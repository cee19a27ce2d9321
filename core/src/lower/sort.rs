//! Nodes in an order in which they can run.

use std::collections::HashMap;

use crate::model::{GraphProto, NodeProto};

/// Brings nodes into an order in which each reads what earlier ones made; those that may stay stay in their order.
pub(super) fn sort(graph: &mut GraphProto) {
    let order = order(&graph.node);
    let mut nodes: Vec<Option<NodeProto>> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    graph.node = order.into_iter().filter_map(|index| nodes[index].take()).collect();
}

fn order(nodes: &[NodeProto]) -> Vec<usize> {
    let outputs = nodes
        .iter()
        .enumerate()
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)));
    let makers: HashMap<&str, usize> = outputs.filter(|(name, _)| !name.is_empty()).collect();
    let (mut order, mut state) = (Vec::with_capacity(nodes.len()), vec![State::New; nodes.len()]);
    for first in 0..nodes.len() {
        let mut pending = vec![first];
        while let Some(&index) = pending.last() {
            match state[index] {
                State::New => {
                    state[index] = State::Open;
                    let new = reads(&nodes[index]).into_iter().filter_map(|name| makers.get(name).copied());
                    // The last to be pushed is the first to be done.
                    let mut new: Vec<usize> = new.filter(|&maker| state[maker] == State::New).collect();
                    new.sort_unstable_by(|a, b| b.cmp(a));
                    new.dedup();
                    pending.extend(new);
                }
                State::Open => {
                    state[index] = State::Done;
                    order.push(index);
                    pending.pop();
                }
                State::Done => drop(pending.pop()),
            }
        }
    }
    order
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// What a node and the graphs inside of it read.
fn reads(node: &NodeProto) -> Vec<&str> {
    let (mut names, mut pending) = (Vec::new(), vec![node]);
    while let Some(node) = pending.pop() {
        names.extend(node.input.iter().map(String::as_str));
        for inner in node.subgraphs() {
            names.extend(inner.output.iter().map(crate::model::ValueInfoProto::name));
            pending.extend(&inner.node);
        }
    }
    names
}
