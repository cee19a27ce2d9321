//! Models whose blocks Ortlet's own kernels compute: made by `lower`, checked block by block, as a mode or as candidates.

mod again;
mod candidates;
mod check;
mod grams;
mod mode;
mod synthetic;

pub(super) use again::again;
pub(super) use candidates::Workbench;
pub(super) use mode::apply;

use std::collections::HashMap;

use crate::lower::{Learned, LowerOptions, Lowered, lower};
use crate::model::{ExternalDataResolver, Model};
use crate::quantize::PrecisionBlock;
use crate::{Error, Result};
use check::{Checker, least_similarity};

/// A lowered model, and what became of every block.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) model: Model,
    pub(super) blocks: Vec<PrecisionBlock>,
}

impl Made {
    /// Blocks that Ortlet's kernels compute.
    pub(super) fn block_count(&self) -> u64 {
        self.blocks.iter().filter(|block| block.precision.is_some()).count() as u64
    }
}

/// Lowers a model, and leaves to ONNX Runtime every block that does not compute what the original's nodes do.
///
/// # Errors
/// Those of reading the weights; `cancelled`.
fn make(
    checker: &mut Checker<'_>,
    model: &Model,
    external: &dyn ExternalDataResolver,
    learned: &Learned<'_>,
    options: &LowerOptions,
) -> Result<Made> {
    settle(checker, options, |options| lower(model, options, learned, external))
}

/// Lowers again without the blocks that were refused, until none is: where one is missing, others may take its place,
/// and nothing is used that was not checked.
///
/// # Errors
/// Those of lowering; `cancelled`.
fn settle(
    checker: &mut Checker<'_>,
    options: &LowerOptions,
    mut lowered: impl FnMut(&LowerOptions) -> Result<Lowered>,
) -> Result<Made> {
    let (mut options, mut refused) = (options.clone(), Vec::new());
    loop {
        let lowered = lowered(&options)?;
        let (mut blocks, wrong): (Vec<_>, Vec<_>) =
            rows(checker, &lowered)?.into_iter().partition(|row| row.precision.is_some());
        if wrong.is_empty() {
            blocks.append(&mut refused);
            return Ok(Made { model: lowered.model, blocks });
        }
        let count = options.exclude.len();
        options.exclude.extend(wrong.iter().map(|row| row.node.clone()));
        if options.exclude.len() == count {
            return Err(Error::internal("a block that was left out is there again"));
        }
        refused.extend(wrong);
    }
}

/// A row for every block: with its numbers if it computes the right thing, else with the reason why it must not.
fn rows(checker: &mut Checker<'_>, lowered: &Lowered) -> Result<Vec<PrecisionBlock>> {
    checker.prepare(lowered)?;
    let (mut rows, mut between) = (Vec::new(), HashMap::new());
    for (index, block) in lowered.blocks.iter().enumerate() {
        let similarity = checker.similarity(lowered, index, &mut between)?;
        let least = least_similarity(block.precision);
        let reason = match &similarity {
            Ok(Some(similarity)) if *similarity < least => {
                Some(format!("its results differ: similarity {similarity:.6}, below {least}"))
            }
            Ok(_) => None,
            Err(error) => Some(format!("it could not be checked: {error}")),
        };
        rows.push(PrecisionBlock {
            kind: block.kind,
            node: block.node.clone(),
            replaced: block.replaced.clone(),
            shape: block.shape.clone(),
            precision: reason.is_none().then_some(block.precision),
            similarity: similarity.ok().flatten(),
            reason,
        });
    }
    for (index, block) in
        lowered.blocks.iter().enumerate().filter(|(_, block)| between.contains_key(&block.output))
    {
        let reader = lowered.blocks.iter().position(|reader| reader.inputs.contains(&block.output));
        let (similarity, is_wrong) = match reader {
            Some(reader) => (rows[reader].similarity, rows[reader].precision.is_none()),
            None => (None, true),
        };
        rows[index].similarity = similarity;
        if is_wrong {
            rows[index].precision = None;
            rows[index].reason =
                Some("what is made of its results could not be checked, or differs".to_owned());
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::runtime::{Sample, SessionOptions};
    use crate::lower::DOMAIN;
    use crate::model::{GraphProto, NoExternalData, OperatorSetIdProto, ValueInfoProto};
    use crate::quantize::KernelPrecision;
    use crate::quantize::nodes::{initializer, node};
    use crate::random::Random;
    use crate::tensor::{DType, Tensor};

    const WIDTH: usize = 64;
    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn numbers(seed: u64, count: usize) -> Vec<f32> {
        let mut random = Random::new(seed);
        (0..count).map(|_| (random.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0).collect()
    }

    /// Three products of one input.
    fn model() -> Model {
        let side = WIDTH as i64;
        let weights = |(seed, name): (usize, &str)| {
            let values = numbers(seed as u64, WIDTH * WIDTH);
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            initializer(&format!("w-{name}"), DType::F32, vec![side, side], bytes)
        };
        let value = |name: &str| ValueInfoProto::tensor(name, DType::F32, Some(&[3, side]));
        let product =
            |name: &str| node("MatMul", name.to_owned(), &["x", &format!("w-{name}")], &format!("y-{name}"));
        let graph = GraphProto {
            name: Some("graph".into()),
            node: NAMES.map(product).into(),
            initializer: NAMES.into_iter().enumerate().map(weights).collect(),
            input: vec![value("x")],
            output: NAMES.map(|name| value(&format!("y-{name}"))).into(),
            ..Default::default()
        };
        let opset_import = vec![OperatorSetIdProto { version: Some(17), ..Default::default() }];
        Model { ir_version: Some(8), graph: Some(graph), opset_import, ..Default::default() }
    }

    fn inputs(first: f32) -> Vec<Sample> {
        let mut x = numbers(9, 3 * WIDTH);
        x[0] = first;
        vec![vec![("x".to_owned(), Tensor::from_vec([3, WIDTH], x).unwrap().into())]]
    }

    /// Names of the packed weights of Ortlet's own nodes.
    fn packed(model: &Model) -> Vec<String> {
        model.nodes().filter(|at| at.node.domain() == DOMAIN).map(|at| at.node.input[1].clone()).collect()
    }

    /// The first two blocks get each other's weights, where both are there.
    fn swapped(mut lowered: Lowered) -> Lowered {
        let names = packed(&lowered.model);
        if let ([first, second, _], Some(graph)) = (&names[..], &mut lowered.model.graph) {
            for tensor in &mut graph.initializer {
                let other = if tensor.name() == first { Some(second) } else { Some(first) };
                if tensor.name() == first || tensor.name() == second {
                    tensor.name = other.cloned();
                }
            }
        }
        lowered
    }

    fn made(
        model: &Model,
        inputs: Vec<Sample>,
        change: fn(Lowered) -> Lowered,
        precision: KernelPrecision,
    ) -> Made {
        let session = SessionOptions::default();
        let mut checker = Checker::new(model, &session, None, inputs);
        let options = LowerOptions { precision, ..Default::default() };
        let lowered =
            |options: &LowerOptions| lower(model, options, &Learned::default(), &NoExternalData).map(change);
        settle(&mut checker, &options, lowered).unwrap()
    }

    #[test]
    fn blocks_that_compute_something_else_are_refused() {
        let model = model();
        for precision in KernelPrecision::ALL {
            let right = made(&model, inputs(0.5), |lowered| lowered, precision);
            assert_eq!((right.block_count(), packed(&right.model).len()), (3, 3));
            let wrong = made(&model, inputs(0.5), swapped, precision);
            assert_eq!((wrong.block_count(), wrong.blocks.len()), (1, 3), "{:#?}", wrong.blocks);
            assert_eq!(packed(&wrong.model).len(), 1);
            for block in &wrong.blocks {
                let is_wrong = block.node != "c";
                let says = |reason: &String| reason.contains("results differ");
                assert_eq!(block.reason.as_ref().is_some_and(says), is_wrong, "{block:?}");
                assert_eq!(block.similarity.unwrap() < least_similarity(precision), is_wrong, "{block:?}");
            }
            let products = wrong.model.nodes().filter(|at| at.node.op_type() == "MatMul").count();
            assert_eq!(products, 2, "the nodes of the original are there");
        }
    }

    #[test]
    fn blocks_that_do_not_run_are_refused() {
        // Without its weights there is no session of it.
        let bare = |mut lowered: Lowered| {
            let names = packed(&lowered.model);
            if let ([first, _, _], Some(graph)) = (&names[..], &mut lowered.model.graph) {
                graph.initializer.retain(|tensor| tensor.name() != first);
            }
            lowered
        };
        let made = made(&model(), inputs(0.5), bare, KernelPrecision::Bf16);
        assert_eq!((made.block_count(), packed(&made.model).len()), (2, 2), "{:#?}", made.blocks);
        let reasons = made.blocks.iter().filter_map(|block| block.reason.as_ref());
        assert!(
            reasons.clone().count() == 1 && reasons.clone().all(|text| text.contains("could not be checked"))
        );
    }

    #[test]
    fn what_is_no_number_in_both_is_alike() {
        let made = made(&model(), inputs(f32::NAN), |lowered| lowered, KernelPrecision::Int8);
        assert_eq!(made.block_count(), 3, "{:#?}", made.blocks);
    }
}
