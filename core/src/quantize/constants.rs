//! The constants that a node can see: initializers and `Constant` nodes of its graph and of those around it.

use std::collections::HashMap;

use crate::model::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

/// The values of the graphs around the current place, outermost first.
#[derive(Default)]
pub(super) struct Constants<'a> {
    /// Name of a value to what it is; `None` if it is no constant.
    scopes: Vec<HashMap<&'a str, Option<&'a TensorProto>>>,
}

impl<'a> Constants<'a> {
    /// Enters a graph. Inputs hide initializers of their name, which are only defaults then, unless
    /// `inputs_are_fixed`.
    pub fn enter(&mut self, graph: &'a GraphProto, inputs_are_fixed: bool) {
        let initializers = graph.initializer.iter().map(|tensor| (tensor.name(), Some(tensor)));
        let mut values: HashMap<_, _> = initializers.collect();
        for name in graph.input.iter().map(ValueInfoProto::name) {
            if !(inputs_are_fixed && values.contains_key(name)) {
                values.insert(name, None);
            }
        }
        for node in &graph.node {
            let value = constant_of(node);
            values.extend(node.output.iter().map(|name| (name.as_str(), value)));
        }
        self.scopes.push(values);
    }

    /// Leaves the graph that was entered last.
    pub fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The constant that a name stands for here.
    pub fn get(&self, name: &str) -> Option<&'a TensorProto> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied()).flatten()
    }
}

/// The tensor that a `Constant` node gives.
pub(super) fn constant_of(node: &NodeProto) -> Option<&TensorProto> {
    let is_constant = node.op_type() == "Constant" && node.domain().is_empty();
    node.attribute("value").filter(|_| is_constant)?.t.as_deref()
}
