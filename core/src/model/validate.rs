//! [`Model::validate`]: what makes ONNX Runtime refuse a model, found before it sees the model.
//!
//! Errs on the side of passing: every rule here is one that ONNX Runtime has too. It loads unsorted nodes, several
//! initializers of one name, and models whose damaged tensors contribute to no output, so these pass.

use std::collections::HashSet;

use super::report::constant;
use super::scope::{Needed, Scope, describe, initializer_names};
use super::{
    AttributeProto, GraphProto, Model, NodeProto, TensorProto, TypeProto, TypeValue, ValueInfoProto,
};
use crate::error::ResultExt;
use crate::tensor::DType;
use crate::{Error, Result};

/// The last number in `TensorProto.DataType`: beyond [`DType`] there are two 6-bit floats.
const LAST_ELEMENT_TYPE: i32 = 28;

impl Model {
    /// Checks the structure: versions, element types, names, cycles, sizes of tensors, places of external data.
    ///
    /// Does not check what operators require of their inputs, nor read external data. Takes time in proportion to
    /// the number of nodes, inputs and outputs, whatever the size of the weights.
    ///
    /// # Errors
    /// `invalid_model` saying what is wrong and where, `unsupported` for element types beyond those of ONNX.
    pub fn validate(&self) -> Result<()> {
        if self.ir_version.is_none() {
            return Err(Error::invalid_model("no IR version; this is not an ONNX model, or it is damaged"));
        }
        if self.opset_import.is_empty() {
            return Err(Error::invalid_model("no operator set is imported"));
        }
        let graph = self.graph.as_ref().ok_or_else(|| Error::invalid_model("no graph"))?;
        check_main_inputs(graph)?;
        if let Some(damage) = (Scopes { scopes: Vec::new() }).graph(graph)? {
            return Err(damage);
        }
        for function in &self.functions {
            check_functions_nodes(&function.node)
                .with_context(|| format!("function `{}`", function.name()))?;
        }
        Ok(())
    }
}

/// The graphs around the current place, outermost first.
struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
}

impl<'a> Scopes<'a> {
    /// Checks a graph. Gives back what is wrong with the data of a tensor: whether that matters depends on whether
    /// the node that the graph is inside of is needed.
    fn graph(&mut self, graph: &'a GraphProto) -> Result<Option<Error>> {
        graph.input.iter().try_for_each(|input| check_type_of(input, "input", true))?;
        graph.output.iter().try_for_each(|output| check_type_of(output, "output", true))?;
        self.scopes.push(Scope::define(graph)?);
        let mut damages = Vec::new();
        for (index, node) in graph.node.iter().enumerate() {
            if let Some(scope) = self.scopes.last_mut() {
                scope.enter(index);
            }
            let damage = self.node(node).with_context(|| describe(index, node))?;
            damages.extend(damage.map(|damage| (index, damage.context(describe(index, node)))));
        }
        let Some(scope) = self.scopes.pop() else { return Ok(None) };
        check_tensors(graph)?;
        let needed = scope.finish()?;
        let inside = damages.into_iter().find(|(node, _)| needed.nodes[*node]).map(|(_, damage)| damage);
        Ok(inside.or_else(|| damaged_data(graph, &needed)))
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<Option<Error>> {
        node.attribute.iter().try_for_each(check_external_of)?;
        // ONNX Runtime passes over nodes that are connected to nothing, whatever they are.
        if node.input.is_empty() && node.output.is_empty() {
            return Ok(None);
        }
        check_node(node)?;
        node.input.iter().filter(|name| !name.is_empty()).try_for_each(|name| self.read(name))?;
        let mut damage = None;
        for attribute in &node.attribute {
            for graph in attribute.g.as_deref().into_iter().chain(&attribute.graphs) {
                let place = || format!("graph `{}`", attribute.name());
                let inside = self.graph(graph).with_context(place)?;
                damage = damage.or_else(|| inside.map(|damage| damage.context(place())));
            }
        }
        Ok(damage)
    }

    /// Notes that the current node reads a value.
    fn read(&mut self, name: &str) -> Result<()> {
        if self.scopes.iter_mut().rev().any(|scope| scope.read(name)) {
            return Ok(());
        }
        Err(Error::invalid_model(format!("input `{name}` is made by no node, input or initializer")))
    }
}

/// Checks the types of all initializers and constants, and that none points outside of the model's folder.
fn check_tensors(graph: &GraphProto) -> Result<()> {
    graph.initializer.iter().try_for_each(check_tensor).with_context(|| "initializer")?;
    let mut sparse =
        graph.sparse_initializer.iter().flat_map(|sparse| sparse.values.iter().chain(&sparse.indices));
    sparse.try_for_each(check_external).with_context(|| "sparse initializer")?;
    for (index, node) in graph.node.iter().enumerate() {
        constant(node).map_or(Ok(()), check_tensor).with_context(|| describe(index, node))?;
    }
    Ok(())
}

/// The first initializer or constant that is needed and whose data does not fit.
fn damaged_data(graph: &GraphProto, needed: &Needed) -> Option<Error> {
    // The sizes of 6-bit floats are not known here.
    let damage = |tensor: &TensorProto| {
        DType::from_onnx(tensor.data_type.unwrap_or(0)).and_then(|_| tensor.check_data().err())
    };
    let initializers = graph.initializer.iter().zip(&needed.initializers).filter(|(_, needed)| **needed);
    let of_initializer = initializers.filter_map(|(tensor, _)| damage(tensor)).next();
    of_initializer.map(|error| error.context("initializer")).or_else(|| {
        let mut nodes = graph.node.iter().enumerate().filter(|(index, _)| needed.nodes[*index]);
        nodes.find_map(|(index, node)| {
            constant(node).and_then(damage).map(|error| error.context(describe(index, node)))
        })
    })
}

fn check_node(node: &NodeProto) -> Result<()> {
    if node.op_type().is_empty() {
        return Err(Error::invalid_model("a node without operator"));
    }
    match node.attribute.iter().position(|attribute| attribute.name().is_empty()) {
        Some(index) => Err(Error::invalid_model(format!("attribute {index} has no name"))),
        None => Ok(()),
    }
}

/// Tensors in attributes: only that they do not point outside of the model's folder.
fn check_external_of(attribute: &AttributeProto) -> Result<()> {
    attribute.t.as_deref().into_iter().chain(&attribute.tensors).try_for_each(check_external)
}

fn check_external(tensor: &TensorProto) -> Result<()> {
    let paths = tensor.external_data.iter().filter(|entry| tensor.is_external() && entry.key() == "location");
    for entry in paths {
        super::check_external_path(entry.value()).with_context(|| format!("tensor `{}`", tensor.name()))?;
    }
    Ok(())
}

fn check_tensor(tensor: &TensorProto) -> Result<()> {
    check_external(tensor)?;
    check_element_type(tensor.data_type.unwrap_or(0)).with_context(|| format!("tensor `{}`", tensor.name()))
}

fn check_element_type(number: i32) -> Result<()> {
    match number {
        0 => Err(Error::invalid_model("no element type")),
        1..=LAST_ELEMENT_TYPE => Ok(()),
        _ => Err(Error::unsupported(format!("element type {number}"), "it is not one of ONNX's types")),
    }
}

fn check_main_inputs(graph: &GraphProto) -> Result<()> {
    let initializers: HashSet<&str> = initializer_names(graph).collect();
    for input in &graph.input {
        let name = input.name();
        // An initializer gives the type of an input that lacks it.
        let typed = input.r#type.as_ref().is_some_and(|r#type| r#type.value.is_some());
        if !typed && !name.is_empty() && !initializers.contains(name) {
            return Err(Error::invalid_model(format!("graph input `{name}` has no type")));
        }
        check_type_of(input, "input", false)?;
    }
    Ok(())
}

fn check_type_of(value: &ValueInfoProto, role: &str, undefined_allowed: bool) -> Result<()> {
    let Some(r#type) = &value.r#type else { return Ok(()) };
    check_type(r#type, undefined_allowed).with_context(|| format!("graph {role} `{}`", value.name()))
}

/// Checks the element types in a type; `undefined_allowed` if they may be missing.
fn check_type(r#type: &TypeProto, undefined_allowed: bool) -> Result<()> {
    let mut next = Some(r#type);
    while let Some(r#type) = next.take() {
        let number = match &r#type.value {
            Some(TypeValue::Tensor(tensor) | TypeValue::SparseTensor(tensor)) => tensor.elem_type,
            Some(TypeValue::Sequence(of) | TypeValue::Optional(of)) => {
                next = of.elem_type.as_deref();
                continue;
            }
            Some(TypeValue::Map(map)) => {
                next = map.value_type.as_deref();
                map.key_type
            }
            Some(TypeValue::Opaque(_)) | None => return Ok(()),
        };
        match number.unwrap_or(0) {
            0 if undefined_allowed => {}
            number => check_element_type(number)?,
        }
    }
    Ok(())
}

/// Functions are looked at only when they are used, so only what is wrong in any case counts.
fn check_functions_nodes(nodes: &[NodeProto]) -> Result<()> {
    for (index, node) in nodes.iter().enumerate() {
        let external = node.attribute.iter().try_for_each(check_external_of);
        external.with_context(|| describe(index, node))?;
        for graph in node.subgraphs() {
            graph.initializer.iter().try_for_each(check_external)?;
            check_functions_nodes(&graph.node).with_context(|| describe(index, node))?;
        }
    }
    Ok(())
}
