//! Convolutions along one axis, or none, as products of 8-bit numbers, activations quantized on the way.
//!
//! ONNX Runtime's `ConvInteger` is much slower than its products. So the pixels that a kernel covers are laid side by side,
//! after they have become 8-bit numbers, and multiplied by the kernels as a matrix.

use super::LayerOutcome;
use super::initializers::Form;
use super::nodes::{list, node, whole};
use super::plan::{Made, Planner, Refusal, label, skip};
use super::rewrite::MICROSOFT;
use crate::model::{NodeProto, TensorProto};
use crate::tensor::DType;

/// The first operator set with `DynamicQuantizeLinear`, and with pads that are an input.
const OPSET: i64 = 11;

/// The most numbers under a kernel for which sums of products of 8-bit numbers cannot leave 32 bits.
const MAXIMUM_DEPTH: usize = i32::MAX as usize / (255 * 127);

/// Smaller layers are not worth the moving of their pixels.
const LEAST_DEPTH: usize = 64;
const LEAST_CHANNELS: usize = 32;

/// A convolution whose kernel is longer than one along one axis at most.
struct Kernel {
    /// Spatial axes.
    rank: usize,
    /// The axis along which the kernel is long, counted from the first spatial one.
    axis: usize,
    length: usize,
    dilation: i64,
    /// Zeros before and behind, along that axis.
    pads: [i64; 2],
    /// Steps along each axis.
    strides: Vec<i64>,
}

/// The nodes that take the place of a `Conv`.
pub(super) fn rewrite<'a>(
    planner: &mut Planner<'a>,
    conv: &'a NodeProto,
    weight: &'a TensorProto,
    is_named: bool,
) -> Result<Made<'a>, Refusal> {
    let kernel = Kernel::of(planner, conv, weight)?;
    let (outputs, channels) = (weight.dims[0] as usize, weight.dims[1] as usize);
    let depth = channels.saturating_mul(kernel.length);
    if depth > MAXIMUM_DEPTH {
        return skip(format!("sums of {depth} products could overflow"));
    }
    if !is_named && (depth < LEAST_DEPTH || outputs < LEAST_CHANNELS) {
        return skip("it is too small for moving its pixels to pay");
    }
    let quantized = planner.initializers.quantized(weight, Form::Kernels)?;
    let base = label(conv).to_owned();
    let mut fresh = |part: &str| planner.fresh(format!("{base}_{part}"));
    let [codes, scale, zero] = ["quantized", "scale", "zero_point"].map(&mut fresh);
    let [last, product] = ["channels_last", "product"].map(&mut fresh);
    let image = conv.input.first().map_or("", String::as_str);
    let mut quantize = node("DynamicQuantizeLinear", fresh("quantize"), &[image], "");
    quantize.output = vec![codes.clone(), scale.clone(), zero.clone()];
    let mut turn = node("Transpose", fresh("to_channels_last"), &[&codes], &last);
    turn.attribute.push(list("perm", to_channels_last(kernel.rank)));
    let mut nodes = vec![quantize, turn];
    let rows = kernel.rows(planner, &base, &last, &zero, &mut nodes);
    let mut multiply = node(
        "MatMulIntegerToFloat",
        base.clone(),
        &[&rows, &quantized.values, &scale, &quantized.scales, &zero],
        &product,
    );
    multiply.domain = Some(MICROSOFT.to_owned());
    if let Some(bias) = conv.input.get(2).filter(|name| !name.is_empty()) {
        // The input left out is the weight's zero point: zero.
        multiply.input.extend([String::new(), bias.clone()]);
    }
    nodes.push(multiply);
    let output = conv.output.first().map_or("", String::as_str);
    let mut back = node("Transpose", planner.fresh(format!("{base}_to_channels_first")), &[&product], output);
    back.attribute.push(list("perm", to_channels_first(kernel.rank)));
    nodes.push(back);
    let outcome: LayerOutcome = quantized.outcome;
    Ok(Made { nodes, outcome, addition: None })
}

fn to_channels_last(rank: usize) -> Vec<i64> {
    std::iter::once(0).chain(2..rank as i64 + 2).chain([1]).collect()
}

fn to_channels_first(rank: usize) -> Vec<i64> {
    [0, rank as i64 + 1].into_iter().chain(1..=rank as i64).collect()
}

impl Kernel {
    fn of(planner: &Planner, conv: &NodeProto, weight: &TensorProto) -> Result<Self, Refusal> {
        if planner.opset < OPSET {
            return skip(format!("the model's operator set is older than {OPSET}"));
        }
        let rank = weight.dims.len().saturating_sub(2);
        let lengths = weight.dims.get(2..).unwrap_or_default();
        if rank == 0 || lengths.iter().filter(|length| **length > 1).count() > 1 {
            return skip("its kernel is longer than one along several axes");
        }
        let whole = |name: &str| conv.attribute(name).and_then(|attribute| attribute.i);
        if whole("group").unwrap_or(1) != 1 {
            return skip("it has groups");
        }
        let padding = conv.attribute("auto_pad").and_then(|attribute| attribute.s.as_deref());
        if !matches!(padding, None | Some(b"NOTSET" | b"VALID")) {
            return skip("its padding depends on the size of its input");
        }
        let ints = |name: &str, count: usize, absent: i64| match conv.attribute(name) {
            None => Ok(vec![absent; count]),
            Some(attribute) if attribute.ints.len() == count => Ok(attribute.ints.clone()),
            Some(_) => skip(format!("its {name} are not {count}")),
        };
        let (strides, dilations) = (ints("strides", rank, 1)?, ints("dilations", rank, 1)?);
        let pads = ints("pads", 2 * rank, 0)?;
        let axis = lengths.iter().position(|length| *length > 1).unwrap_or(0);
        let is_elsewhere = |at: usize| at % rank != axis;
        if (0..2 * rank).any(|at| is_elsewhere(at) && pads[at] != 0) {
            return skip("it has pads along an axis of length one");
        }
        let own = [pads[axis], pads[axis + rank]];
        let (length, dilation) = (lengths[axis] as usize, dilations[axis]);
        if length == 1 && own != [0, 0] {
            return skip("it has pads along an axis of length one");
        }
        let is_sound = |number: &i64| (1..=i64::from(i32::MAX)).contains(number);
        let are_sound = strides.iter().all(is_sound) && is_sound(&dilation);
        if !are_sound || own.iter().any(|pad| !(0..=i64::from(i32::MAX)).contains(pad)) || length > 64 {
            return skip("its strides, dilations, pads or length are out of bounds");
        }
        Ok(Self { rank, axis, length, dilation, pads: own, strides })
    }

    /// Adds what lays the pixels under the kernel side by side; gives the name of the result.
    fn rows(
        &self,
        planner: &mut Planner,
        base: &str,
        image: &str,
        zero_point: &str,
        nodes: &mut Vec<NodeProto>,
    ) -> String {
        let mut image = image.to_owned();
        let numbers = |planner: &mut Planner, part: &str, numbers: &[i64]| {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let dims = vec![numbers.len() as i64];
            planner.initializers.add(format!("{base}_{part}"), DType::I64, dims, bytes)
        };
        let channel = self.axis + 1;
        if self.pads != [0, 0] {
            let mut pads = vec![0; 2 * (self.rank + 2)];
            (pads[channel], pads[channel + self.rank + 2]) = (self.pads[0], self.pads[1]);
            let pads = numbers(planner, "pads", &pads);
            let padded = planner.fresh(format!("{base}_padded"));
            // The code of zero, not the code zero.
            nodes.push(node(
                "Pad",
                planner.fresh(format!("{base}_pad")),
                &[&image, &pads, zero_point],
                &padded,
            ));
            image = padded;
        }
        if self.length == 1 && self.strides.iter().all(|stride| *stride == 1) {
            return image;
        }
        let axes: Vec<i64> = (1..=self.rank as i64).collect();
        let (axes, steps) = (numbers(planner, "axes", &axes), numbers(planner, "steps", &self.strides));
        let mut taps = Vec::new();
        for tap in 0..self.length as i64 {
            let (mut starts, mut ends) = (vec![0; self.rank], vec![i64::MAX; self.rank]);
            starts[self.axis] = tap * self.dilation;
            let behind = (self.length as i64 - 1 - tap) * self.dilation;
            if behind > 0 {
                ends[self.axis] = -behind;
            }
            let (starts, ends) = (numbers(planner, "starts", &starts), numbers(planner, "ends", &ends));
            let part = planner.fresh(format!("{base}_tap"));
            let name = planner.fresh(format!("{base}_take"));
            nodes.push(node("Slice", name, &[&image, &starts, &ends, &axes, &steps], &part));
            taps.push(part);
        }
        if let [only] = taps.as_slice() {
            return only.clone();
        }
        let rows = planner.fresh(format!("{base}_rows"));
        let parts: Vec<&str> = taps.iter().map(String::as_str).collect();
        let mut join = node("Concat", planner.fresh(format!("{base}_join")), &parts, &rows);
        join.attribute.push(whole("axis", -1));
        nodes.push(join);
        rows
    }
}
