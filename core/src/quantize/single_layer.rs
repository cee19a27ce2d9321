//! One layer of a model as a model of its own, to measure it alone.

use super::Calibration;
use super::constants::Constants;
use super::plan::label;
use super::rewrite::initializers_are_inputs;
use crate::model::{GraphProto, Model, NodeProto, TensorProto, ValueInfoProto};
use crate::tensor::DType;

/// The layer with this label (name, or first output) as a model with one input, the layer's only value that is no
/// constant, in the shape that a calibration has seen. Payloads are shared.
///
/// `None` if there is no such layer in the main graph, if it reads several values that are no constants, or if the
/// calibration knows none of its shape.
pub fn single_layer(model: &Model, layer: &str, calibration: &Calibration) -> Option<Model> {
    let graph = model.graph.as_ref()?;
    let node = graph.node.iter().find(|node| label(node) == layer)?;
    if node.subgraphs().next().is_some() {
        return None;
    }
    let mut constants = Constants::default();
    constants.enter(graph, initializers_are_inputs(model.ir_version));
    let mut read: Vec<&str> = Vec::new();
    let mut initializer: Vec<TensorProto> = Vec::new();
    for name in node.input.iter().filter(|name| !name.is_empty()) {
        match constants.get(name) {
            Some(_) if initializer.iter().any(|known| known.name() == name) => {}
            Some(constant) => initializer.push(TensorProto { name: Some(name.clone()), ..constant.clone() }),
            None if read.contains(&name.as_str()) => {}
            None => read.push(name),
        }
    }
    let [activation] = read[..] else { return None };
    let shape = &calibration.tensors.get(activation)?.shape;
    let dims: Vec<i64> = shape.iter().map(|&size| i64::try_from(size).ok()).collect::<Option<_>>()?;
    let output = node.output.first()?;
    let own = GraphProto {
        node: vec![NodeProto { output: vec![output.clone()], ..node.clone() }],
        name: Some("layer".to_owned()),
        initializer,
        input: vec![ValueInfoProto::tensor(activation, DType::F32, Some(&dims))],
        output: vec![ValueInfoProto::tensor(output, DType::F32, None)],
        ..Default::default()
    };
    Some(Model {
        // Initializers of old formats would have to be inputs too.
        ir_version: model.ir_version.map(|version| version.max(4)),
        opset_import: model.opset_import.clone(),
        graph: Some(own),
        ..Default::default()
    })
}
