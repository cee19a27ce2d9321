//! Activations behind a layer: an operator, or the steps that exporters spell them out in.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use super::block::Activation;
use super::scene::{Scene, float, is_microsoft, operand};
use crate::quantize::simplify::product::{Pattern, climb, is_near, polynomial};
use crate::quantize::simplify::view::is;

const CUBE_FACTOR: f64 = 0.044_715;

/// More nodes than any exporter has between a value and the function in its activation.
const MAXIMUM_DEPTH: usize = 7;

/// An activation and its result.
pub(super) struct Found {
    pub activation: Activation,
    pub nodes: Vec<usize>,
    pub output: String,
    /// A vector that the operator adds first.
    pub bias: Option<Vec<f32>>,
}

/// The activation of a value that nothing but it reads. `width` is the length of the value's last axis.
pub(super) fn of(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    if scene.view.is_pinned(name) {
        return None;
    }
    operator(scene, name, width).or_else(|| silu(scene, name)).or_else(|| gelu(scene, name))
}

fn operator(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    let (index, node) = scene.only_reader(name)?;
    let reads_first = node.input.first().is_some_and(|input| input == name);
    let with_bias = node.input.get(1).filter(|bias| !bias.is_empty());
    let activation = match node.op_type() {
        "Relu" if is(node, "Relu") => Activation::Relu,
        "Gelu" if is(node, "Gelu") => {
            match node.attribute("approximate").map(|attribute| attribute.s.as_deref()) {
                None | Some(Some(b"none")) => Activation::Gelu,
                Some(Some(b"tanh")) => Activation::GeluTanh,
                Some(_) => return None,
            }
        }
        "Gelu" | "BiasGelu" if !node.domain().is_empty() && is_microsoft(node, node.op_type()) => {
            Activation::Gelu
        }
        "FastGelu" if is_microsoft(node, "FastGelu") => Activation::GeluTanh,
        "Swish" if is(node, "Swish") && float(node, "alpha", 1.0) == Some(1.0) => Activation::Silu,
        "QuickGelu" if is_microsoft(node, "QuickGelu") && float(node, "alpha", 1.702) == Some(1.0) => {
            Activation::Silu
        }
        _ => return None,
    };
    let bias = match with_bias {
        Some(bias) => Some(scene.vector(bias, width, None)?),
        None => None,
    };
    let [output] = node.output.as_slice() else { return None };
    reads_first.then(|| Found { activation, nodes: vec![index], output: output.clone(), bias })
}

/// `x * Sigmoid(x)`.
fn silu(scene: &Scene, name: &str) -> Option<Found> {
    let readers = scene.view.readers(name);
    let sigmoid = *readers.iter().find(|&&reader| is(scene.node(reader), "Sigmoid"))?;
    let (product, node) = scene.only_reader(scene.node(sigmoid).output.first()?)?;
    let nodes = vec![sigmoid, product];
    let fits = is(node, "Mul") && operand(node, &scene.node(sigmoid).output[0])? == name;
    let output = node.output.first()?.clone();
    (fits && readers.len() == 2 && scene.read_only_by(name, &nodes)).then_some(Found {
        activation: Activation::Silu,
        nodes,
        output,
        bias: None,
    })
}

/// `x * 0.5 * (1 + f(x))`, `f` by `Erf` or `Tanh`, in any order.
fn gelu(scene: &Scene, name: &str) -> Option<Found> {
    let view = &scene.view;
    let function = function_of(scene, name)?;
    let ([inside], [outside]) =
        (scene.node(function).input.as_slice(), scene.node(function).output.as_slice())
    else {
        return None;
    };
    let (sum, node) = scene.only_reader(outside)?;
    let mut pattern = Pattern { nodes: vec![function, sum], scalar_rank: 0 };
    let one = operand(node, outside)?;
    if !is(node, "Add") || pattern.scalar(view, one)? != 1.0 {
        return None;
    }
    let argument = polynomial(view, &mut pattern, inside, name, 0)?;
    let activation = if is(scene.node(function), "Erf") {
        is_erf_argument(&argument).then_some(Activation::Gelu)?
    } else {
        is_tanh_argument(&argument).then_some(Activation::GeluTanh)?
    };
    let is_x = |x: &str, _: &mut Pattern| x == name;
    let product =
        climb(view, &mut pattern, sum, is_x, |climb| climb.x.is_some() && is_near(climb.factor, 0.5))?;
    let is_alone = view.is_closed(&pattern.nodes, product.last) && scene.read_only_by(name, &pattern.nodes);
    let rank = scene.dims.rank(name).unwrap_or(0).max(view.fact(name).least_rank);
    let output = scene.node(product.last).output.first()?.clone();
    (is_alone && pattern.scalar_rank <= rank).then_some(Found {
        activation,
        nodes: pattern.nodes,
        output,
        bias: None,
    })
}

/// The `Erf` or `Tanh` that a value goes into, a few steps further.
fn function_of(scene: &Scene, name: &str) -> Option<usize> {
    let mut pending: Vec<(usize, usize)> =
        scene.view.readers(name).iter().map(|&reader| (reader, 0)).collect();
    while let Some((index, depth)) = pending.pop() {
        let node = scene.node(index);
        if is(node, "Erf") || is(node, "Tanh") {
            return Some(index);
        }
        let is_step = ["Mul", "Div", "Add", "Pow"].iter().any(|op_type| is(node, op_type));
        if let ([output], true) = (node.output.as_slice(), is_step && depth < MAXIMUM_DEPTH)
            && let [reader] = scene.view.readers(output)
        {
            pending.push((*reader, depth + 1));
        }
    }
    None
}

/// Whether this is `x / sqrt(2)`.
fn is_erf_argument([constant, linear, square, cube]: &[f64; 4]) -> bool {
    *constant == 0.0 && *square == 0.0 && *cube == 0.0 && is_near(*linear, FRAC_1_SQRT_2)
}

/// Whether this is `sqrt(2 / pi) * (x + 0.044715 * x^3)`.
fn is_tanh_argument([constant, linear, square, cube]: &[f64; 4]) -> bool {
    let factor = FRAC_2_PI.sqrt();
    *constant == 0.0 && *square == 0.0 && is_near(*linear, factor) && is_near(*cube, factor * CUBE_FACTOR)
}
