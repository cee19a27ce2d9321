//! Normalizations behind a layer, as operators, those that add a residual first among them.

use super::block::{Norm, NormKind};
use super::norm_steps;
use super::scene::{Scene, float, is_microsoft};
use crate::quantize::simplify::view::{is, whole};

/// A normalization and its result.
pub(super) struct Found {
    pub norm: Norm,
    pub nodes: Vec<usize>,
    pub output: String,
    /// What the operator adds first, of the same shape.
    pub residual: Option<String>,
    /// A vector that the operator adds first.
    pub bias: Option<Vec<f32>>,
}

/// The normalization of a value that nothing but it reads. `width` is the length of the value's last axis.
pub(super) fn of(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    if scene.view.is_pinned(name) {
        return None;
    }
    operator(scene, name, width)
        .or_else(|| with_residual(scene, name, width))
        .or_else(|| norm_steps::layer(scene, name, width))
        .or_else(|| norm_steps::root_mean_square(scene, name, width))
}

fn epsilon(number: f32) -> Option<f32> {
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn operator(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    let (index, node) = scene.only_reader(name)?;
    let kind = match node.op_type() {
        "LayerNormalization" => NormKind::Layer,
        "RMSNormalization" | "SimplifiedLayerNormalization" => NormKind::Rms,
        _ => return None,
    };
    let rank = scene.dims.rank(name)?;
    let axis = whole(node, "axis", -1);
    let is_last = axis == -1 || usize::try_from(axis).is_ok_and(|axis| axis + 1 == rank);
    let computes_floats = whole(node, "stash_type", 1) == 1;
    if node.input.first()? != name || !is_last || !computes_floats || !gives_one(scene, node) {
        return None;
    }
    let beta = node.input.get(2).filter(|beta| !beta.is_empty());
    let found = norm(
        scene,
        kind,
        float(node, "epsilon", 1e-5)?,
        [node.input.get(1)?, beta.map_or("", String::as_str)],
        width,
    )?;
    let known = node.domain().is_empty() || is_microsoft(node, "SimplifiedLayerNormalization");
    (known && (beta.is_none() || kind == NormKind::Layer)).then_some(Found {
        norm: found,
        nodes: vec![index],
        output: node.output.first()?.clone(),
        residual: None,
        bias: None,
    })
}

/// ONNX Runtime's own operators, which add two values and perhaps a vector first.
fn with_residual(scene: &Scene, name: &str, width: i64) -> Option<Found> {
    let (index, node) = scene.only_reader(name)?;
    let kind = match node.op_type() {
        "SkipLayerNormalization" if is_microsoft(node, "SkipLayerNormalization") => NormKind::Layer,
        "SkipSimplifiedLayerNormalization" if is_microsoft(node, node.op_type()) => NormKind::Rms,
        _ => return None,
    };
    let input = |index: usize| node.input.get(index).map_or("", String::as_str);
    let residual = match (input(0) == name, input(1) == name) {
        (true, false) => input(1),
        (false, true) => input(0),
        _ => return None,
    };
    let (beta, bias) = match kind {
        NormKind::Layer => (input(3), input(4)),
        NormKind::Rms => ("", input(3)),
    };
    let bias = if bias.is_empty() { None } else { Some(scene.vector(bias, width, None)?) };
    let found = norm(scene, kind, float(node, "epsilon", 1e-12)?, [input(2), beta], width)?;
    (gives_one(scene, node) && scene.same_shape(name, residual)).then_some(Found {
        norm: found,
        nodes: vec![index],
        output: node.output.first()?.clone(),
        residual: Some(residual.to_owned()),
        bias,
    })
}

/// Whether nobody reads any but the first output.
fn gives_one(scene: &Scene, node: &crate::model::NodeProto) -> bool {
    node.output.iter().skip(1).all(|name| name.is_empty() || scene.read_only_by(name, &[]))
}

/// A normalization with these constants: scale, and shift if it has one.
pub(super) fn norm(
    scene: &Scene,
    kind: NormKind,
    eps: f32,
    [gamma, beta]: [&str; 2],
    width: i64,
) -> Option<Norm> {
    let vector = |name: &str| scene.vector(name, width, None).map(|numbers| (name.to_owned(), numbers));
    let beta = if beta.is_empty() { None } else { Some(vector(beta)?) };
    Some(Norm { kind, epsilon: epsilon(eps)?, gamma: vector(gamma)?, beta })
}

/// The scale and shift of the normalization that makes a value, if it is known.
pub(super) fn that_makes(scene: &Scene, name: &str, width: i64) -> Option<(Vec<f32>, Option<Vec<f32>>)> {
    let (_, node) = scene.maker(name)?;
    let (gamma, beta) = match node.op_type() {
        "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization"
            if is(node, node.op_type()) =>
        {
            (1, 2)
        }
        "SkipLayerNormalization" => (2, 3),
        _ => return None,
    };
    let gamma = scene.vector(node.input.get(gamma)?, width, None)?;
    let beta = node.input.get(beta).and_then(|beta| scene.vector(beta, width, None));
    Some((gamma, beta))
}
