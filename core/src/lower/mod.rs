//! Lowering: blocks of transformers in ordinary ONNX graphs become Ortlet's own operators on packed weights.
//!
//! [`lower()`] finds layers with what follows them, attention however it was written, feed-forward blocks and large tables,
//! and puts operators of domain `ai.ortlet` in their place. What it does not know for sure it leaves alone, and so does it
//! with graphs inside of nodes. A lowered model computes what the original does, but for rounding: of sums in another
//! order, and of weights in their new form.
//!
//! A run in which sizes that only runs know do not fit each other, a mask of another length than the keys for example,
//! fails in both; where ONNX Runtime would stretch a batch or length of 1 to that of the mask, it fails in the lowered
//! model only.

mod activation;
mod attention;
mod block;
mod canonical;
mod convolution;
mod dims;
mod embedding;
mod emit;
mod feed_forward;
mod lift;
mod linear;
mod matrix;
mod norm;
mod norm_steps;
mod options;
mod pack;
mod plan;
mod qkv;
mod replace;
mod report;
mod scene;
mod sort;

pub use options::{Learned, LowerOptions, PackCache};
pub use report::{Lowered, LoweredBlock, Product};

pub use crate::quantize::{BlockKind, KernelPrecision};

use self::emit::{Emitted, Emitter};
use self::plan::{Labels, Plan};
use self::qkv::Inputs;
use self::scene::Scene;
use crate::Result;
use crate::model::{ExternalDataResolver, GraphProto, Model};
use crate::quantize::names::Names;
use crate::quantize::rewrite::{MICROSOFT, initializers_are_inputs};
use crate::quantize::simplify::view::View;

/// The domain of Ortlet's own operators.
pub const DOMAIN: &str = "ai.ortlet";

/// The operator sets whose meaning is known here.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=24;

/// Finds blocks in the main graph and replaces them by Ortlet's operators.
///
/// What was learnt of the layers' inputs makes [`KernelPrecision::Int8`] more accurate: see [`Learned`]. Weights in files of their own are read by `external` and become part of the model.
/// Models of `float16`, of operator sets before 7, and those that give operators a meaning of their own have no blocks.
///
/// Takes time in proportion to the weights and, beside the new weights, memory for one old one.
///
/// # Errors
/// Those of [`Model::validate`].
///
/// # Examples
/// ```
/// use ortlet::lower::{Learned, LowerOptions, lower};
/// use ortlet::model::{GraphProto, Model, NoExternalData, OperatorSetIdProto};
///
/// let opset = OperatorSetIdProto { version: Some(17), ..Default::default() };
/// let graph = Some(GraphProto::default());
/// let empty = Model { ir_version: Some(8), graph, opset_import: vec![opset], ..Default::default() };
/// let lowered = lower(&empty, &LowerOptions::default(), &Learned::default(), &NoExternalData)?;
/// assert!(lowered.blocks.is_empty());
/// assert_eq!(lowered.model, empty);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn lower(
    model: &Model,
    options: &LowerOptions,
    learned: &Learned<'_>,
    external: &dyn ExternalDataResolver,
) -> Result<Lowered> {
    let lowered = with_plan(model, options, external, |found| {
        let Found { graph, scene, labels, plan, names } = found;
        let mut emitter = Emitter::new(scene, labels, options, learned, names);
        let mut emitted = emit(&mut emitter, plan);
        let constants = std::mem::take(&mut emitter.constants);
        if emitted.is_empty() {
            return Ok(None);
        }
        emitted.sort_by_key(|block| block.at);
        let mut lowered = replace::replace(model, graph, &emitted, constants);
        lowered.validate()?;
        lowered.graph.iter_mut().for_each(sort::sort);
        let (blocks, parts) = emitted.into_iter().map(|emitted| (emitted.block, emitted.part)).unzip();
        Ok(Some(Lowered { model: lowered, blocks, parts }))
    })?;
    Ok(lowered.unwrap_or_else(|| Lowered { model: model.clone(), blocks: Vec::new(), parts: Vec::new() }))
}

/// What [`lower`] would give for [`LoweredBlock::products`], of all blocks together. Nothing is packed for it, so blocks
/// whose weights cannot be are among them.
///
/// # Errors
/// Those of [`Model::validate`].
#[allow(dead_code, reason = "only the native engine asks")]
pub(crate) fn products(
    model: &Model,
    options: &LowerOptions,
    external: &dyn ExternalDataResolver,
) -> Result<Vec<Product>> {
    let products = with_plan(model, options, external, |found| Ok(Some(found.plan.products())))?;
    Ok(products.unwrap_or_default())
}

/// A graph as patterns know it, and the blocks that were found.
struct Found<'f, 'g> {
    graph: &'g GraphProto,
    scene: &'f Scene<'g>,
    labels: &'f Labels,
    plan: Plan,
    names: &'f mut Names,
}

/// What `then` makes of the blocks of a model; `None` for models that have none by their kind.
fn with_plan<T>(
    model: &Model,
    options: &LowerOptions,
    external: &dyn ExternalDataResolver,
    then: impl FnOnce(Found<'_, '_>) -> Result<Option<T>>,
) -> Result<Option<T>> {
    model.validate()?;
    let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty());
    let opset = opset.and_then(|opset| opset.version).unwrap_or(0);
    let redefines =
        model.functions.iter().any(|function| matches!(function.domain(), "" | MICROSOFT | DOMAIN));
    let Some(graph) = model.graph.as_ref().filter(|_| OPSETS.contains(&opset) && !redefines) else {
        return Ok(None);
    };
    let mut names = Names::of(model);
    let inputs_are_fixed = initializers_are_inputs(model.ir_version);
    let graph = replace::canonical(graph, opset, inputs_are_fixed, external, &mut names);
    let view = View::of(&graph, opset, true, inputs_are_fixed, Some(external));
    let (scene, attentions) = attention::all(&graph, view);
    let labels = Labels::of(&scene);
    let plan = Plan::of(&scene, attentions, &labels, options);
    then(Found { graph: &graph, scene: &scene, labels: &labels, plan, names: &mut names })
}

fn emit(emitter: &mut Emitter<'_, '_>, plan: Plan) -> Vec<Emitted> {
    let mut emitted = Vec::new();
    for mut planned in plan.attentions {
        let mut value = None;
        let own = planned.attention.projection.take().map(|projection| (projection, None));
        let projection = own.or_else(|| planned.merged.take().map(|(merged, apart)| (merged, Some(apart))));
        if let Some((mut merged, apart)) = projection {
            merged.output = emitter.names.fresh(merged.output);
            match (emitter.linear(&merged), apart) {
                (Some(linear), _) => {
                    value = Some(merged.output);
                    emitted.push(linear);
                }
                (None, Some(apart)) => {
                    emitted.extend(apart.iter().filter_map(|linear| emitter.linear(linear)));
                }
                // An operator that projects itself stays whole.
                (None, None) => continue,
            }
        }
        if let Inputs::Merged(together) = planned.inputs {
            value = Some(together);
        }
        emitted.push(emitter.attention(&planned.attention, value.as_deref()));
    }
    emitted.extend(plan.linears.iter().filter_map(|block| emitter.linear(block)));
    emitted.extend(plan.feed_forwards.iter().filter_map(|block| emitter.feed_forward(block)));
    emitted.extend(plan.convolutions.iter().filter_map(|block| emitter.convolution(block)));
    emitted.extend(plan.embeddings.iter().filter_map(|block| emitter.embedding(block)));
    emitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NoExternalData;

    #[test]
    fn products_are_known_without_packing() {
        let models = std::env::var_os("ORTLET_TEST_MODELS").expect("run `cargo xtask test`");
        for name in ["minilm/model.onnx", "magika/model.onnx"] {
            let bytes = std::fs::read(std::path::Path::new(&models).join(name)).unwrap();
            let model = Model::parse(bytes).unwrap();
            let options = LowerOptions { precision: KernelPrecision::Int8, ..LowerOptions::default() };
            let lowered = lower(&model, &options, &Learned::default(), &NoExternalData).unwrap();
            let of_blocks: Vec<Product> =
                lowered.blocks.into_iter().flat_map(|block| block.products).collect();
            assert!(!of_blocks.is_empty());
            assert_eq!(products(&model, &options, &NoExternalData).unwrap(), of_blocks, "{name}");
        }
    }
}
