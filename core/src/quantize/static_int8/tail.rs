//! What follows a layer and can be computed by it: factors and summands of each channel, and limits on the result.

use super::values::Values;
use crate::model::NodeProto;
use crate::quantize::ScaleAndZeroPoint;
use crate::quantize::plan::Refusal;

/// Many nodes in a row must not take time without bound.
const MAXIMUM_NODES: usize = 16;

/// `y = x * factor + summand` for each channel, as nodes compute it.
pub(super) struct Affine<'a> {
    pub nodes: Vec<usize>,
    pub output: &'a str,
    pub factors: Vec<f64>,
    pub summands: Vec<f64>,
}

/// Nodes that limit a value, where its codes end at the same limits.
pub(super) struct Activation<'a> {
    pub nodes: Vec<usize>,
    pub output: &'a str,
}

impl Affine<'_> {
    /// Whether nothing is computed.
    pub fn is_identity(&self) -> bool {
        self.factors.iter().all(|&factor| factor == 1.0)
            && self.summands.iter().all(|&summand| summand == 0.0)
    }
}

/// The nodes behind a convolution that compute with its channels one by one.
pub(super) fn affine<'a>(
    values: &Values<'a>,
    start: &'a str,
    rank: usize,
    channels: usize,
) -> Result<Affine<'a>, Refusal> {
    let (factors, summands) = (vec![1.0; channels], vec![0.0; channels]);
    let mut tail = Affine { nodes: Vec::new(), output: start, factors, summands };
    while tail.nodes.len() < MAXIMUM_NODES {
        let Some((at, output)) = next(values, tail.output) else { break };
        let Some((factors, summands)) = step(values, at, tail.output, rank, channels)? else { break };
        if values.check_codes(output).is_err() {
            break;
        }
        for channel in 0..channels {
            tail.factors[channel] *= factors[channel];
            tail.summands[channel] = tail.summands[channel] * factors[channel] + summands[channel];
        }
        tail.nodes.push(at);
        tail.output = output;
    }
    Ok(tail)
}

/// The nodes behind a value that its codes make needless: `Identity`, and `Relu` and `Clip` with the limits of the codes.
pub(super) fn activation<'a>(values: &Values<'a>, start: &'a str) -> Activation<'a> {
    let mut tail = Activation { nodes: Vec::new(), output: start };
    while tail.nodes.len() < MAXIMUM_NODES {
        let Some((at, output)) = next(values, tail.output) else { break };
        if values.check_codes(output).is_err() || !is_made_needless(values, at, output) {
            break;
        }
        tail.nodes.push(at);
        tail.output = output;
    }
    tail
}

/// The only node that reads a value, and what it gives.
fn next<'a>(values: &Values<'a>, name: &str) -> Option<(usize, &'a str)> {
    let at = values.only_reader(name)?;
    let node = &values.nodes[at];
    let [output] = node.output.as_slice() else { return None };
    node.domain().is_empty().then_some((at, output.as_str()))
}

/// Factors and summands of one node, a number for each channel.
type Step = (Vec<f64>, Vec<f64>);

fn step(
    values: &Values,
    at: usize,
    from: &str,
    rank: usize,
    channels: usize,
) -> Result<Option<Step>, Refusal> {
    let node = &values.nodes[at];
    let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
    if node.op_type() == "Identity" {
        return Ok(Some((ones, zeros)));
    }
    if node.op_type() == "BatchNormalization" {
        return batch_normalization(values, node, channels);
    }
    let [left, right] = node.input.as_slice() else { return Ok(None) };
    let other = if left == from { right } else { left };
    let from_left = left == from;
    let minus = |all: &[f64]| all.iter().map(|number| -number).collect();
    let Some(numbers) = by_channel(values, other, rank, channels)? else { return Ok(None) };
    Ok(match (node.op_type(), from_left) {
        ("Add", _) => Some((ones, numbers)),
        ("Sub", true) => Some((ones, minus(&numbers))),
        ("Sub", false) => Some((minus(&ones), numbers)),
        ("Mul", _) => Some((numbers, zeros)),
        ("Div", true) => Some((numbers.iter().map(|number| 1.0 / number).collect(), zeros)),
        _ => None,
    })
}

fn batch_normalization(values: &Values, node: &NodeProto, channels: usize) -> Result<Option<Step>, Refusal> {
    let [_, scale, bias, mean, variance] = node.input.as_slice() else { return Ok(None) };
    if node.attribute("training_mode").is_some_and(|mode| mode.i.unwrap_or(0) != 0) {
        return Ok(None);
    }
    let epsilon = node.attribute("epsilon").and_then(|epsilon| epsilon.f).unwrap_or(1e-5);
    let mut parts = Vec::with_capacity(4);
    for name in [scale, bias, mean, variance] {
        let Some(tensor) = values.constant(name).filter(|tensor| values.is_readable(tensor)) else {
            return Ok(None);
        };
        if tensor.dims != [channels as i64] {
            return Ok(None);
        }
        parts.push(values.floats(tensor)?);
    }
    let factor = |at: usize| f64::from(parts[0][at]) / (f64::from(parts[3][at]) + f64::from(epsilon)).sqrt();
    let factors: Vec<f64> = (0..channels).map(factor).collect();
    let summand = |at: usize| f64::from(parts[1][at]) - f64::from(parts[2][at]) * factors[at];
    let summands = (0..channels).map(summand).collect();
    Ok(Some((factors, summands)))
}

/// The numbers of a constant that broadcasts over everything but channels.
fn by_channel(
    values: &Values,
    name: &str,
    rank: usize,
    channels: usize,
) -> Result<Option<Vec<f64>>, Refusal> {
    let Some((tensor, dims)) = values.shaped(name).filter(|(tensor, _)| values.is_readable(tensor)) else {
        return Ok(None);
    };
    let Ok(count) = i64::try_from(tensor.element_count()?) else { return Ok(None) };
    let channel_axis = (dims.len() + 1).checked_sub(rank);
    let is_scalar = count == 1 && dims.len() <= rank;
    let is_vector = count == channels as i64
        && channel_axis.is_some_and(|axis| dims.get(axis) == Some(&count))
        && dims.len() <= rank;
    if !(is_scalar || is_vector) {
        return Ok(None);
    }
    let numbers = values.floats(tensor)?;
    Ok(match numbers.as_slice() {
        [number] => Some(vec![f64::from(*number); channels]),
        _ => Some(numbers.into_iter().map(f64::from).collect()),
    })
}

/// Whether the codes of its result cannot express anything that the node would change.
fn is_made_needless<'a>(values: &Values<'a>, at: usize, output: &'a str) -> bool {
    let node = &values.nodes[at];
    let limit = |input: usize, absent: f32| match node.input.get(input).filter(|name| !name.is_empty()) {
        Some(name) => values.scalar(name),
        None => Some(absent),
    };
    match node.op_type() {
        "Identity" => true,
        "Relu" => values.is_positive(output),
        "Clip" => {
            let limits = limit(1, f32::NEG_INFINITY).zip(limit(2, f32::INFINITY));
            let codes = values.codes(output).ok();
            limits.zip(codes).is_some_and(|((low, high), codes)| are_ends(codes, low, high))
        }
        _ => false,
    }
}

/// Whether codes end at these limits.
fn are_ends(codes: ScaleAndZeroPoint, low: f32, high: f32) -> bool {
    let end = |code: i32| f64::from(code - codes.zero_point) * f64::from(codes.scale);
    // Half a step is what rounding costs anyway.
    let half = f64::from(codes.scale) / 2.0;
    end(0) >= f64::from(low) - half && end(255) <= f64::from(high) + half
}
