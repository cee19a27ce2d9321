//! `ReduceMean` over all pixels as `GlobalAveragePool`, which has an 8-bit kernel and takes part in blocked layouts.

use super::edit::{Edit, in_place_of};
use super::report::RewriteKind;
use super::view::{View, axes, is, whole};
use crate::Result;
use crate::quantize::names::Names;
use crate::tensor::DType;

pub(super) fn mean(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(find(view, at))
}

fn find(view: &View, at: usize) -> Option<Edit> {
    let node = Some(&view.nodes[at]).filter(|node| is(node, "ReduceMean"))?;
    let image = node.input.first()?;
    let fact = view.fact(image);
    let rank = fact.rank.filter(|rank| *rank >= 3 && fact.dtype == Some(DType::F32))?;
    let rank = i64::try_from(rank).ok()?;
    let mut axes = axes(view, node)?;
    axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis = axis.saturating_add(rank));
    axes.sort_unstable();
    if whole(node, "keepdims", 1) != 1 || !axes.into_iter().eq(2..rank) {
        return None;
    }
    let pool = in_place_of(node, "GlobalAveragePool", &[image]);
    Some(Edit::replace(RewriteKind::GlobalAveragePool, at, vec![at], vec![pool]))
}
