//! A model that tells the shapes of values inside of it, without keeping the values.

use std::collections::HashMap;

use super::names::Names;
use crate::model::{Model, NodeProto, ValueInfoProto};

/// The first version of the standard operators whose `Reshape` takes the shape as an input.
const RESHAPE_OPSET: i64 = 5;

/// The model with the shapes of `values` as its only outputs: pairs of a value and the output with its shape. `None` for
/// models of operator sets that are too old.
///
/// Whoever reads such a value reads it through a `Reshape` to its own shape, which copies nothing: so the shape has to be
/// known before the value is read, and the value need not be kept for it.
pub(super) fn shapes_model(model: &Model, values: &[&str]) -> Option<(Model, Vec<(String, String)>)> {
    let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty())?.version?;
    if opset < RESHAPE_OPSET {
        return None;
    }
    let mut names = Names::of(model);
    let mut model = model.clone();
    let graph = model.graph.as_mut()?;
    let new = values
        .iter()
        .map(|&value| (value, (names.fresh(format!("{value}/shape")), names.fresh(format!("{value}/same")))));
    let new: HashMap<&str, (String, String)> = new.collect();
    for mut node in std::mem::take(&mut graph.node) {
        for name in &mut node.input {
            if let Some((_, same)) = new.get(name.as_str()) {
                name.clone_from(same);
            }
        }
        let made: Vec<_> = node.output.iter().filter_map(|name| new.get_key_value(name.as_str())).collect();
        graph.node.push(node);
        for (value, (shape, same)) in made {
            graph.node.push(standard("Shape", &[value], shape));
            graph.node.push(standard("Reshape", &[value, shape], same));
        }
    }
    let pairs: Vec<_> = values.iter().map(|&value| (value.to_owned(), new[value].0.clone())).collect();
    graph.output = pairs.iter().map(|(_, shape)| untyped(shape)).collect();
    Some((model, pairs))
}

/// A value whose type the engine infers.
pub(super) fn untyped(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: Some(name.to_owned()), ..Default::default() }
}

fn standard(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}
