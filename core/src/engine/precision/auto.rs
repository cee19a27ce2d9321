//! `precision: auto`: rewrites, learns ranges, makes candidates, races them, and verifies the winner on unseen samples.

use super::candidates::{Candidate, Workshop};
use super::contest::{Entrant, as_entrants, race};
use super::kernels::Workbench;
use super::lab::{Lab, Reference, for_trials};
use super::options::PrecisionOptions;
use super::rewritten::{Rewritten, rewrite};
use super::{PrecisionChoice, Source, learn, report};
use crate::engine::calibrate::Batches;
use crate::engine::race::{Outcome, ratio};
use crate::engine::runtime::{Sample, SessionOptions};
use crate::engine::session::Session;
use crate::model::Model;
use crate::quantize::{
    AccuracyFigures, Calibration, Division, PrecisionCandidate, QuantizeOptions, SampleCounts,
};
use crate::{ErrorKind, Result};

/// The shares of the budget that candidates may use on the samples they are chosen by. The rest is room for samples that
/// were not seen; where it was too little, less is tried.
const SHARES: [f64; 3] = [0.85, 0.5, 0.25];
/// A family that took more than this share of the time is not tried with fewer layers.
const WORTH_ANOTHER_TRY: f64 = 0.9;
/// Samples for what is tried very often, and samples that race.
const SHORT_COUNT: usize = 8;
const RACE_COUNT: usize = 8;

pub(super) fn choose(source: &Source<'_>, options: &PrecisionOptions) -> Result<PrecisionChoice> {
    let trials =
        SessionOptions { external_data_folder: source.folder.clone(), ..for_trials(&options.session) };
    let original = Session::of_model(source.model, &trials)?;
    let samples = Batches::open(&options.session.samples, source.model)?;
    let division = Division::of(samples.count(), options.seed)?;
    let lab = Lab::new(options, trials, samples);
    lab.begin("running the original");
    let reference = lab.reference(&original, &division.selection)?;
    let mut search = Search {
        source,
        lab: &lab,
        original: &original,
        racing: lab.batches(&division.selection, RACE_COUNT)?,
        reference: &reference,
        division: &division,
        table: Vec::new(),
        warnings: Vec::new(),
    };
    search.run()
}

/// The model to beat: the original, or the rewritten one if that is faster, and then by how much of the original's time.
struct Champion<'m> {
    title: &'static str,
    model: &'m Model,
    ratio: Option<f64>,
}

struct Search<'a> {
    source: &'a Source<'a>,
    lab: &'a Lab<'a>,
    original: &'a Session,
    racing: Vec<Sample>,
    reference: &'a Reference,
    division: &'a Division,
    /// What is told of every candidate, the original first.
    table: Vec<PrecisionCandidate>,
    warnings: Vec<String>,
}

impl<'a> Search<'a> {
    fn run(&mut self) -> Result<PrecisionChoice> {
        let rewritten = self.rewritten()?;
        let champion = self.champion(&rewritten)?;
        let calibration = self.ranges(&rewritten.model)?;
        let short = self.reference.first(SHORT_COUNT);
        let references = [self.reference, &short];
        let external = self.source.external;
        let learned = (calibration.as_ref(), self.division.calibration.as_slice());
        let mut bench = Workbench::open(self.lab, &rewritten.model, external, learned, references)?;
        let mut workshop = match &calibration {
            Some(calibration) => {
                let options = QuantizeOptions::default();
                let model = &rewritten.model;
                Some(Workshop::open(self.lab, model, calibration, external, references, options)?)
            }
            None => None,
        };
        let winner = self.winner(workshop.as_mut(), &mut bench, &champion)?;
        let layers = workshop.map_or_else(Vec::new, |mut workshop| {
            self.warnings.append(&mut workshop.warnings);
            workshop.layers
        });
        let about = report::About {
            lab: self.lab,
            source: self.source,
            samples: self.counts(),
            layers,
            blocks: bench.left(),
            rewritings: rewritten.rewritings.clone(),
            candidates: std::mem::take(&mut self.table),
            warnings: std::mem::take(&mut self.warnings),
        };
        match winner {
            Some(winner) => Ok(about.of_winner(winner)),
            None if champion.ratio.is_some() => self.of_rewritten(about, &champion),
            None => Ok(about.of_original()),
        }
    }

    /// How large activations get; nothing if there was not the time to see all samples.
    fn ranges(&mut self, model: &Model) -> Result<Option<Calibration>> {
        self.lab.begin("learning the ranges of activations");
        match learn(self.lab, model, &self.division.calibration, Some(self.lab.left())) {
            Ok(calibration) => Ok(Some(calibration)),
            Err(error) if matches!(error.kind(), ErrorKind::DeadlineExceeded { .. }) => {
                self.warnings
                    .push("not quantized: time was up before the ranges of activations were known".into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn counts(&self) -> SampleCounts {
        SampleCounts {
            calibration: self.division.calibration.len() as u64,
            selection: self.reference.len() as u64,
            verification: self.division.verification.len() as u64,
        }
    }

    /// The original without what costs time and changes nothing but rounding. As it was, if that shows in the results.
    fn rewritten(&mut self) -> Result<Rewritten> {
        let rewritten = rewrite(self.source.model, self.source.external, &mut self.warnings)?;
        if rewritten.model == *self.source.model {
            return Ok(rewritten);
        }
        let figures = self
            .lab
            .session(&rewritten.model)
            .and_then(|session| self.lab.accuracy(&session, self.reference));
        if figures.is_err() {
            self.lab.check_cancelled()?;
        }
        Ok(rewritten.or_untouched(self.source.model, figures, &mut self.warnings))
    }

    /// The rewritten model if it is faster than the original, else that: quantizing has to pay beside what costs nothing.
    fn champion<'m>(&mut self, rewritten: &'m Rewritten) -> Result<Champion<'m>>
    where
        'a: 'm,
    {
        self.table.push(report::original(self.source.model));
        let original = Champion { title: "the original", model: self.source.model, ratio: None };
        if rewritten.accuracy.is_none() {
            return Ok(original);
        }
        self.lab.begin("racing the rewritten model");
        let others = [("rewritten".to_owned(), &rewritten.model)];
        let outcome = race(self.lab, ("the original", self.source.model), &others, &self.racing)?;
        report::note_times(&mut self.table[0], &outcome, 0);
        self.table.push(report::rewritten(rewritten, &outcome));
        Ok(match outcome.chosen {
            0 => original,
            _ => {
                let ratio = outcome.runners[1].final_ratio;
                Champion { title: "the rewritten model", model: &rewritten.model, ratio }
            }
        })
    }

    /// The fastest candidate that is faster than the champion and keeps the budget on unseen samples, if there is one.
    fn winner(
        &mut self,
        mut workshop: Option<&mut Workshop<'_>>,
        bench: &mut Workbench<'_>,
        champion: &Champion<'_>,
    ) -> Result<Option<report::Winner>> {
        for share in SHARES {
            let mut candidates = bench.candidates(share)?;
            bench.rejected.drain(..).map(report::rejected).for_each(|row| self.tell_of(row));
            if let Some(workshop) = workshop.as_mut() {
                candidates.extend(workshop.candidates(share)?);
                workshop.rejected.drain(..).map(report::rejected).for_each(|row| self.tell_of(row));
            }
            if candidates.is_empty() || !self.lab.has_time() {
                break;
            }
            self.lab.begin("racing the candidates");
            let outcome = self.race(champion, &candidates)?;
            self.note(&candidates, &outcome);
            let Some(at) = outcome.chosen.checked_sub(1) else { break };
            for (candidate, runner) in candidates.iter().zip(&outcome.runners[1..]) {
                if ratio(&outcome.runners[0], runner).is_none_or(|ratio| ratio > WORTH_ANOTHER_TRY) {
                    bench.is_too_slow(candidate);
                    workshop.iter_mut().for_each(|workshop| workshop.is_too_slow(candidate));
                }
            }
            let candidate = candidates.swap_remove(at);
            self.lab.begin("verifying the winner");
            let accuracy = self.verify(&candidate.model)?;
            let Some(breach) = self.lab.options.session.accuracy.breach(&accuracy, 1.0) else {
                let final_ratio = outcome.runners[at + 1].final_ratio;
                let time_ratio = final_ratio.map(|ratio| ratio * champion.ratio.unwrap_or(1.0));
                return Ok(Some(report::Winner { candidate, accuracy, time_ratio }));
            };
            // The others use the budget as much. With less of it, there is more room for what was not seen.
            self.refute(&candidate.name, &breach.to_string());
        }
        Ok(None)
    }

    fn race(&self, champion: &Champion<'_>, candidates: &[Candidate]) -> Result<Outcome<Entrant>> {
        race(self.lab, (champion.title, champion.model), &as_entrants(candidates), &self.racing)
    }

    /// How far a model is off on the samples that took no part in any choice.
    fn verify(&self, model: &Model) -> Result<AccuracyFigures> {
        let session = self.lab.session(model)?;
        self.lab.compare(self.original, &session, &self.division.verification)
    }

    fn note(&mut self, candidates: &[Candidate], outcome: &Outcome<Entrant>) {
        let is_first_race = self.table[0].median_ns.is_none();
        if is_first_race {
            report::note_times(&mut self.table[0], outcome, 0);
        }
        for (number, candidate) in candidates.iter().enumerate() {
            let mut row = report::candidate(candidate);
            let runner = &outcome.runners[number + 1];
            report::note_times(&mut row, outcome, number + 1);
            row.ratio = ratio(&outcome.runners[0], runner);
            row.is_chosen = outcome.chosen == number + 1;
            row.reason = (!row.is_chosen).then(|| runner.reason.clone());
            self.tell_of(row);
        }
    }

    /// Puts a candidate into the table, in the place of what was told of it before.
    fn tell_of(&mut self, row: PrecisionCandidate) {
        self.table.retain(|known| known.name != row.name);
        self.table.push(row);
    }

    /// The winner of a race is none: on samples that were not seen it is too far off.
    fn refute(&mut self, name: &str, breach: &str) {
        if let Some(row) = self.table.iter_mut().find(|row| row.name == name) {
            row.is_chosen = false;
            row.reason = Some(format!("on samples that took no part in the choice, {breach}"));
        }
    }

    fn of_rewritten(&self, about: report::About<'_>, champion: &Champion<'_>) -> Result<PrecisionChoice> {
        let figures = self.verify(champion.model)?;
        Ok(about.of_rewritten(champion.model, figures, champion.ratio))
    }
}
