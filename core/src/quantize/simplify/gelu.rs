//! `x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))` in one operator.
//!
//! The approximation is the one of Hendrycks and Gimpel, "Gaussian Error Linear Units" (arXiv 1606.08415). The exact
//! GELU, by `Erf`, is left alone: ONNX Runtime fuses it itself.

use std::f64::consts::FRAC_2_PI;

use super::edit::{Edit, in_place_of};
use super::product::{Pattern, climb, is_near, polynomial};
use super::report::RewriteKind;
use super::view::{View, is};
use crate::Result;
use crate::model::{AttributeProto, NodeProto};
use crate::quantize::names::Names;
use crate::quantize::rewrite::MICROSOFT;

const CUBE_FACTOR: f64 = 0.044_715;

/// The first operator set with `Gelu`. ONNX Runtime is as fast with it as with its own `FastGelu`.
const GELU_OPSET: i64 = 20;

pub(super) fn tanh_gelu(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(find(view, at))
}

/// From `Tanh` down to the end of the chain, and up to its beginning.
fn find(view: &View, tanh: usize) -> Option<Edit> {
    let node = Some(&view.nodes[tanh]).filter(|node| is(node, "Tanh"))?;
    let ([inside], [outside]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let sum = view.only_reader(outside)?;
    let (one, _) = view.other(&view.nodes[sum], outside)?;
    let mut pattern = Pattern { nodes: vec![tanh, sum], scalar_rank: 0 };
    if !is(&view.nodes[sum], "Add") || pattern.scalar(view, one)? != 1.0 {
        return None;
    }
    let is_x = |x: &str, pattern: &mut Pattern| {
        let mut inner = pattern.clone();
        let found = polynomial(view, &mut inner, inside, x, 0).is_some_and(|found| is_argument(&found));
        if found {
            *pattern = inner;
        }
        found
    };
    let product =
        climb(view, &mut pattern, sum, is_x, |climb| climb.x.is_some() && is_near(climb.factor, 0.5))?;
    let x = product.x?;
    if !view.is_closed(&pattern.nodes, product.last) || !pattern.keeps_shape_of(view, &x) {
        return None;
    }
    let old = &view.nodes[product.last];
    let gelu = if view.opset >= GELU_OPSET {
        let approximate = AttributeProto {
            name: Some("approximate".to_owned()),
            s: Some("tanh".to_owned().into()),
            r#type: Some(3),
            ..Default::default()
        };
        NodeProto { attribute: vec![approximate], ..in_place_of(old, "Gelu", &[&x]) }
    } else {
        NodeProto { domain: Some(MICROSOFT.to_owned()), ..in_place_of(old, "FastGelu", &[&x]) }
    };
    Some(Edit::replace(RewriteKind::TanhGelu, product.last, pattern.nodes, vec![gelu]))
}

/// Whether this is `sqrt(2 / pi) * (x + 0.044715 * x^3)`.
fn is_argument([constant, linear, square, cube]: &[f64; 4]) -> bool {
    let factor = FRAC_2_PI.sqrt();
    *constant == 0.0 && *square == 0.0 && is_near(*linear, factor) && is_near(*cube, factor * CUBE_FACTOR)
}
