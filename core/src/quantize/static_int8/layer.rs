//! Layers: convolutions and products with constant weights, what follows them that weight and bias can take in, and
//! whether 8 bits are worth it.

use std::collections::HashMap;

use super::tail::{self, Affine};
use super::values::Values;
use crate::Result;
use crate::model::{NodeProto, TensorProto};
use crate::quantize::plan::{Refusal, skip};
use crate::tensor::DType;

/// Up to here, sums of products of 8-bit numbers and a bias of the same size cannot leave 32 bits.
const MAXIMUM_DEPTH: usize = (1 << 30) / (255 * 127);

/// Many layers must not multiply one shared weight without bound.
const MAXIMUM_USES: u32 = 8;

/// The largest weight and bias for which all scales stay ordinary numbers.
const MAXIMUM_WEIGHT: f32 = 1e12;
const MAXIMUM_BIAS: f64 = 1e24;

/// Images from this many pixels on are large.
const LARGE_IMAGE: usize = 64 * 64;

/// Signals from this length on are long.
const LONG_SIGNAL: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerKind {
    /// Weights of shape `[M, C/group, …]`.
    Conv,
    /// A convolution that looks at each channel alone.
    Depthwise,
    /// Weights of shape `[K, N]`.
    MatMul,
    /// The same, after transposing and multiplying by alpha.
    Gemm,
}

/// A layer that can be quantized.
pub(super) struct Layer<'a> {
    pub kind: LayerKind,
    /// Name of the weight, for reports and new names.
    pub weight_name: &'a str,
    /// Weights as floats, everything taken in; one output channel after the other for convolutions, row-major `[K, N]`
    /// for products.
    pub weights: Vec<f32>,
    pub dims: Vec<i64>,
    /// One for each output channel.
    pub bias: Option<Vec<f64>>,
    /// Nodes after the layer that it takes in, and the value that it gives then.
    pub tail: Vec<usize>,
    pub output: &'a str,
}

impl Layer<'_> {
    /// The number of output channels.
    pub fn channels(&self) -> usize {
        let axis = if self.is_conv() { 0 } else { 1 };
        self.dims[axis] as usize
    }

    pub fn is_conv(&self) -> bool {
        matches!(self.kind, LayerKind::Conv | LayerKind::Depthwise)
    }
}

/// Whether a node is a layer in the sense of this mode.
pub(super) fn is_layer(node: &NodeProto) -> bool {
    node.domain().is_empty() && matches!(node.op_type(), "Conv" | "ConvTranspose" | "MatMul" | "Gemm")
}

/// Recognises layers.
pub(super) struct Layers<'v, 'a> {
    values: &'v Values<'a>,
    minimum: u64,
    uses: HashMap<*const TensorProto, u32>,
}

impl<'v, 'a> Layers<'v, 'a> {
    /// Matrices with fewer than `minimum` elements are not worth it.
    pub fn new(values: &'v Values<'a>, minimum: u64) -> Self {
        Self { values, minimum, uses: HashMap::new() }
    }

    /// The layer that a node is. If it is `named`, nobody asks whether it is worth it.
    pub fn of(&mut self, at: usize, named: bool) -> Result<Layer<'a>, Refusal> {
        let node = &self.values.nodes[at];
        if node.op_type() == "ConvTranspose" {
            return skip("ONNX Runtime has no 8-bit kernel for it");
        }
        let [input, weight, ..] = node.input.as_slice() else { return skip("it has no weight") };
        let [output] = node.output.as_slice() else { return skip("it has not one output") };
        if self.values.constant(input).is_some() {
            return skip("its left side is constant");
        }
        let is_quantized = |name: &String| {
            self.values.maker(name).is_some_and(|at| is_quantizing(self.values.nodes[at].op_type()))
        };
        if node.input.iter().any(is_quantized) {
            return skip("it is quantized already");
        }
        let Some(tensor) = self.values.constant(weight) else {
            return skip("its right side is no constant");
        };
        self.check_weight(node, tensor)?;
        self.values.check_codes(input).map_err(Refusal::Skip)?;
        let is_conv = node.op_type() == "Conv";
        if is_conv && !named {
            self.check_worth(node, input, output, tensor)?;
        }
        self.count_use(tensor)?;
        let mut layer = Layer {
            kind: LayerKind::MatMul,
            weight_name: tensor.name(),
            weights: self.values.floats(tensor)?,
            dims: tensor.dims.clone(),
            bias: None,
            tail: Vec::new(),
            output,
        };
        match node.op_type() {
            "Conv" => self.conv(node, &mut layer)?,
            "Gemm" => self.gemm(node, &mut layer)?,
            _ => {}
        }
        check_numbers(&layer)?;
        if layer.is_conv() {
            self.values.check_codes(layer.output).map_err(Refusal::Skip)?;
        }
        Ok(layer)
    }

    fn check_weight(&self, node: &NodeProto, tensor: &TensorProto) -> Result<(), Refusal> {
        match tensor.dtype()? {
            DType::F32 => {}
            other => return skip(format!("its weight is {other}, not float32")),
        }
        let count = tensor.element_count()?;
        let rank = tensor.dims.len();
        let is_conv = node.op_type() == "Conv";
        match is_conv {
            true if !(3..=5).contains(&rank) => {
                return skip(format!("its weight has {rank} dimensions, not 3 to 5"));
            }
            false if rank != 2 => return skip(format!("its weight has {rank} dimensions, not 2")),
            _ if count == 0 => return skip("its weight is empty"),
            _ if tensor.is_external() && !self.values.is_readable(tensor) => {
                return skip("its weight is in a file outside of the model");
            }
            false if (count as u64) < self.minimum => {
                return skip(format!("its weight has {count} elements, fewer than {}", self.minimum));
            }
            _ => {}
        }
        let transposed = !is_conv && whole(node, "transB", 0) != 0;
        let channels = tensor.dims[usize::from(!(is_conv || transposed))] as usize;
        match count / channels {
            depth if depth > MAXIMUM_DEPTH => {
                skip(format!("{depth} products are summed up; more than {MAXIMUM_DEPTH} could overflow"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses convolutions that 8 bits make slower.
    fn check_worth(
        &self,
        node: &NodeProto,
        input: &str,
        output: &str,
        weight: &TensorProto,
    ) -> Result<(), Refusal> {
        let pixels = |name: &str| {
            let shape = self.values.shape(name).filter(|shape| shape.len() == weight.dims.len())?;
            Some(shape[2..].iter().fold(1_usize, |product, &dim| product.saturating_mul(dim)))
        };
        let group = whole(node, "group", 1);
        let (out_channels, in_channels) = (weight.dims[0], weight.dims[1].saturating_mul(group));
        if pixels(output) == Some(1) {
            return skip("its output is a single pixel");
        }
        if in_channels == 1 {
            return skip("it has a single input channel");
        }
        if out_channels == 1 && weight.dims.len() == 3 && pixels(output).is_none_or(|all| all >= LONG_SIGNAL)
        {
            return skip("it makes a single channel of a long signal");
        }
        if in_channels <= 3 && pixels(input).is_none_or(|all| all >= LARGE_IMAGE) {
            return skip(format!("it reads {in_channels} channels of a large image"));
        }
        Ok(())
    }

    fn count_use(&mut self, tensor: &TensorProto) -> Result<(), Refusal> {
        let uses = self.uses.entry(std::ptr::from_ref(tensor)).or_default();
        *uses += 1;
        if *uses > MAXIMUM_USES {
            return skip(format!("its weight is shared by more than {MAXIMUM_USES} layers"));
        }
        Ok(())
    }

    fn conv(&self, node: &'a NodeProto, layer: &mut Layer<'a>) -> Result<(), Refusal> {
        let (channels, group) = (layer.dims[0], whole(node, "group", 1));
        if group < 1 || channels % group != 0 {
            return skip(format!("{channels} output channels are not in {group} groups"));
        }
        layer.kind = match group {
            2.. if layer.dims[1] == 1 => LayerKind::Depthwise,
            _ => LayerKind::Conv,
        };
        layer.bias = self.bias(node, &[channels])?;
        let tail = tail::affine(self.values, layer.output, layer.dims.len(), layer.channels())?;
        take_in(layer, &tail);
        let tail = tail::activation(self.values, layer.output);
        layer.output = tail.output;
        layer.tail.extend(tail.nodes);
        Ok(())
    }

    fn gemm(&self, node: &'a NodeProto, layer: &mut Layer<'a>) -> Result<(), Refusal> {
        let number = |name| node.attribute(name).and_then(|attribute| attribute.f).unwrap_or(1.0);
        if whole(node, "transA", 0) != 0 {
            return skip("its left side is transposed");
        }
        layer.kind = LayerKind::Gemm;
        if whole(node, "transB", 0) != 0 {
            let [rows, columns] = [layer.dims[0], layer.dims[1]].map(|dim| dim as usize);
            let weights = std::mem::take(&mut layer.weights);
            layer.weights = (0..columns)
                .flat_map(|column| weights.iter().skip(column).step_by(columns).take(rows).copied())
                .collect();
            layer.dims.swap(0, 1);
        }
        let (alpha, beta) = (number("alpha"), number("beta"));
        layer.weights.iter_mut().for_each(|weight| *weight *= alpha);
        let columns = layer.dims[1];
        layer.bias = self.bias(node, &[columns])?;
        layer.bias.iter_mut().flatten().for_each(|bias| *bias *= f64::from(beta));
        let tail = tail::activation(self.values, layer.output);
        layer.output = tail.output;
        layer.tail = tail.nodes;
        Ok(())
    }

    /// The constant third input, if there is one.
    fn bias(&self, node: &NodeProto, dims: &[i64]) -> Result<Option<Vec<f64>>, Refusal> {
        let Some(name) = node.input.get(2).filter(|name| !name.is_empty()) else { return Ok(None) };
        let Some((tensor, shape)) =
            self.values.shaped(name).filter(|(tensor, _)| self.values.is_readable(tensor))
        else {
            return skip("its bias is no constant of the model");
        };
        // `Gemm` broadcasts.
        if shape != dims && !(node.op_type() == "Gemm" && shape == [1, dims[0]]) {
            return skip("its bias has not one number for each channel");
        }
        Ok(Some(self.values.floats(tensor)?.into_iter().map(f64::from).collect()))
    }
}

/// Has the layer do what nodes after it do.
fn take_in<'a>(layer: &mut Layer<'a>, tail: &Affine<'a>) {
    layer.output = tail.output;
    layer.tail.clone_from(&tail.nodes);
    if tail.is_identity() {
        return;
    }
    let per_channel = layer.weights.len() / layer.channels();
    for (weights, factor) in layer.weights.chunks_mut(per_channel).zip(&tail.factors) {
        weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * factor) as f32);
    }
    let before = layer.bias.take().unwrap_or_else(|| vec![0.0; tail.factors.len()]);
    let parts = before.iter().zip(&tail.factors).zip(&tail.summands);
    layer.bias = Some(parts.map(|((bias, factor), summand)| bias * factor + summand).collect());
}

/// Whether a number, which NaN is not, is no larger than this.
fn is_within<T: PartialOrd + Into<f64>>(number: T, most: T) -> bool {
    number.into().abs() <= most.into()
}

fn check_numbers(layer: &Layer) -> Result<(), Refusal> {
    if let Some(weight) = layer.weights.iter().find(|weight| !is_within(**weight, MAXIMUM_WEIGHT)) {
        return skip(format!("its weight has an element that is {weight}"));
    }
    let bias = layer.bias.iter().flatten().find(|bias| !is_within(**bias, MAXIMUM_BIAS));
    match bias {
        Some(bias) => skip(format!("its bias has an element that is {bias}")),
        None => Ok(()),
    }
}

/// Whether an operator works on numbers that are quantized.
pub(super) fn is_quantizing(op_type: &str) -> bool {
    matches!(op_type, "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear")
        || op_type.starts_with("QLinear")
}

/// An attribute that is a whole number.
pub(super) fn whole(node: &NodeProto, name: &str, default: i64) -> i64 {
    node.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
}
