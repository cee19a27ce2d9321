//! Casts that do nothing, or nothing that a later cast does not do as well.

use super::edit::{Edit, in_place_of};
use super::report::RewriteKind;
use super::view::{View, is, whole};
use crate::Result;
use crate::model::NodeProto;
use crate::quantize::names::Names;
use crate::tensor::DType;

pub(super) fn casts(view: &View, at: usize, _: &mut Names) -> Result<Option<Edit>> {
    Ok(find(view, at))
}

fn find(view: &View, at: usize) -> Option<Edit> {
    let node = Some(&view.nodes[at]).filter(|node| is(node, "Cast"))?;
    let [value] = node.input.as_slice() else { return None };
    let to = target(node)?;
    if view.fact(value).dtype == Some(to) {
        return Edit::bypass(RewriteKind::CastPair, at, view, value);
    }
    let first = view.made_by(value, "Cast")?;
    let [source] = view.nodes[first].input.as_slice() else { return None };
    let from = view.fact(source).dtype?;
    if !holds(target(&view.nodes[first])?, from) {
        return None;
    }
    if from == to {
        return Edit::bypass(RewriteKind::CastPair, at, view, source);
    }
    let cast = NodeProto { attribute: node.attribute.clone(), ..in_place_of(node, "Cast", &[source]) };
    Some(Edit::replace(RewriteKind::CastPair, at, vec![first, at], vec![cast]))
}

fn target(cast: &NodeProto) -> Option<DType> {
    i32::try_from(whole(cast, "to", 0)).ok().and_then(DType::from_onnx)
}

/// Whether a type has every number of another one.
fn holds(wide: DType, narrow: DType) -> bool {
    use DType::{Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    let narrower: &[DType] = match wide {
        F64 => &[F64, F32, F16, I32, U32, I16, U16, I8, U8],
        F32 => &[F32, F16, I16, U16, I8, U8],
        I64 => &[I64, I32, U32, I16, U16, I8, U8],
        I32 => &[I32, I16, U16, I8, U8],
        U64 => &[U64, U32, U16, U8],
        U32 => &[U32, U16, U8],
        _ => &[],
    };
    narrower.contains(&narrow)
        || narrow == Bool && matches!(wide, F64 | F32 | I64 | I32 | U64 | U32 | U8 | I8)
}
