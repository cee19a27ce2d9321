//! The shape of what a convolution gives.

use super::{Dims, Shape, Size};
use crate::model::NodeProto;
use crate::quantize::simplify::view::whole;

pub(super) fn shape(dims: &mut Dims, node: &NodeProto) -> Option<Shape> {
    let [x, weight] =
        [0, 1].map(|at| node.input.get(at).and_then(|name| dims.shape(name)).map(<[_]>::to_vec));
    let (x, weight) = (x?, weight?);
    if x.len() != weight.len() || x.len() < 3 {
        return None;
    }
    let list = |name: &str, at: usize, default: i64| match node.attribute(name) {
        Some(attribute) => attribute.ints.get(at).copied(),
        None => Some(default),
    };
    let is_padded = node
        .attribute("auto_pad")
        .is_some_and(|word| !matches!(word.s.as_deref(), Some(b"NOTSET" | b"VALID")));
    let axes = x.len() - 2;
    let length = |at: usize| {
        let (stride, dilation) = (list("strides", at, 1)?, list("dilations", at, 1)?);
        let (begin, end) = (list("pads", at, 0)?, list("pads", at + axes, 0)?);
        let kernel = weight[at + 2].known()?.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
        if is_padded || stride < 1 {
            return None;
        }
        // A window of one place that moves by one leaves the length, whatever it is.
        if kernel == 1 && stride == 1 && begin == 0 && end == 0 {
            return Some(x[at + 2].clone());
        }
        let room = x[at + 2].known()?.checked_add(begin)?.checked_add(end)?.checked_sub(kernel)?;
        (room >= 0).then(|| Size::constant(room / stride + 1))
    };
    let lengths: Vec<Option<Size>> = (0..axes).map(length).collect();
    let group = whole(node, "group", 1);
    let mut shape = vec![x[0].clone(), weight[0].clone()];
    shape.extend(lengths.into_iter().map(|length| length.unwrap_or_else(|| dims.fresh())));
    (group >= 1).then_some(shape)
}
