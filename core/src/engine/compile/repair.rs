//! Puts right what versions of ONNX Runtime save wrongly.

use std::collections::HashMap;

use crate::model::{AttributeProto, ExternalDataResolver, GraphProto, Model, TensorProto};
use crate::{Error, Result};

/// Removes initializers that are there twice: ONNX Runtime 1.24 writes those of sub-graphs once as they are and once
/// more with their pre-packed forms, and refuses to read that.
///
/// # Errors
/// `invalid_model` if two initializers of the same name differ, and those of reading their data.
pub(super) fn remove_doubles(model: &mut Model, data: &dyn ExternalDataResolver) -> Result<()> {
    model.graph.iter_mut().try_for_each(|graph| in_graph(graph, data))
}

fn in_graph(graph: &mut GraphProto, data: &dyn ExternalDataResolver) -> Result<()> {
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    attributes.flat_map(sub_graphs).try_for_each(|graph| in_graph(graph, data))?;
    let mut places = HashMap::new();
    let mut kept: Vec<TensorProto> = Vec::with_capacity(graph.initializer.len());
    for tensor in std::mem::take(&mut graph.initializer) {
        match places.get(tensor.name()).copied() {
            None => {
                places.insert(tensor.name().to_owned(), kept.len());
                kept.push(tensor);
            }
            Some(place) => {
                let first: &mut TensorProto = &mut kept[place];
                if !are_equal(first, &tensor, data)? {
                    let reason = format!("two initializers `{}` that differ", tensor.name());
                    return Err(Error::invalid_model(reason));
                }
                // The later one is the one that knows of pre-packed forms.
                *first = tensor;
            }
        }
    }
    graph.initializer = kept;
    Ok(())
}

fn sub_graphs(attribute: &mut AttributeProto) -> impl Iterator<Item = &mut GraphProto> {
    attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs)
}

fn are_equal(a: &TensorProto, b: &TensorProto, data: &dyn ExternalDataResolver) -> Result<bool> {
    Ok((a.data_type, &a.dims) == (b.data_type, &b.dims) && *a.data_bytes(data)? == *b.data_bytes(data)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NoExternalData, NodeProto};

    fn tensor(name: &str, value: u8, doc: &str) -> TensorProto {
        TensorProto {
            name: Some(name.into()),
            data_type: Some(2),
            dims: vec![1],
            raw_data: Some(vec![value].into()),
            doc_string: Some(doc.into()),
            ..Default::default()
        }
    }

    /// A model whose only node has a graph with these initializers.
    fn model(initializer: Vec<TensorProto>) -> Model {
        let inner = GraphProto { initializer, ..Default::default() };
        let attribute = AttributeProto { g: Some(Box::new(inner)), ..Default::default() };
        let node = NodeProto { attribute: vec![attribute], ..Default::default() };
        Model { graph: Some(GraphProto { node: vec![node], ..Default::default() }), ..Default::default() }
    }

    #[test]
    fn the_last_of_equal_ones_stays_in_the_first_place() {
        let mut doubled = model(vec![tensor("a", 1, "old"), tensor("b", 1, ""), tensor("a", 1, "new")]);
        remove_doubles(&mut doubled, &NoExternalData).unwrap();
        assert_eq!(doubled, model(vec![tensor("a", 1, "new"), tensor("b", 1, "")]));
    }

    #[test]
    fn different_ones_are_an_error() {
        let mut doubled = model(vec![tensor("a", 1, ""), tensor("a", 2, "")]);
        let error = remove_doubles(&mut doubled, &NoExternalData).unwrap_err();
        assert!(error.to_string().contains("`a`"), "{error}");
    }
}
