//! [`take_over`]: nodes of Ortlet's own operators get the weights that were packed for the same nodes before.

use std::collections::HashMap;

use super::blobs::own_nodes;
use crate::Result;
use crate::engine::ops;
use crate::model::{ExternalDataResolver, Model, NoExternalData};

/// The part of packed weights that tells version, kind, format and sizes, and not which channels are left out.
const FORM_BYTES: usize = 44;

/// Gives the nodes of a model the weights of the nodes of `packed`, whose data `data` reads. `false` if these are not the
/// same nodes, with weights of the same form; the model is of no use then.
///
/// # Errors
/// Those of `data`.
pub(in crate::engine) fn take_over(
    model: &mut Model,
    packed: &Model,
    data: &dyn ExternalDataResolver,
) -> Result<bool> {
    let Some(names) = names(model, packed) else { return Ok(false) };
    for tensor in model.graph.iter_mut().flat_map(|graph| &mut graph.initializer) {
        let Some(name) = names.get(tensor.name()) else { continue };
        let Some(from) = packed.tensors().find(|from| from.name() == name) else { return Ok(false) };
        let (old, new) = (tensor.data_bytes(&NoExternalData)?, from.data_bytes(data)?);
        if new.len() < FORM_BYTES || old.get(..FORM_BYTES) != new.get(..FORM_BYTES) {
            return Ok(false);
        }
        tensor.dims = from.dims.clone();
        tensor.raw_data = Some(new);
    }
    Ok(true)
}

/// Which weights of `packed` those of the model become; `None` if the nodes are not the same.
fn names(model: &Model, packed: &Model) -> Option<HashMap<String, String>> {
    let known: HashMap<_, _> = own_nodes(packed).map(|node| ((node.op_type(), node.name()), node)).collect();
    let mut names = HashMap::new();
    for node in own_nodes(model) {
        let same = known.get(&(node.op_type(), node.name()))?;
        for &index in ops::blob_inputs(node.op_type()) {
            let (to, from) = (node.input.get(index)?.clone(), same.input.get(index)?.clone());
            // Two nodes may have shared what is apart in the other model.
            if names.insert(to, from.clone()).is_some_and(|other| other != from) {
                return None;
            }
        }
    }
    (own_nodes(model).count() == known.len()).then_some(names)
}
