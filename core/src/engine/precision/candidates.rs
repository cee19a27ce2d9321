//! Candidates: whole models in which some layers have another form, within the budget on the samples to choose by.

use std::collections::{BTreeMap, BTreeSet};

use super::alone::Stopwatch;
use super::lab::{Lab, Reference};
use super::subset::{Layer, Order, most_passing, ranked};
use crate::engine::session::Session;
use crate::model::{ExternalDataResolver, Model};
use crate::quantize::{
    AccuracyFigures, Calibration, LayerOutcome, LayerTrial, PrecisionBlock, PrecisionLayer, QuantizeMode,
    QuantizeOptions, QuantizeReport, quantize_with,
};
use crate::{Error, ErrorCode, Result};

/// The forms that can make a model faster. The others only make it smaller.
const FORMS: [QuantizeMode; 3] =
    [QuantizeMode::Int8Static, QuantizeMode::Int8Dynamic, QuantizeMode::Weights8];

/// Which layers have which form; the others are as they were.
pub(super) type Assignment = BTreeMap<String, QuantizeMode>;

/// A table is quantized in passing, for the memory, if it alone uses no more than this share of the budget.
const TABLE_SHARE: f64 = 0.05;

/// Tries to add more layers to those that are within the budget.
pub(super) const MORE_TRIES: usize = 6;

/// A model that keeps the budget on the samples to choose by.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// What it is a part of, or the whole.
    pub(super) family: String,
    pub(super) model: Model,
    pub(super) assignment: Assignment,
    /// Blocks that Ortlet's own kernels are for, if they compute any.
    pub(super) blocks: Vec<PrecisionBlock>,
    /// Layers or blocks that are changed.
    pub(super) quantized_count: u64,
    pub(super) accuracy: AccuracyFigures,
}

/// A candidate that is out before it could race, and why.
#[derive(Clone, Debug)]
pub(super) struct Rejected {
    pub(super) name: String,
    pub(super) reason: String,
    pub(super) quantized_count: u64,
    pub(super) accuracy: Option<AccuracyFigures>,
}

/// What is known of the model that candidates are made of.
pub(super) struct Workshop<'a> {
    pub(super) lab: &'a Lab<'a>,
    pub(super) model: &'a Model,
    pub(super) calibration: &'a Calibration,
    pub(super) external: &'a dyn ExternalDataResolver,
    pub(super) reference: &'a Reference,
    /// Fewer samples, for what is tried very often.
    pub(super) short_reference: &'a Reference,
    pub(super) options: QuantizeOptions,
    pub(super) layers: Vec<PrecisionLayer>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) warnings: Vec<String>,
    /// Tables that are quantized in every candidate.
    tables: Assignment,
    /// Families that were too slow with as many layers as the budget allows: with fewer they are slower still.
    too_slow: BTreeSet<String>,
}

/// What became of a try.
pub(super) enum Tried {
    Kept(Box<Candidate>),
    Out(Rejected),
}

impl<'a> Workshop<'a> {
    /// Finds the layers, and times each form of each alone.
    ///
    /// # Errors
    /// `cancelled`.
    pub(super) fn open(
        lab: &'a Lab<'a>,
        model: &'a Model,
        calibration: &'a Calibration,
        external: &'a dyn ExternalDataResolver,
        [reference, short_reference]: [&'a Reference; 2],
        options: QuantizeOptions,
    ) -> Result<Self> {
        let mut workshop = Self {
            lab,
            model,
            calibration,
            external,
            reference,
            short_reference,
            options,
            layers: Vec::new(),
            rejected: Vec::new(),
            warnings: Vec::new(),
            tables: Assignment::new(),
            too_slow: BTreeSet::new(),
        };
        FORMS.into_iter().for_each(|form| workshop.find_layers(form));
        workshop.time_layers()?;
        workshop.choose_tables()?;
        Ok(workshop)
    }

    /// Lists the layers that a form is for.
    fn find_layers(&mut self, form: QuantizeMode) {
        let made = quantize_with(self.model, form, Some(self.calibration), &self.options, self.external);
        let report = match made {
            Ok((_, report)) => report,
            Err(error) => {
                self.warnings.push(format!("no layer was tried as {}: {error}", name_of(form)));
                return;
            }
        };
        for found in report.layers {
            let place = self.layers.iter().position(|layer| layer.node == found.node);
            let place = place.unwrap_or_else(|| {
                self.layers.push(PrecisionLayer {
                    node: found.node.clone(),
                    op_type: found.op_type.clone(),
                    shape: found.shape.clone(),
                    ..Default::default()
                });
                self.layers.len() - 1
            });
            let layer = &mut self.layers[place];
            match found.outcome {
                LayerOutcome::Quantized { .. } => {
                    layer.trials.push(LayerTrial { form, float_ns: None, form_ns: None, damage: None });
                }
                LayerOutcome::Skipped { reason } => {
                    let reason = format!("{}: {reason}", name_of(form));
                    layer.reason = Some(
                        layer.reason.take().map_or(reason.clone(), |known| format!("{known}; {reason}")),
                    );
                }
            }
        }
    }

    fn time_layers(&mut self) -> Result<()> {
        self.lab.begin("timing layers alone");
        let mut stopwatch = Stopwatch::new(self.lab, self.model, self.calibration, self.external);
        let count = self.layers.len();
        for (number, layer) in self.layers.iter_mut().enumerate() {
            self.lab.tell(Some(number as f64 / count as f64));
            if !self.lab.has_time() {
                break;
            }
            for trial in &mut layer.trials {
                if let Some(alone) = stopwatch.time(&layer.node, trial.form, &self.options)? {
                    (trial.float_ns, trial.form_ns) = (Some(alone.float_ns), Some(alone.form_ns));
                }
            }
        }
        Ok(())
    }

    /// Tables save memory, not time: those that do next to no damage are quantized in every candidate.
    fn choose_tables(&mut self) -> Result<()> {
        let tables: Vec<String> =
            self.layers.iter().filter(|layer| is_table(layer)).map(|layer| layer.node.clone()).collect();
        for node in tables {
            let form = QuantizeMode::Int8Dynamic;
            let only = Assignment::from([(node.clone(), form)]);
            let Some(figures) = self.figures_of(&only)? else { continue };
            self.note_damage(&node, form, &figures);
            if self.lab.options.session.accuracy.breach(&figures, TABLE_SHARE).is_none() {
                self.tables.insert(node, form);
            }
        }
        Ok(())
    }

    /// All candidates that keep a share of the budget.
    ///
    /// # Errors
    /// `cancelled`.
    pub(super) fn candidates(&mut self, share: f64) -> Result<Vec<Candidate>> {
        self.rejected.clear();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (name, family, orders) in self.families() {
            if !self.lab.has_time() {
                let reason = "the time was up before it could be tried".to_owned();
                self.rejected.push(Rejected { name, reason, quantized_count: 0, accuracy: None });
                continue;
            }
            self.lab.begin(format!("trying {name}"));
            match self.attempt(&name, &name, &family, share)? {
                Tried::Kept(candidate) => candidates.push(*candidate),
                Tried::Out(rejected) => {
                    // What cannot run at all is not mended by leaving layers out, unless one of them is the culprit.
                    self.rejected.push(rejected);
                    for order in orders {
                        candidates.extend(self.within_budget(&name, &family, *order, share)?);
                    }
                }
            }
        }
        candidates.dedup_by(|a, b| a.assignment == b.assignment);
        Ok(candidates)
    }

    /// Which layers in which form make up a candidate, by name.
    fn families(&self) -> Vec<(String, Assignment, &'static [Order])> {
        let of = |form: QuantizeMode, only_faster: bool| -> Assignment {
            let takes = |layer: &&PrecisionLayer| {
                !is_table(layer)
                    && layer.trials.iter().any(|trial| {
                        trial.form == form && (!only_faster || trial.gain_ns().is_some_and(|gain| gain > 0.0))
                    })
            };
            self.layers.iter().filter(takes).map(|layer| (layer.node.clone(), form)).collect()
        };
        let static_orders: &[Order] = &[Order::GainForDamage, Order::Damage];
        let gain_first: &[Order] = &[Order::GainForDamage];
        let mut families = vec![
            ("int8-static".to_owned(), of(QuantizeMode::Int8Static, false), static_orders),
            ("int8-static where faster".to_owned(), of(QuantizeMode::Int8Static, true), static_orders),
            ("the fastest form of each layer".to_owned(), self.fastest_forms(), gain_first),
            ("int8-dynamic where faster".to_owned(), of(QuantizeMode::Int8Dynamic, true), gain_first),
            ("weights-8 where faster".to_owned(), of(QuantizeMode::Weights8, true), gain_first),
        ];
        let mut seen = BTreeSet::new();
        families.retain(|(name, family, _)| {
            !family.is_empty() && !self.too_slow.contains(name) && seen.insert(family.clone())
        });
        families
    }

    /// Leaves the family of a candidate out from now on.
    pub(super) fn is_too_slow(&mut self, candidate: &Candidate) {
        self.too_slow.insert(candidate.family.clone());
    }

    fn fastest_forms(&self) -> Assignment {
        let fastest = |layer: &PrecisionLayer| {
            let faster = layer.trials.iter().filter(|trial| trial.gain_ns().is_some_and(|gain| gain > 0.0));
            let best = faster.min_by(|a, b| a.form_ns.unwrap_or(0.0).total_cmp(&b.form_ns.unwrap_or(0.0)))?;
            Some((layer.node.clone(), best.form))
        };
        self.layers.iter().filter(|layer| !is_table(layer)).filter_map(fastest).collect()
    }

    /// The most of a family that keeps the budget.
    fn within_budget(
        &mut self,
        name: &str,
        family: &Assignment,
        order: Order,
        share: f64,
    ) -> Result<Option<Candidate>> {
        let family: Vec<(String, QuantizeMode)> = family.clone().into_iter().collect();
        self.measure_damages(&family)?;
        let layers: Vec<Layer> = family.iter().map(|(node, form)| self.known(node, *form)).collect();
        let ranking = ranked(&layers, order);
        let (mut best, mut last) = (None, None);
        most_passing(&ranking, MORE_TRIES, |layers| {
            self.lab.check_cancelled()?;
            if !self.lab.has_time() {
                return Ok(false);
            }
            let part_name =
                format!("{name}, {} of {} layers{}", layers.len(), family.len(), described(order));
            let part: Assignment = layers.iter().map(|&at| family[at].clone()).collect();
            match self.attempt(name, &part_name, &part, share)? {
                Tried::Kept(candidate) => best = Some(*candidate),
                Tried::Out(rejected) => {
                    last = Some(rejected);
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if best.is_none() {
            self.rejected.extend(last);
        }
        Ok(best)
    }

    /// Measures what each layer alone does to the results, if that is not known yet.
    fn measure_damages(&mut self, family: &[(String, QuantizeMode)]) -> Result<()> {
        let unknown: Vec<_> = family
            .iter()
            .filter(|(node, form)| self.trial(node, *form).is_some_and(|trial| trial.damage.is_none()))
            .cloned()
            .collect();
        for (number, (node, form)) in unknown.iter().enumerate() {
            self.lab.check_cancelled()?;
            self.lab.tell(Some(number as f64 / unknown.len() as f64));
            if !self.lab.has_time() {
                break;
            }
            let only = Assignment::from([(node.clone(), *form)]);
            match self.figures_of(&only)? {
                Some(figures) => self.note_damage(node, *form, &figures),
                // A layer that makes the model invalid does all the damage that there is.
                None => self.note_damage(node, *form, &AccuracyFigures::default()),
            }
        }
        Ok(())
    }

    fn note_damage(&mut self, node: &str, form: QuantizeMode, figures: &AccuracyFigures) {
        let trials =
            self.layers.iter_mut().filter(|layer| layer.node == node).flat_map(|layer| &mut layer.trials);
        trials
            .filter(|trial| trial.form == form)
            .for_each(|trial| trial.damage = Some(1.0 - figures.mean_cosine));
    }

    fn trial(&self, node: &str, form: QuantizeMode) -> Option<&LayerTrial> {
        let layer = self.layers.iter().find(|layer| layer.node == node)?;
        layer.trials.iter().find(|trial| trial.form == form)
    }

    fn known(&self, node: &str, form: QuantizeMode) -> Layer {
        let trial = self.trial(node, form);
        let gain = trial.and_then(LayerTrial::gain_ns).unwrap_or(0.0);
        // Without time to measure it, suspect the worst.
        Layer { gain, damage: trial.and_then(|trial| trial.damage).unwrap_or(1.0) }
    }

    /// What a model with few changes gives on few samples; `None` if it is not valid.
    fn figures_of(&self, assignment: &Assignment) -> Result<Option<AccuracyFigures>> {
        let figures = self.build(assignment).and_then(|(model, _)| {
            let session = self.lab.session(&model)?;
            self.lab.accuracy(&session, self.short_reference)
        });
        unless_cancelled(figures)
    }

    /// Makes a candidate and holds it to a share of the budget.
    fn attempt(&self, family: &str, name: &str, assignment: &Assignment, share: f64) -> Result<Tried> {
        let mut whole = self.tables.clone();
        whole.extend(assignment.clone());
        let (name, quantized_count) = (name.to_owned(), whole.len() as u64);
        let out = |reason, accuracy| {
            Ok(Tried::Out(Rejected { name: name.clone(), reason, quantized_count, accuracy }))
        };
        let made = self.build(&whole).and_then(|(model, report)| {
            let session: Session = self.lab.session(&model)?;
            let accuracy = self.lab.accuracy(&session, self.reference)?;
            Ok((model, report, accuracy))
        });
        let (model, report, accuracy) = match made {
            Ok(made) => made,
            Err(error) if error.code() == ErrorCode::Cancelled => return Err(error),
            Err(error) => return out(error.to_string(), None),
        };
        if let Some(reason) = self.lab.breach(&accuracy, share) {
            return out(reason, Some(accuracy));
        }
        Ok(Tried::Kept(Box::new(Candidate {
            name,
            family: family.to_owned(),
            model,
            assignment: whole,
            blocks: Vec::new(),
            quantized_count: report.quantized_count,
            accuracy,
        })))
    }

    fn build(&self, assignment: &Assignment) -> Result<(Model, QuantizeReport)> {
        let is_left = |layer: &&PrecisionLayer| !assignment.contains_key(&layer.node);
        let options = QuantizeOptions {
            exclude: self.layers.iter().filter(is_left).map(|layer| layer.node.clone()).collect(),
            layers: assignment.clone(),
            ..self.options.clone()
        };
        quantize_with(self.model, QuantizeMode::Int8Dynamic, Some(self.calibration), &options, self.external)
    }
}

/// Nothing for an error, but for that of being cancelled.
pub(super) fn unless_cancelled<T>(result: Result<T>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == ErrorCode::Cancelled => Err(error),
        Err(_) => Ok(None),
    }
}

fn is_table(layer: &PrecisionLayer) -> bool {
    layer.op_type == "Gather"
}

fn described(order: Order) -> &'static str {
    match order {
        Order::GainForDamage => "",
        Order::Damage => ", the least harmful",
    }
}

/// A mode as options name it.
pub(super) fn name_of(mode: QuantizeMode) -> String {
    serde_json::to_value(mode).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
