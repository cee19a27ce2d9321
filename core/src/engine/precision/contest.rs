//! Who races when a precision is chosen: the model to beat, and others in other forms.

use std::fmt;
use std::time::{Duration, Instant};

use super::candidates::Candidate;
use super::lab::Lab;
use crate::Result;
use crate::engine::race::{Contest, Course, Entry, Outcome, Place, Race, Rules, Sessions};
use crate::engine::runtime::Sample;
use crate::engine::session::{Outputs, Session};
use crate::model::Model;

/// A winner is faster than the model to beat by at least this share: what differs in results has to be worth it.
const MARGIN: f64 = 0.05;
/// The probability that a final with a candidate that is no faster by the margin is won by chance.
const SIGNIFICANCE: f64 = 0.01;
/// The most that one race takes, and its share of the time that is left.
const LONGEST: Duration = Duration::from_secs(75);
const SHARE_OF_TIME: f64 = 0.5;

/// A candidate, by its number; 0 is the model to beat.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entrant {
    number: usize,
    name: String,
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

struct Field<'a> {
    lab: &'a Lab<'a>,
    to_beat: &'a Model,
    others: &'a [(String, &'a Model)],
}

impl Contest for Field<'_> {
    type Candidate = Entrant;

    fn session(&self, entrant: &Entrant) -> Result<Session> {
        let other = entrant.number.checked_sub(1).and_then(|index| self.others.get(index));
        self.lab.session(other.map_or(self.to_beat, |(_, model)| model))
    }

    /// How far results are off was found out before, on more samples.
    fn judge(&self, _: &Entrant, _: &mut dyn Iterator<Item = (&Outputs, Outputs)>) -> Entry {
        Entry::Ready { max_difference: 0.0 }
    }

    fn tell(&self, _: &Entrant, _: Place) {
        self.lab.tell(None);
    }
}

/// Races models against the one to beat, called `title`, on the samples; runner 0 is the one to beat.
///
/// # Errors
/// Those of running the model to beat; `cancelled`.
pub(super) fn race(
    lab: &Lab<'_>,
    (title, to_beat): (&str, &Model),
    others: &[(String, &Model)],
    samples: &[Sample],
) -> Result<Outcome<Entrant>> {
    let field = Field { lab, to_beat, others };
    let course = Course {
        samples,
        concurrency: 1,
        start: Instant::now(),
        time_limit: lab.left().mul_f64(SHARE_OF_TIME).min(LONGEST),
        cancel: lab.cancel(),
    };
    let mut sessions = Sessions::new(field, course);
    let rules =
        Rules { margin: MARGIN, significance: SIGNIFICANCE, seed: lab.options.seed, default_name: title };
    let entrant =
        |(index, (name, _)): (usize, &(String, &Model))| Entrant { number: index + 1, name: name.clone() };
    // Each in a group of its own, so that the best two get a final.
    let entrants = others.iter().enumerate().map(|other| (other.0, entrant(other))).collect();
    Race::new(&mut sessions, rules).run(entrants, |_| Vec::new())
}

/// Names and models, as a race takes them.
pub(super) fn as_entrants(candidates: &[Candidate]) -> Vec<(String, &Model)> {
    candidates.iter().map(|candidate| (candidate.name.clone(), &candidate.model)).collect()
}
