//! [`Workbench`]: candidates of a choice whose blocks Ortlet's own kernels compute, within the budget.

use std::collections::{BTreeMap, BTreeSet};

use super::super::candidates::{Candidate, MORE_TRIES, Rejected, Tried, unless_cancelled};
use super::super::lab::{Lab, Reference};
use super::super::subset::{Layer, Order, most_passing, ranked};
use super::check::{CHECKED_COUNT, Checker};
use super::{Made, grams, make};
use crate::lower::{Learned, LowerOptions, PackCache, lower};
use crate::model::{ExternalDataResolver, Model};
use crate::quantize::{AccuracyFigures, Calibration, Gram, KernelPrecision, PrecisionBlock};
use crate::{ErrorCode, Result};

/// What takes the place of 8 bits in blocks where those do too much damage.
const SECOND: KernelPrecision = KernelPrecision::Bf16;

const NOT_CHOSEN: &str = "the chosen model is faster or more accurate without";

/// What is known of a model's blocks.
pub(in super::super) struct Workbench<'a> {
    lab: &'a Lab<'a>,
    model: &'a Model,
    external: &'a dyn ExternalDataResolver,
    calibration: Option<&'a Calibration>,
    grams: BTreeMap<String, Gram>,
    packed: PackCache,
    reference: &'a Reference,
    short_reference: &'a Reference,
    checker: Checker<'a>,
    /// One for each precision, with all blocks in it.
    whole: Vec<Whole>,
    /// What each block in 8 bits does to the results by itself, once that was measured.
    damages: Option<Vec<(PrecisionBlock, Layer)>>,
    pub(in super::super) rejected: Vec<Rejected>,
}

/// A model with all blocks in one precision, and how far it is off.
struct Whole {
    precision: KernelPrecision,
    made: Made,
    accuracy: AccuracyFigures,
}

impl<'a> Workbench<'a> {
    /// Makes and checks a model of each precision.
    ///
    /// # Errors
    /// `cancelled`, and those of reading the samples.
    pub(in super::super) fn open(
        lab: &'a Lab<'a>,
        model: &'a Model,
        external: &'a dyn ExternalDataResolver,
        (calibration, samples): (Option<&'a Calibration>, &[usize]),
        [reference, short_reference]: [&'a Reference; 2],
    ) -> Result<Self> {
        lab.begin("learning how channels go together");
        let grams = unless_cancelled(grams::learn(lab, model, external, samples))?.unwrap_or_default();
        lab.begin("packing and checking blocks");
        let inputs = lab.batches(&reference.numbers(), CHECKED_COUNT)?;
        let checker = Checker::new(model, &lab.session, lab.cancel(), inputs);
        let mut bench = Self {
            lab,
            model,
            external,
            calibration,
            grams,
            packed: PackCache::default(),
            reference,
            short_reference,
            checker,
            whole: Vec::new(),
            damages: None,
            rejected: Vec::new(),
        };
        for precision in KernelPrecision::ALL {
            bench.make_whole(precision)?;
        }
        Ok(bench)
    }

    /// The blocks, for a report on a model that has none of them in the kernels.
    pub(in super::super) fn left(&self) -> Vec<PrecisionBlock> {
        let blocks = self.whole.last().map_or_else(Vec::new, |whole| whole.made.blocks.clone());
        let left = |block: PrecisionBlock| PrecisionBlock {
            precision: None,
            reason: block.reason.or_else(|| Some(NOT_CHOSEN.to_owned())),
            ..block
        };
        blocks.into_iter().map(left).collect()
    }

    /// Leaves a candidate's kind out from now on.
    pub(in super::super) fn is_too_slow(&mut self, candidate: &Candidate) {
        self.whole.retain(|whole| title(whole.precision) != candidate.family);
    }

    fn make_whole(&mut self, precision: KernelPrecision) -> Result<()> {
        let name = title(precision);
        let options = LowerOptions { precision, ..LowerOptions::default() };
        let made = self.make(&options).and_then(|made| {
            let accuracy = (made.block_count() > 0)
                .then(|| self.lab.accuracy(&self.lab.session(&made.model)?, self.reference))
                .transpose()?;
            Ok((made, accuracy))
        });
        match made {
            Ok((made, Some(accuracy))) => self.whole.push(Whole { precision, made, accuracy }),
            // There is nothing that they could compute, or not rightly: the rows of the blocks say so.
            Ok((_, None)) => {}
            Err(error) if error.code() == ErrorCode::Cancelled => return Err(error),
            Err(error) => self.rejected.push(Rejected {
                name,
                reason: error.to_string(),
                quantized_count: 0,
                accuracy: None,
            }),
        }
        Ok(())
    }

    fn make(&mut self, options: &LowerOptions) -> Result<Made> {
        // Field by field, because the checker changes meanwhile.
        let learned =
            Learned { calibration: self.calibration, grams: Some(&self.grams), packed: Some(&self.packed) };
        make(&mut self.checker, self.model, self.external, &learned, options)
    }

    fn learned(&self) -> Learned<'_> {
        Learned { calibration: self.calibration, grams: Some(&self.grams), packed: Some(&self.packed) }
    }

    /// All candidates that keep a share of the budget.
    ///
    /// # Errors
    /// `cancelled`.
    pub(in super::super) fn candidates(&mut self, share: f64) -> Result<Vec<Candidate>> {
        let (mut candidates, mut is_int8_out) = (Vec::new(), false);
        for whole in &self.whole {
            let name = title(whole.precision);
            match judge(self.lab, &name, &whole.made, whole.accuracy.clone(), share) {
                Tried::Kept(candidate) => candidates.push(*candidate),
                Tried::Out(rejected) => {
                    is_int8_out |= whole.precision == KernelPrecision::Int8;
                    self.rejected.push(rejected);
                }
            }
        }
        if is_int8_out {
            candidates.extend(self.mixed(share)?);
        }
        Ok(candidates)
    }

    /// As many blocks in 8 bits as the budget allows, the others in 16.
    fn mixed(&mut self, share: f64) -> Result<Option<Candidate>> {
        let damages = self.damages()?;
        let layers: Vec<Layer> = damages.iter().map(|(_, layer)| *layer).collect();
        let (ranking, mut best) = (ranked(&layers, Order::GainForDamage), None);
        most_passing(&ranking, MORE_TRIES, |kept| {
            self.lab.check_cancelled()?;
            if !self.lab.has_time() {
                return Ok(false);
            }
            let name =
                format!("kernels int8 in {} of {} blocks, bf16 in the others", kept.len(), layers.len());
            let of = |(at, (block, _)): (usize, &(PrecisionBlock, Layer))| {
                (!kept.contains(&at)).then(|| (block.node.clone(), SECOND))
            };
            let blocks: BTreeMap<_, _> = damages.iter().enumerate().filter_map(of).collect();
            let options =
                LowerOptions { precision: KernelPrecision::Int8, blocks, ..LowerOptions::default() };
            let tried = self.make(&options).and_then(|made| {
                let accuracy = self.lab.accuracy(&self.lab.session(&made.model)?, self.reference)?;
                Ok(judge(self.lab, &name, &made, accuracy, share))
            });
            match unless_cancelled(tried)? {
                Some(Tried::Kept(candidate)) => {
                    best = Some(*candidate);
                    Ok(true)
                }
                _ => Ok(false),
            }
        })?;
        Ok(best)
    }

    /// Measures what each block in 8 bits does to the results by itself, if that is not known yet.
    fn damages(&mut self) -> Result<Vec<(PrecisionBlock, Layer)>> {
        if let Some(damages) = &self.damages {
            return Ok(damages.clone());
        }
        self.lab.begin("measuring the damage of blocks in 8 bits");
        let all = self.whole.iter().find(|whole| whole.precision == KernelPrecision::Int8);
        let blocks: Vec<PrecisionBlock> = all.map_or_else(Vec::new, |whole| whole.made.blocks.clone());
        let (blocks, refused): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| block.precision.is_some());
        let refused: BTreeSet<String> = refused.into_iter().map(|block| block.node).collect();
        let mut damages = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            self.lab.check_cancelled()?;
            self.lab.tell(Some(number as f64 / blocks.len() as f64));
            // The others in 32 bits, not left out: what would take their place then would be in 8 bits too.
            let options = LowerOptions {
                precision: KernelPrecision::Fp32,
                blocks: BTreeMap::from([(block.node.clone(), KernelPrecision::Int8)]),
                exclude: refused.clone(),
                ..LowerOptions::default()
            };
            // Blocks were checked already.
            let figures = lower(self.model, &options, &self.learned(), self.external).and_then(|lowered| {
                self.lab.accuracy(&self.lab.session(&lowered.model)?, self.short_reference)
            });
            let damage = unless_cancelled(figures)?.map_or(1.0, |figures| 1.0 - figures.mean_cosine);
            // Time goes with the size of the weights.
            let gain = block.shape.iter().map(|&dim| dim as f64).product();
            damages.push((block.clone(), Layer { gain, damage }));
        }
        self.damages = Some(damages.clone());
        Ok(damages)
    }
}

/// Holds a model to a share of the budget.
fn judge(lab: &Lab<'_>, name: &str, made: &Made, accuracy: AccuracyFigures, share: f64) -> Tried {
    let (name, quantized_count) = (name.to_owned(), made.block_count());
    if let Some(reason) = lab.breach(&accuracy, share) {
        return Tried::Out(Rejected { name, reason, quantized_count, accuracy: Some(accuracy) });
    }
    Tried::Kept(Box::new(Candidate {
        family: name.clone(),
        name,
        model: made.model.clone(),
        assignment: BTreeMap::new(),
        blocks: made.blocks.clone(),
        quantized_count,
        accuracy,
    }))
}

/// What a candidate with all blocks in one precision is called.
fn title(precision: KernelPrecision) -> String {
    format!("kernels {}", precision.name())
}
