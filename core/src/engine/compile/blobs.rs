//! Weights packed for Ortlet's own operators, in a model that nobody vouches for.
//!
//! The kernels check what they need for the safety of memory when they are made. Here everything is checked before ONNX
//! Runtime sees the model, so that damage has a name and never becomes a wrong number.

use std::collections::HashSet;

use crate::engine::ops::{self, Refusal};
use crate::error::ResultExt;
use crate::model::{ExternalDataResolver, Model, NodeProto, TensorProto};
use crate::{Error, ErrorKind, Result};

/// Whether a model has nodes of Ortlet's own operators. What it imports says nothing: ONNX Runtime writes every domain
/// that it knows into the models that it saves.
pub(in crate::engine) fn has_own_operators(model: &Model) -> bool {
    own_nodes(model).next().is_some()
}

pub(super) fn own_nodes(model: &Model) -> impl Iterator<Item = &NodeProto> {
    model.nodes().map(|at| at.node).filter(|node| node.domain() == ops::DOMAIN)
}

/// Checks attributes and packed weights of every node of the domain `ai.ortlet`.
///
/// # Errors
/// `invalid_model` and `integrity` with the node, and those of `data`.
pub(super) fn check(model: &Model, data: &dyn ExternalDataResolver) -> Result<()> {
    let mut checked = HashSet::new();
    for node in own_nodes(model) {
        check_attributes(node).with_context(|| describe(node))?;
        for &index in ops::blob_inputs(node.op_type()) {
            let name = node.input.get(index).map_or("", String::as_str);
            if checked.insert((node.op_type(), name)) {
                check_all(model, node, name, data).with_context(|| describe(node))?;
            }
        }
    }
    Ok(())
}

/// Refuses attributes that would be passed over.
fn check_attributes(node: &NodeProto) -> Result<()> {
    node.attribute.iter().try_for_each(|attribute| match ops::attribute_type(attribute.name()) {
        None => Err(Error::invalid_model(format!("the operator has no attribute `{}`", attribute.name()))),
        Some(known) if attribute.r#type != Some(known) => {
            Err(Error::invalid_model(format!("the attribute `{}` is of another type", attribute.name())))
        }
        Some(_) => Ok(()),
    })
}

/// Checks every constant of this name: which one a node in an inner graph means depends on the graphs around it.
fn check_all(model: &Model, node: &NodeProto, name: &str, data: &dyn ExternalDataResolver) -> Result<()> {
    let mut constants = model.tensors().filter(|tensor| tensor.name() == name).peekable();
    if name.is_empty() || constants.peek().is_none() {
        return Err(Error::invalid_model(format!("packed weights `{name}` are no constant of the model")));
    }
    constants.try_for_each(|tensor| check_one(node, tensor, data).with_context(|| format!("tensor `{name}`")))
}

fn check_one(node: &NodeProto, tensor: &TensorProto, data: &dyn ExternalDataResolver) -> Result<()> {
    match ops::check_blob(node.op_type(), &tensor.data_bytes(data)?) {
        Ok(()) => Ok(()),
        Err(Refusal::Wrong(reason)) => Err(Error::invalid_model(reason)),
        Err(Refusal::Damaged(reason)) => Err(ErrorKind::Integrity { what: describe(node), reason }.into()),
    }
}

/// Says which node it is, for errors.
fn describe(node: &NodeProto) -> String {
    let first_output = || node.output.first().map_or("", String::as_str);
    let name = if node.name().is_empty() { first_output() } else { node.name() };
    format!("node `{name}` ({}.{})", ops::DOMAIN, node.op_type())
}
