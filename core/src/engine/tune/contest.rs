//! What races when a model is tuned: one file under changed options, whose outputs have to stay the same.

use std::path::Path;
use std::time::Duration;

use super::options::{TuneOptions, TuneProgress};
use crate::Result;
use crate::engine::compile::PlanChanges;
use crate::engine::race::{Contest, Entry, Place, difference_of_outputs, racing};
use crate::engine::runtime::SessionOptions;
use crate::engine::session::{Outputs, Session};

pub(super) struct Changed<'a> {
    path: &'a Path,
    options: &'a TuneOptions,
    base: SessionOptions,
}

impl<'a> Changed<'a> {
    pub(super) fn new(path: &'a Path, options: &'a TuneOptions) -> Self {
        Self { path, options, base: racing(&options.session) }
    }
}

impl Contest for Changed<'_> {
    type Candidate = PlanChanges;

    fn session(&self, changes: &PlanChanges) -> Result<Session> {
        Session::load(self.path, &changes.apply(&self.base))
    }

    fn judge(&self, _: &PlanChanges, runs: &mut dyn Iterator<Item = (&Outputs, Outputs)>) -> Entry {
        let mut largest = 0.0_f64;
        for (expected, found) in runs {
            match difference_of_outputs(expected, &found) {
                Ok(difference) => largest = largest.max(difference),
                Err(reason) => return Entry::Out { reason, max_difference: None },
            }
        }
        if largest > self.options.tolerance {
            let reason = format!(
                "an output differs from the default's by {largest:.1e} of its magnitude; {:.1e} is allowed",
                self.options.tolerance
            );
            return Entry::Out { reason, max_difference: Some(largest) };
        }
        Entry::Ready { max_difference: largest }
    }

    fn tell(&self, changes: &PlanChanges, place: Place) {
        if let Some(observer) = &self.options.progress {
            observer.tell(&TuneProgress {
                candidate: changes.to_string(),
                round: place.round,
                remaining_count: place.remaining_count,
                elapsed_ns: nanoseconds(place.elapsed),
                time_limit_ns: nanoseconds(Duration::from_millis(self.options.time_limit_ms)),
            });
        }
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
