//! What kind of quantization a model already has, how much of it, and the scales of its inputs and outputs.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::report::{constant, count};
use super::{AttributeProto, GraphProto, Model, NoExternalData, NodeProto, TensorProto};
use crate::tensor::DType;

/// How a model is quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuantizationKind {
    /// Weights are 8-bit, activations are quantized while the model runs (`MatMulInteger` and the like).
    Dynamic,
    /// Operators that work on quantized values (`QLinearConv` and the like).
    Qoperator,
    /// Pairs of `QuantizeLinear` and `DequantizeLinear` around the usual operators.
    Qdq,
    /// Weights only, in blocks of a few bits (`MatMulNBits` and the like).
    MatmulNbits,
    /// Weights are `float16`.
    Float16,
}

/// How a model is already quantized. Part of [`ModelReport`](super::ModelReport).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuantizationReport {
    /// The kinds that were found; empty if the model is not quantized.
    pub schemes: Vec<SchemeReport>,
    /// Number of weights: parameters that are floats or integers of up to 8 bits, or are used in a quantized form,
    /// without scalars, scales and zero points. Weights that share a byte count one by one.
    pub weight_count: u64,
    /// Inputs that are quantized first thing, or are given quantized.
    pub inputs: Vec<QuantizedValue>,
    /// Outputs that are quantized, or are dequantized last thing.
    pub outputs: Vec<QuantizedValue>,
}

/// One kind of quantization in a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemeReport {
    /// The kind.
    pub kind: QuantizationKind,
    /// Nodes of this kind, in all graphs and functions.
    pub node_count: u64,
    /// Weights of this kind.
    pub weight_count: u64,
    /// The same as a share of all weights, from 0 to 1.
    pub weight_share: f64,
}

/// Scale and zero point of a quantized input or output: `real = (quantized - zero_point) * scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuantizedValue {
    /// Name of the input or output.
    pub name: String,
    /// Type of the quantized values; `None` if unknown.
    pub dtype: Option<DType>,
    /// One scale, or one for each index of `axis`; empty if the model computes it.
    pub scales: Vec<f32>,
    /// As many zero points as scales.
    pub zero_points: Vec<i64>,
    /// The axis that the scales are for, if there is more than one; may be negative, to count from the end.
    pub axis: Option<i64>,
}

/// Which inputs of an operator are quantized data, and which are scales and zero points.
struct Roles {
    kind: QuantizationKind,
    data: &'static [usize],
    parameters: &'static [usize],
}

/// What an operator has to do with quantization; `None` if nothing.
fn roles(node: &NodeProto) -> Option<Roles> {
    use QuantizationKind::{Dynamic, MatmulNbits, Qdq, Qoperator};
    let (kind, data, parameters): (_, &[usize], &[usize]) = match (node.domain(), node.op_type()) {
        ("" | "com.microsoft", "QuantizeLinear" | "DequantizeLinear") => (Qdq, &[0], &[1, 2]),
        ("", "DynamicQuantizeLinear") => (Dynamic, &[], &[]),
        ("", "MatMulInteger" | "ConvInteger") | ("com.microsoft", "MatMulInteger16") => {
            (Dynamic, &[0, 1], &[2, 3])
        }
        ("com.microsoft", "DynamicQuantizeMatMul") => (Dynamic, &[1], &[2, 3]),
        ("com.microsoft", "MatMulIntegerToFloat") => (Dynamic, &[0, 1], &[2, 3, 4, 5]),
        ("com.microsoft", "DynamicQuantizeLSTM") => (Dynamic, &[1, 2], &[8, 9, 10, 11]),
        ("", "QLinearConv") | ("com.microsoft", "QLinearConv") => {
            (Qoperator, &[0, 3, 8], &[1, 2, 4, 5, 6, 7])
        }
        ("", "QLinearMatMul") => (Qoperator, &[0, 3], &[1, 2, 4, 5, 6, 7]),
        ("com.microsoft", "QGemm") => (Qoperator, &[0, 3, 6], &[1, 2, 4, 5, 7, 8]),
        ("com.microsoft", "QLinearAdd" | "QLinearMul") => (Qoperator, &[0, 3], &[1, 2, 4, 5, 6, 7]),
        ("com.microsoft", "QLinearConcat") => (Qoperator, &[], &[0, 1]),
        ("com.microsoft", "QAttention") => (Qoperator, &[0, 1], &[3, 4, 6, 7]),
        ("com.microsoft", "QEmbedLayerNormalization") => {
            (Qoperator, &[2, 3, 4, 5, 6], &[8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
        }
        ("com.microsoft", op) if op.starts_with("QLinear") => (Qoperator, &[0], &[1, 2, 3, 4]),
        ("com.microsoft", "MatMulNBits" | "MatMulBnb4") => (MatmulNbits, &[1], &[2, 3, 4]),
        ("com.microsoft", "GatherBlockQuantized") => (MatmulNbits, &[0], &[2, 3]),
        ("com.microsoft", "QMoE") => (MatmulNbits, &[2, 5, 8], &[3, 6, 9, 11, 12, 13]),
        _ => return None,
    };
    Some(Roles { kind, data, parameters })
}

/// Finds the quantization in a model.
pub(super) fn report(model: &Model) -> QuantizationReport {
    let mut search = Search::default();
    if let Some(graph) = &model.graph {
        search.graph(graph);
    }
    let mut report = search.schemes(model);
    if let Some(graph) = &model.graph {
        search.borders(graph, &mut report);
    }
    report
}

/// An initializer or constant, and what it turned out to be.
struct Weight<'a> {
    tensor: &'a TensorProto,
    kind: Option<QuantizationKind>,
    is_parameter: bool,
    /// Number of weights, which is more than the elements if several share one.
    count: u64,
}

#[derive(Default)]
struct Search<'a> {
    weights: Vec<Weight<'a>>,
    /// Names of the graphs around the current place, outermost first. The main graph's stay to the end.
    scopes: Vec<HashMap<&'a str, usize>>,
}

impl<'a> Search<'a> {
    fn graph(&mut self, graph: &'a GraphProto) {
        let mut names = HashMap::new();
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
        let constants =
            graph.node.iter().filter_map(|node| Some((node.output.first()?.as_str(), constant(node)?)));
        for (name, tensor) in graph.initializer.iter().chain(sparse).map(|t| (t.name(), t)).chain(constants) {
            names.insert(name, self.weights.len());
            self.weights.push(Weight { tensor, kind: None, is_parameter: false, count: count(tensor) });
        }
        self.scopes.push(names);
        for node in &graph.node {
            self.node(node);
            for subgraph in node.subgraphs() {
                self.graph(subgraph);
                self.scopes.pop();
            }
        }
    }

    fn node(&mut self, node: &'a NodeProto) {
        self.follow(node);
        let Some(roles) = roles(node) else { return };
        for &index in roles.data {
            if let Some(weight) = self.weight(node, index) {
                self.weights[weight].kind.get_or_insert(roles.kind);
                let stored = count(self.weights[weight].tensor);
                self.weights[weight].count = weights_in(node, self.weights[weight].tensor).unwrap_or(stored);
            }
        }
        for &index in roles.parameters {
            if let Some(weight) = self.weight(node, index) {
                self.weights[weight].is_parameter = true;
            }
        }
    }

    /// What only moves elements gives the same weights on, as where rows of an embedding are taken before they are
    /// dequantized.
    fn follow(&mut self, node: &'a NodeProto) {
        let moves = matches!(node.op_type(), "Gather" | "Identity" | "Reshape" | "Slice" | "Transpose");
        let weight = if moves && node.domain().is_empty() { self.weight(node, 0) } else { None };
        if let (Some(weight), Some(output), Some(names)) =
            (weight, node.output.first(), self.scopes.last_mut())
        {
            names.insert(output, weight);
        }
    }

    /// The constant that is a node's input.
    fn weight(&self, node: &NodeProto, index: usize) -> Option<usize> {
        let name = node.input.get(index)?.as_str();
        self.scopes.iter().rev().find_map(|names| names.get(name)).copied()
    }

    fn schemes(&self, model: &Model) -> QuantizationReport {
        let mut nodes: HashMap<QuantizationKind, u64> = HashMap::new();
        for roles in model.nodes().filter_map(|at| roles(at.node)) {
            *nodes.entry(roles.kind).or_default() += 1;
        }
        let mut weights: HashMap<QuantizationKind, u64> = HashMap::new();
        let mut total = 0_u64;
        for weight in self.weights.iter().filter(|weight| !weight.is_parameter) {
            let dtype = weight.tensor.dtype().ok();
            let kind =
                weight.kind.or_else(|| (dtype == Some(DType::F16)).then_some(QuantizationKind::Float16));
            if let Some(kind) = kind {
                let sum = weights.entry(kind).or_default();
                *sum = sum.saturating_add(weight.count);
            }
            let is_weight = dtype.is_some_and(is_weight_type) && !weight.tensor.dims.is_empty();
            if kind.is_some() || is_weight {
                total = total.saturating_add(weight.count);
            }
        }
        let mut kinds: Vec<_> = nodes.keys().chain(weights.keys()).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let scheme = |kind| {
            let weight_count = weights.get(&kind).copied().unwrap_or_default();
            SchemeReport {
                kind,
                node_count: nodes.get(&kind).copied().unwrap_or_default(),
                weight_count,
                weight_share: if total == 0 { 0.0 } else { weight_count as f64 / total as f64 },
            }
        };
        let schemes = kinds.into_iter().map(scheme).collect();
        QuantizationReport { schemes, weight_count: total, ..QuantizationReport::default() }
    }

    /// Finds the scales of the main graph's inputs and outputs.
    fn borders(&self, graph: &GraphProto, report: &mut QuantizationReport) {
        let mut readers: HashMap<&str, &NodeProto> = HashMap::new();
        let mut makers: HashMap<&str, &NodeProto> = HashMap::new();
        for node in
            graph.node.iter().filter(|node| matches!(node.op_type(), "QuantizeLinear" | "DequantizeLinear"))
        {
            if let (Some(input), Some(output)) = (node.input.first(), node.output.first()) {
                readers.entry(input).or_insert(node);
                makers.insert(output, node);
            }
        }
        let is_constant = |name: &str| self.scopes.first().is_some_and(|names| names.contains_key(name));
        for input in graph.input.iter().filter(|input| !is_constant(input.name())) {
            report.inputs.extend(readers.get(input.name()).map(|node| self.quantized(input.name(), node)));
        }
        for output in &graph.output {
            report.outputs.extend(makers.get(output.name()).map(|node| self.quantized(output.name(), node)));
        }
    }

    fn quantized(&self, name: &str, node: &NodeProto) -> QuantizedValue {
        let tensor = |index| self.weight(node, index).map(|weight| self.weights[weight].tensor);
        let scales = tensor(1).map(numbers).unwrap_or_default();
        let has_zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
        let zero_points: Vec<f64> =
            if has_zero_point { tensor(2).map(numbers).unwrap_or_default() } else { vec![0.0; scales.len()] };
        let dtype = if has_zero_point {
            tensor(2).and_then(|tensor| tensor.dtype().ok())
        } else {
            let stated = integer(node, "output_dtype").filter(|&number| number != 0);
            // Without any statement the standard says uint8 for quantizing; for dequantizing it depends.
            match (stated, node.op_type()) {
                (Some(number), _) => i32::try_from(number).ok().and_then(DType::from_onnx),
                (None, "QuantizeLinear") => Some(DType::U8),
                _ => None,
            }
        };
        QuantizedValue {
            name: name.to_owned(),
            dtype,
            axis: (scales.len() > 1).then(|| integer(node, "axis").unwrap_or(1)),
            scales: scales.iter().map(|&scale| scale as f32).collect(),
            zero_points: zero_points.iter().map(|&zero_point| zero_point as i64).collect(),
        }
    }
}

fn is_weight_type(dtype: DType) -> bool {
    dtype.is_float() || (matches!(dtype.bits(), 1..=8) && dtype != DType::Bool)
}

fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute(name).and_then(|attribute: &AttributeProto| attribute.i)
}

/// Number of weights in a tensor whose elements may hold several; `None` if each element is one.
fn weights_in(node: &NodeProto, tensor: &TensorProto) -> Option<u64> {
    let attribute = |name| integer(node, name).and_then(|value| u64::try_from(value).ok());
    match node.op_type() {
        "MatMulNBits" | "MatMulBnb4" => attribute("N")?.checked_mul(attribute("K")?),
        "GatherBlockQuantized" if tensor.dtype() == Ok(DType::U8) => {
            shared(tensor, attribute("bits").unwrap_or(4))
        }
        "QMoE" => shared(tensor, attribute("expert_weight_bits").unwrap_or(4)),
        _ => None,
    }
}

fn shared(tensor: &TensorProto, bits: u64) -> Option<u64> {
    count(tensor).checked_mul(8)?.checked_div(bits)
}

/// The elements of a scale or zero point; empty if they are not in the model, or of a type that has no such use.
fn numbers(tensor: &TensorProto) -> Vec<f64> {
    let (Ok(dtype), Ok(bytes)) = (tensor.dtype(), tensor.data_bytes(&NoExternalData)) else {
        return Vec::new();
    };
    let elements = count(tensor) as usize;
    macro_rules! decode {
        ($type:ty) => {
            bytes.as_chunks().0.iter().map(|&chunk| f64::from(<$type>::from_le_bytes(chunk))).collect()
        };
    }
    let nibble = |index: usize| bytes[index / 2] >> (index % 2 * 4) & 15;
    match dtype {
        DType::F32 => decode!(f32),
        DType::F16 => decode!(half::f16),
        DType::BF16 => decode!(half::bf16),
        DType::F64 => decode!(f64),
        DType::U8 => decode!(u8),
        DType::I8 => decode!(i8),
        DType::U16 => decode!(u16),
        DType::I16 => decode!(i16),
        DType::I32 => decode!(i32),
        DType::U4 => (0..elements).map(|index| f64::from(nibble(index))).collect(),
        // Shifted up and down again to extend the sign.
        DType::I4 => (0..elements).map(|index| f64::from(((nibble(index) << 4) as i8) >> 4)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: Some(op_type.into()),
            input: input.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            ..Default::default()
        }
    }

    #[test]
    fn weights_are_followed_to_where_they_are_dequantized() {
        let table = TensorProto {
            name: Some("table".into()),
            data_type: Some(DType::I8.onnx()),
            dims: vec![10, 4],
            raw_data: Some(vec![0; 40].into()),
            ..Default::default()
        };
        let rows = node("Gather", &["table", "ids"], "rows");
        let dequantized = node("DequantizeLinear", &["rows", "scale"], "y");
        let graph =
            GraphProto { initializer: vec![table], node: vec![rows, dequantized], ..Default::default() };
        let report = report(&Model { graph: Some(graph), ..Default::default() });
        assert_eq!(report.schemes.len(), 1);
        assert_eq!((report.schemes[0].kind, report.schemes[0].weight_count), (QuantizationKind::Qdq, 40));
        assert_eq!(report.schemes[0].weight_share, 1.0);
    }
}
