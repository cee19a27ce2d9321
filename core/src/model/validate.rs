//! [`Model::validate`]: what makes ONNX Runtime refuse a model, found before it sees the model.
//!
//! Errs on the side of passing: every rule here is one that ONNX Runtime has too. It loads unsorted nodes, several
//! initializers of one name, and unused tensors that are damaged, so these pass.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

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
        Scopes { scopes: Vec::new() }.graph(graph)?;
        for function in &self.functions {
            check_functions_nodes(&function.node)
                .with_context(|| format!("function `{}`", function.name()))?;
        }
        Ok(())
    }
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Source {
    Node(usize),
    /// An input, or an initializer.
    Given,
}

struct Value {
    source: Source,
    used: bool,
}

/// The values of one graph.
#[derive(Default)]
struct Scope<'a> {
    values: HashMap<&'a str, Value>,
    /// The node that is being looked at.
    node: usize,
    /// Producer and reader, where the reader may also be a node whose graphs read the value.
    edges: Vec<(usize, usize)>,
}

/// The graphs around the current place, outermost first.
struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
}

impl<'a> Scopes<'a> {
    fn graph(&mut self, graph: &'a GraphProto) -> Result<()> {
        self.scopes.push(Scope::define(graph)?);
        for (index, node) in graph.node.iter().enumerate() {
            if let Some(scope) = self.scopes.last_mut() {
                scope.node = index;
            }
            self.node(node).with_context(|| describe(index, node))?;
        }
        let mut scope = self.scopes.pop().unwrap_or_default();
        scope.outputs(graph)?;
        scope.check_tensors(graph)?;
        check_acyclic(graph, &scope.edges)
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        check_node(node)?;
        node.input.iter().filter(|name| !name.is_empty()).try_for_each(|name| self.read(name))?;
        for attribute in &node.attribute {
            for graph in attribute.g.as_deref().into_iter().chain(&attribute.graphs) {
                self.graph(graph).with_context(|| format!("graph `{}`", attribute.name()))?;
            }
        }
        Ok(())
    }

    /// Notes that the current node reads a value.
    fn read(&mut self, name: &str) -> Result<()> {
        for scope in self.scopes.iter_mut().rev() {
            if let Some(value) = scope.values.get_mut(name) {
                value.used = true;
                if let Source::Node(producer) = value.source {
                    scope.edges.push((producer, scope.node));
                }
                return Ok(());
            }
        }
        Err(Error::invalid_model(format!("input `{name}` is made by no node, input or initializer")))
    }
}

impl<'a> Scope<'a> {
    /// Finds all values of a graph; those of nodes must be made only once.
    fn define(graph: &'a GraphProto) -> Result<Self> {
        let mut values =
            HashMap::with_capacity(graph.node.len() + graph.initializer.len() + graph.input.len());
        let given = || Value { source: Source::Given, used: false };
        for input in &graph.input {
            check_type_of(input, "input", true)?;
            if values.insert(input.name(), given()).is_some() && !input.name().is_empty() {
                return Err(Error::invalid_model(format!("two graph inputs are named `{}`", input.name())));
            }
        }
        for name in initializer_names(graph) {
            values.insert(name, given());
        }
        for (index, node) in graph.node.iter().enumerate() {
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                match values.entry(name) {
                    Entry::Occupied(_) => {
                        let reason = format!("output `{name}` is already made elsewhere in the graph");
                        return Err(Error::invalid_model(reason).context(describe(index, node)));
                    }
                    Entry::Vacant(place) => place.insert(Value { source: Source::Node(index), used: false }),
                };
            }
        }
        Ok(Self { values, ..Self::default() })
    }

    fn outputs(&mut self, graph: &GraphProto) -> Result<()> {
        for output in &graph.output {
            check_type_of(output, "output", true)?;
            match self.values.get_mut(output.name()) {
                Some(value) => value.used = true,
                None => {
                    let name = output.name();
                    return Err(Error::invalid_model(format!("graph output `{name}` is made by no node")));
                }
            }
        }
        Ok(())
    }

    fn is_used(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value.used)
    }

    /// Checks the data of initializers and constants that something reads; the type of all of them.
    fn check_tensors(&self, graph: &GraphProto) -> Result<()> {
        // Of several initializers with one name, the last one counts.
        let mut counts: HashMap<&str, usize> = HashMap::with_capacity(graph.initializer.len());
        counts.extend(graph.initializer.iter().enumerate().map(|(index, tensor)| (tensor.name(), index)));
        for (index, tensor) in graph.initializer.iter().enumerate() {
            let used = self.is_used(tensor.name()) && counts.get(tensor.name()) == Some(&index);
            check_tensor(tensor, used).with_context(|| "initializer")?;
        }
        let mut sparse =
            graph.sparse_initializer.iter().flat_map(|sparse| sparse.values.iter().chain(&sparse.indices));
        sparse.try_for_each(check_external).with_context(|| "sparse initializer")?;
        for (index, node) in graph.node.iter().enumerate().filter(|(_, node)| is_constant(node)) {
            let used = node.output.iter().any(|name| self.is_used(name));
            let value = node.attribute("value").and_then(|attribute| attribute.t.as_deref());
            value
                .map_or(Ok(()), |tensor| check_tensor(tensor, used))
                .with_context(|| describe(index, node))?;
        }
        Ok(())
    }
}

fn is_constant(node: &NodeProto) -> bool {
    node.op_type() == "Constant" && node.domain().is_empty()
}

fn initializer_names(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
    graph.initializer.iter().chain(sparse).map(TensorProto::name)
}

fn describe(index: usize, node: &NodeProto) -> String {
    match node.name() {
        "" => format!("node {index} ({})", node.op_type()),
        name => format!("node {index} ({} `{name}`)", node.op_type()),
    }
}

fn check_node(node: &NodeProto) -> Result<()> {
    if node.op_type().is_empty() {
        return Err(Error::invalid_model("a node without operator"));
    }
    match node.attribute.iter().position(|attribute| attribute.name().is_empty()) {
        Some(index) => Err(Error::invalid_model(format!("attribute {index} has no name"))),
        None => node.attribute.iter().try_for_each(check_external_of),
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

fn check_tensor(tensor: &TensorProto, used: bool) -> Result<()> {
    check_external(tensor)?;
    let number = tensor.data_type.unwrap_or(0);
    check_element_type(number).with_context(|| format!("tensor `{}`", tensor.name()))?;
    if used && DType::from_onnx(number).is_some() { tensor.check_data() } else { Ok(()) }
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

/// Fails if nodes wait for each other. `edges` are pairs of producer and reader.
fn check_acyclic(graph: &GraphProto, edges: &[(usize, usize)]) -> Result<()> {
    // The usual case: nodes are sorted.
    if edges.iter().all(|(producer, reader)| producer < reader) {
        return Ok(());
    }
    let count = graph.node.len();
    let mut waits_for = vec![0_u32; count];
    let mut sorted = edges.to_vec();
    sorted.sort_unstable();
    edges.iter().for_each(|&(_, reader)| waits_for[reader] += 1);
    let mut ready: Vec<usize> = (0..count).filter(|&node| waits_for[node] == 0).collect();
    let mut done = 0;
    while let Some(node) = ready.pop() {
        done += 1;
        let first = sorted.partition_point(|&(producer, _)| producer < node);
        for &(_, reader) in sorted[first..].iter().take_while(|&&(producer, _)| producer == node) {
            waits_for[reader] -= 1;
            if waits_for[reader] == 0 {
                ready.push(reader);
            }
        }
    }
    if done == count {
        return Ok(());
    }
    let stuck = (0..count).find(|&node| waits_for[node] > 0).unwrap_or_default();
    Err(Error::invalid_model("the node needs its own output, directly or through others")
        .context(describe(stuck, &graph.node[stuck])))
}
