//! The blocks of an artifact once more, for another device: the same ones, with the weights that were packed before.

use std::collections::BTreeMap;

use super::super::Source;
use super::super::lab::for_trials;
use super::super::options::PrecisionOptions;
use super::super::rewritten::rewrite;
use super::check::Checker;
use super::{rows, synthetic};
use crate::Result;
use crate::engine::compile::take_over;
use crate::engine::runtime::SessionOptions;
use crate::engine::session::Session;
use crate::lower::{Learned, LowerOptions, lower};
use crate::model::Model;
use crate::quantize::PrecisionReport;

/// A model with the blocks that a report on it tells of, and the weights of `packed`, which has the same blocks. Samples
/// are not needed: what was learned from them is in these weights.
///
/// `None` if the blocks do not come out the same, or not all of them compute here what they should.
///
/// # Errors
/// Those of the original; `cancelled`.
pub(in super::super) fn again(
    source: &Source<'_>,
    report: &PrecisionReport,
    packed: &Model,
    options: &PrecisionOptions,
) -> Result<Option<Model>> {
    let trials =
        SessionOptions { external_data_folder: source.folder.clone(), ..for_trials(&options.session) };
    let Ok(inputs) = synthetic::inputs(&Session::of_model(source.model, &trials)?) else { return Ok(None) };
    let model = match report.rewritings.is_empty() {
        true => source.model.clone(),
        false => rewrite(source.model, source.external, &mut Vec::new())?.model,
    };
    let (used, left): (Vec<_>, Vec<_>) = report.blocks.iter().partition(|block| block.precision.is_some());
    let blocks: BTreeMap<_, _> =
        used.into_iter().filter_map(|block| Some((block.node.clone(), block.precision?))).collect();
    let exclude = left.into_iter().map(|block| block.node.clone()).collect();
    let same = LowerOptions { blocks, exclude, ..LowerOptions::default() };
    let mut lowered = lower(&model, &same, &Learned::default(), source.external)?;
    if !take_over(&mut lowered.model, packed, source.external)? {
        return Ok(None);
    }
    let mut checker = Checker::new(&model, &trials, options.cancel.clone(), inputs);
    let is_right = rows(&mut checker, &lowered)?.iter().all(|row| row.precision.is_some());
    Ok(is_right.then_some(lowered.model))
}
