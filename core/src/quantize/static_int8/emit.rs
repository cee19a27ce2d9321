//! Writes the nodes of a graph whose layers and followers are quantized.

use std::collections::{HashMap, HashSet};

use super::follower::Follower;
use super::gelu::Gelu;
use super::initializers::Initializers;
use super::layer::{Layer, LayerKind};
use super::region::{Region, Work};
use super::values::Values;
use super::{codes, weights};
use crate::Result;
use crate::model::{AttributeProto, GraphProto, NodeProto, TensorProto};
use crate::quantize::names::Names;
use crate::quantize::plan::label;
use crate::quantize::rewrite::MICROSOFT;
use crate::quantize::{LayerOutcome, QuantizeMode, ScaleAndZeroPoint};
use crate::tensor::DType;

/// A value as 8-bit numbers.
#[derive(Clone)]
struct Coded {
    name: String,
    scale_name: String,
    zero_point_name: String,
    codes: ScaleAndZeroPoint,
}

/// The new nodes and initializers of a graph.
pub(super) struct Emitted {
    pub nodes: Vec<NodeProto>,
    pub initializers: Vec<TensorProto>,
    /// What became of the layers, by the number of their node.
    pub outcomes: HashMap<usize, LayerOutcome>,
}

struct Emitter<'e, 'a> {
    values: &'e Values<'a>,
    region: &'e Region<'e, 'a>,
    limit: f32,
    initializers: Initializers,
    /// Values that are there as 8-bit numbers, by their old name.
    coded: HashMap<&'a str, Coded>,
    /// Floats that went through 8 bits, by the name of the value that was made as floats, or of a constant.
    dequantized: HashMap<&'a str, String>,
    nodes: Vec<NodeProto>,
    outcomes: HashMap<usize, LayerOutcome>,
}

/// Writes all nodes of the main graph anew. Weights go up to `limit`.
pub(super) fn emit<'a>(
    values: &Values<'a>,
    region: &Region<'_, 'a>,
    gelus: &HashMap<usize, Gelu<'a>>,
    graph: &'a GraphProto,
    names: Names,
    limit: f32,
) -> Result<Emitted> {
    let mut emitter = Emitter {
        values,
        region,
        limit,
        initializers: Initializers::new(names),
        coded: HashMap::new(),
        dequantized: HashMap::new(),
        nodes: Vec::with_capacity(graph.node.len()),
        outcomes: HashMap::new(),
    };
    for input in &graph.input {
        emitter.quantize_if_wanted(input.name())?;
    }
    let is_coded = |work: &&Work| work.outputs().iter().all(|output| region.is_made(output));
    let mut taken_in: HashSet<usize> =
        region.works.values().filter(is_coded).flat_map(Work::tail).copied().collect();
    let joined: HashMap<usize, &Gelu> =
        gelus.iter().filter(|(_, gelu)| region.is_made(gelu.input)).map(|(at, gelu)| (*at, gelu)).collect();
    taken_in.extend(joined.values().flat_map(|gelu| &gelu.nodes));
    for (at, node) in graph.node.iter().enumerate() {
        match joined.get(&at) {
            _ if taken_in.contains(&at) => {}
            Some(gelu) => emitter.gelu(node, gelu)?,
            None => emitter.node(at, node)?,
        }
    }
    let Emitter { nodes, initializers, outcomes, .. } = emitter;
    Ok(Emitted { nodes, initializers: initializers.list, outcomes })
}

impl<'a> Emitter<'_, 'a> {
    fn node(&mut self, at: usize, node: &'a NodeProto) -> Result<()> {
        let region = self.region;
        match region.works.get(&at) {
            Some(Work::Layer(layer)) => self.layer(at, node, layer)?,
            Some(Work::Follower(follower)) if follower.kind.moves() => self.mover(node, follower),
            Some(Work::Follower(follower)) => self.follower(node, follower)?,
            None => self.nodes.push(node.clone()),
        }
        node.output.iter().try_for_each(|output| self.quantize_if_wanted(output))
    }

    /// An activation function as one node.
    fn gelu(&mut self, last: &'a NodeProto, gelu: &Gelu<'a>) -> Result<()> {
        self.nodes.push(NodeProto {
            op_type: Some("Gelu".to_owned()),
            domain: Some(MICROSOFT.to_owned()),
            name: last.name.clone(),
            input: vec![gelu.input.to_owned()],
            output: last.output.clone(),
            ..Default::default()
        });
        last.output.iter().try_for_each(|output| self.quantize_if_wanted(output))
    }

    /// Quantizes a value that was made as floats where 8-bit numbers are read.
    fn quantize_if_wanted(&mut self, name: &'a str) -> Result<()> {
        let is_constant = self.values.constant(name).is_some();
        if is_constant || !self.region.is_coded(name) || self.region.is_made(name) {
            return Ok(());
        }
        let Ok(codes) = self.values.codes(name) else { return Ok(()) };
        let floats =
            if self.region.is_open_to_quantization(name) { self.keep(name) } else { name.to_owned() };
        let coded = self.new_coded(name, codes);
        self.linear("QuantizeLinear", &[&floats, &coded.scale_name, &coded.zero_point_name], &coded.name);
        if self.region.is_computed_with(name) {
            let floats = self.initializers.fresh(format!("{name}_dequantized"));
            self.dequantize(&coded, &floats);
            self.dequantized.insert(name, floats);
        }
        self.coded.insert(name, coded);
        Ok(())
    }

    /// A sum of one, which ONNX Runtime does not look through.
    fn keep(&mut self, name: &str) -> String {
        let output = self.initializers.fresh(format!("{name}_kept"));
        self.linear("Sum", &[name], &output);
        output
    }

    /// A layer: with weights that are dequantized, and a result that is quantized if 8-bit numbers are wanted.
    fn layer(&mut self, at: usize, node: &NodeProto, layer: &Layer<'a>) -> Result<()> {
        let input = node.input[0].as_str();
        let scale = self.coded.get(input).map_or(1.0, |coded| coded.codes.scale);
        let made = weights::quantize(layer, scale, self.limit);
        let mut inputs = vec![self.floats_of(input)];
        let axis = if layer.is_conv() { 0 } else { 1 };
        let channels = made.scales.len() as i64;
        let bytes: Vec<u8> = made.weights.iter().map(|code| code.cast_unsigned()).collect();
        let name = layer.weight_name;
        let bytes_before = (size_of::<f32>() * layer.weights.len()) as u64;
        let bytes_after = (bytes.len() + size_of::<f32>() * made.scales.len()) as u64;
        let list = &mut self.initializers;
        let codes = list.add(format!("{name}_int8"), DType::I8, layer.dims.clone(), bytes);
        let scales = list.add_floats(format!("{name}_scale"), vec![channels], &made.scales);
        let zeros = list.zeros(channels);
        inputs.push(self.dequantize_channels(
            &[&codes, &scales, &zeros],
            axis,
            &format!("{name}_dequantized"),
        ));
        if let Some(bias) = &made.bias {
            let bytes = bias.iter().flat_map(|code| code.to_le_bytes()).collect();
            let base = format!("{}_bias", label(node));
            let list = &mut self.initializers;
            let codes = list.add(format!("{base}_int32"), DType::I32, vec![channels], bytes);
            let scales = list.add_floats(format!("{base}_scale"), vec![channels], &made.bias_scales);
            inputs.push(self.dequantize_channels(&[&codes, &scales], 0, &format!("{base}_dequantized")));
        }
        let mut quantized = NodeProto { input: inputs, ..node.clone() };
        if layer.kind == LayerKind::Gemm {
            quantized.attribute.retain(|attribute| !matches!(attribute.name(), "alpha" | "beta" | "transB"));
        }
        self.finish(quantized, layer.output)?;
        let outcome = LayerOutcome::Quantized {
            mode: QuantizeMode::Int8Static,
            mean_error: made.mean_error,
            max_error: made.max_error,
            bytes_before,
            bytes_after,
        };
        self.outcomes.insert(at, outcome);
        Ok(())
    }

    /// An operator that computes with 8-bit numbers.
    fn follower(&mut self, node: &'a NodeProto, follower: &Follower<'a>) -> Result<()> {
        let mut quantized = node.clone();
        for input in &follower.inputs {
            let name = node.input[*input].as_str();
            quantized.input[*input] = match self.values.constant(name) {
                Some(tensor) => self.operand(name, tensor)?,
                None => self.floats_of(name),
            };
        }
        if node.op_type() == "ReduceMean" {
            quantized.op_type = Some("GlobalAveragePool".to_owned());
            quantized.input.truncate(1);
            quantized.attribute.clear();
        }
        self.finish(quantized, follower.outputs[0])
    }

    /// An operator that moves codes.
    fn mover(&mut self, node: &'a NodeProto, follower: &Follower<'a>) {
        let Some(source) = self.coded.get(node.input[0].as_str()).cloned() else {
            self.nodes.push(node.clone());
            return;
        };
        let mut moving = node.clone();
        moving.input[0] = source.name.clone();
        let is_constant = |mode: &AttributeProto| mode.s.as_ref().is_none_or(|mode| &mode[..] == b"constant");
        if node.op_type() == "Pad" && node.attribute("mode").is_none_or(is_constant) {
            // Zero has the code that is the zero point.
            moving.input.resize(moving.input.len().max(3), String::new());
            moving.input[2] = source.zero_point_name.clone();
        }
        for (output, name) in moving.output.iter_mut().zip(&follower.outputs) {
            *output = self.initializers.fresh(format!("{name}_uint8"));
        }
        let names = moving.output.clone();
        self.nodes.push(moving);
        for (name, output) in names.into_iter().zip(&follower.outputs) {
            self.give(Coded { name, ..source.clone() }, output);
        }
    }

    /// Adds a node, and quantizes what it gives if it is to be 8-bit numbers.
    fn finish(&mut self, mut node: NodeProto, output: &'a str) -> Result<()> {
        if !self.region.is_made(output) {
            self.nodes.push(node);
            return Ok(());
        }
        let Ok(codes) = self.values.codes(output) else {
            self.nodes.push(node);
            return Ok(());
        };
        let floats = self.initializers.fresh(format!("{output}_float"));
        node.output = vec![floats.clone()];
        self.nodes.push(node);
        let coded = self.new_coded(output, codes);
        self.linear("QuantizeLinear", &[&floats, &coded.scale_name, &coded.zero_point_name], &coded.name);
        self.give(coded, output);
        Ok(())
    }

    /// Notes the 8-bit numbers of a value, and gives them as floats under its name where somebody reads those.
    fn give(&mut self, coded: Coded, name: &'a str) {
        if self.region.is_read_as_float(name) {
            self.dequantize(&coded, name);
        }
        self.coded.insert(name, coded);
    }

    /// The name under which an operator with scales reads a value.
    fn floats_of(&self, name: &str) -> String {
        self.dequantized.get(name).map_or_else(|| name.to_owned(), Clone::clone)
    }

    /// A constant that is an operand, as floats that went through 8 bits.
    fn operand(&mut self, name: &'a str, tensor: &TensorProto) -> Result<String> {
        if let Some(known) = self.dequantized.get(name) {
            return Ok(known.clone());
        }
        let floats = self.values.floats(tensor)?;
        let Some(codes) = codes::of_constant(&floats) else { return Ok(name.to_owned()) };
        let bytes = floats.iter().map(|&number| codes::encode(number, codes)).collect();
        let mut coded = self.new_coded(name, codes);
        coded.name = self.initializers.add(coded.name, DType::U8, tensor.dims.clone(), bytes);
        let output = self.initializers.fresh(format!("{name}_dequantized"));
        self.dequantize(&coded, &output);
        self.dequantized.insert(name, output.clone());
        Ok(output)
    }

    /// Names for the 8-bit form of a value, with scale and zero point.
    fn new_coded(&mut self, name: &str, codes: ScaleAndZeroPoint) -> Coded {
        let list = &mut self.initializers;
        let scale_name = list.add_floats(format!("{name}_scale"), vec![], &[codes.scale]);
        let zero_point = vec![codes.zero_point as u8];
        let zero_point_name = list.add(format!("{name}_zero_point"), DType::U8, vec![], zero_point);
        Coded { name: list.fresh(format!("{name}_uint8")), scale_name, zero_point_name, codes }
    }

    fn dequantize(&mut self, coded: &Coded, output: &str) {
        self.linear("DequantizeLinear", &[&coded.name, &coded.scale_name, &coded.zero_point_name], output);
    }

    fn dequantize_channels(&mut self, inputs: &[&str], axis: i64, wanted: &str) -> String {
        let output = self.initializers.fresh(wanted.to_owned());
        self.linear("DequantizeLinear", inputs, &output);
        // The number of the attribute's type is that of INT in `AttributeProto.AttributeType`.
        let axis = AttributeProto {
            name: Some("axis".to_owned()),
            i: Some(axis),
            r#type: Some(2),
            ..Default::default()
        };
        self.nodes.last_mut().into_iter().for_each(|node| node.attribute.push(axis.clone()));
        output
    }

    fn linear(&mut self, op_type: &str, inputs: &[&str], output: &str) {
        let name = self.initializers.fresh(format!("{output}_{op_type}"));
        self.nodes.push(NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.to_owned()],
            ..Default::default()
        });
    }
}
