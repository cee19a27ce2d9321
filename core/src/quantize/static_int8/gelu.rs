//! Gaussian error linear units that are written as several nodes, to be joined to one.
//!
//! ONNX Runtime joins them by itself, but not where their input was 8-bit numbers: there it gives each node that reads it
//! a dequantization of its own.

use std::collections::{HashMap, HashSet};
use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::values::Values;

/// How far off a constant may be, as a share of it.
const TOLERANCE: f32 = 1e-4;

/// `x / 2 * (1 + erf(x / sqrt(2)))`
pub(super) struct Gelu<'a> {
    pub input: &'a str,
    /// All but the last one.
    pub nodes: Vec<usize>,
}

/// Those in the main graph, by the number of their last node.
pub(super) fn find<'a>(values: &Values<'a>) -> HashMap<usize, Gelu<'a>> {
    (0..values.nodes.len()).filter_map(|at| find_at(values, at)).collect()
}

/// All nodes of them.
pub(super) fn nodes(all: &HashMap<usize, Gelu>) -> HashSet<usize> {
    all.iter().flat_map(|(last, gelu)| gelu.nodes.iter().chain([last])).copied().collect()
}

/// The one with this `Erf`.
fn find_at<'a>(values: &Values<'a>, erf: usize) -> Option<(usize, Gelu<'a>)> {
    is(values, erf, "Erf").then_some(())?;
    let scaled = values.maker(values.nodes[erf].input.first()?)?;
    let input = match values.nodes[scaled].op_type() {
        "Div" => operand(values, scaled, "Div", SQRT_2).filter(|_| is_first(values, scaled))?,
        _ => operand(values, scaled, "Mul", FRAC_1_SQRT_2)?,
    };
    only(values, scaled)?;
    let plus_one = only(values, erf)?;
    operand(values, plus_one, "Add", 1.0)?;
    let product = only(values, plus_one)?;
    let mut nodes = vec![scaled, erf, plus_one];
    let by_half = |at: usize| operand(values, at, "Mul", 0.5);
    if by_half(product).is_some() {
        // x * ((1 + erf) * 0.5)
        let last = only(values, product)?;
        nodes.push(product);
        return (other(values, last, output(values, product)?)? == input)
            .then_some((last, Gelu { input, nodes }));
    }
    let left = other(values, product, output(values, plus_one)?)?;
    if left == input {
        // (x * (1 + erf)) * 0.5
        let last = only(values, product)?;
        nodes.push(product);
        return by_half(last).map(|_| (last, Gelu { input, nodes }));
    }
    // (x * 0.5) * (1 + erf)
    let half = values.maker(left)?;
    only(values, half)?;
    nodes.push(half);
    (by_half(half)? == input).then_some((product, Gelu { input, nodes }))
}

fn is(values: &Values, at: usize, op_type: &str) -> bool {
    let node = &values.nodes[at];
    node.op_type() == op_type && node.domain().is_empty()
}

fn output<'a>(values: &Values<'a>, at: usize) -> Option<&'a str> {
    values.nodes[at].output.first().map(String::as_str)
}

/// The only reader of a node's result.
fn only(values: &Values, at: usize) -> Option<usize> {
    values.only_reader(output(values, at)?)
}

/// The factor beside a value in a `Mul`.
fn other<'a>(values: &Values<'a>, at: usize, name: &str) -> Option<&'a str> {
    let [left, right] = values.nodes[at].input.as_slice() else { return None };
    is(values, at, "Mul").then_some(if left == name { right } else { left })
}

/// What an operator combines with this constant.
fn operand<'a>(values: &Values<'a>, at: usize, op_type: &str, constant: f32) -> Option<&'a str> {
    let [left, right] = values.nodes[at].input.as_slice() else { return None };
    let is_constant =
        |name: &str| values.scalar(name).is_some_and(|number| (number / constant - 1.0).abs() < TOLERANCE);
    is(values, at, op_type).then_some(())?;
    match (is_constant(left), is_constant(right)) {
        (false, true) => Some(left),
        (true, false) => Some(right),
        _ => None,
    }
}

/// Whether the constant is what is divided by.
fn is_first(values: &Values, at: usize) -> bool {
    values.nodes[at].input.get(1).is_some_and(|name| values.constant(name).is_some())
}
