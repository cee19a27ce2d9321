//! The targets, and whether they were met.

use std::fmt;

use serde::Serialize;

use crate::contestants::{PEER, SUBJECT};
use crate::figures::{Metric, Overall, figure, overall};
use crate::measure::Heat;
use crate::statistics::geometric_mean;

/// A limit on the geometric mean of the subject's ratios, and perhaps one on each of them.
struct Target {
    metric: Metric,
    what: &'static str,
    mean: f64,
    each: Option<f64>,
}

const TARGETS: [Target; 4] = [
    Target { metric: Metric::FirstOutput, what: "creation + first output", mean: 0.5, each: Some(1.0) },
    Target { metric: Metric::Private, what: "private memory", mean: 0.3, each: None },
    Target { metric: Metric::Shared, what: "memory of 4 processes", mean: 0.4, each: None },
    Target { metric: Metric::Steady, what: "steady latency", mean: 1.02, each: None },
];

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    what: &'static str,
    limit: f64,
    /// No model may be beyond this.
    limit_each: Option<f64>,
    mean: Option<f64>,
    /// The same of the quick quarters: information, not part of the verdict.
    quiet_mean: Option<f64>,
    /// The model with the worst ratio.
    worst: Option<(&'static str, f64)>,
    /// What the mean would be if the models needed nothing at all: the runtime alone.
    floor: Option<f64>,
    /// Whether every model was measured.
    complete: bool,
    met: bool,
}

impl Verdict {
    fn new(target: &Target, overall: Option<&Overall>, floor: Option<f64>, models: usize) -> Self {
        let worst = overall.and_then(|overall| overall.ratios.first().copied());
        let complete = overall.is_some_and(|overall| overall.ratios.len() == models);
        let mean = overall.map(|overall| overall.mean);
        let quiet_mean = overall.map(|overall| overall.quiet_mean);
        let met = complete
            && mean.is_some_and(|mean| mean <= target.mean)
            && target.each.is_none_or(|each| worst.is_some_and(|(_, worst)| worst <= each));
        let (limit, limit_each) = (target.mean, target.each);
        Self { what: target.what, limit, limit_each, mean, quiet_mean, worst, floor, complete, met }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((mean, (model, worst))) = self.mean.zip(self.worst) else {
            return write!(f, "not measured  {}: at most {:.2}x", self.what, self.limit);
        };
        let word = match (self.met, self.complete) {
            (true, _) => "met",
            (false, true) => "missed",
            (false, false) => "incomplete",
        };
        write!(
            f,
            "{word:<12}  {}: {mean:.2}x, at most {:.2}x; worst {worst:.2}x ({model})",
            self.what, self.limit
        )?;
        if let Some(each) = self.limit_each {
            write!(f, ", at most {each:.2}x")?;
        }
        // Memory has a floor, and nobody who disturbs it.
        match (self.floor, self.quiet_mean) {
            (Some(floor), _) => write!(f, "; the runtime alone is {floor:.2}x"),
            (None, Some(quiet)) => write!(f, "; of the quick quarters {quiet:.2}x"),
            (None, None) => Ok(()),
        }
    }
}

pub fn verdicts(heats: &[Heat], floor: &Heat) -> Vec<Verdict> {
    let judge = |target: &Target| {
        let overall = overall(heats, SUBJECT, target.metric);
        let is_memory = matches!(target.metric, Metric::Private | Metric::Shared);
        let floor = floor_ratio(heats, floor, target.metric).filter(|_| is_memory);
        Verdict::new(target, overall.as_ref(), floor, heats.len())
    };
    TARGETS.iter().map(judge).collect()
}

/// The geometric mean, over the models, of what the runtime needs by itself against what the peer needs.
fn floor_ratio(heats: &[Heat], floor: &Heat, metric: Metric) -> Option<f64> {
    let own = figure(floor, PEER, metric)?.median;
    let ratios: Vec<f64> =
        heats.iter().filter_map(|heat| Some(own / figure(heat, PEER, metric)?.median)).collect();
    geometric_mean(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ratios: &[(&'static str, f64)], mean: f64) -> Verdict {
        Verdict::new(&TARGETS[0], Some(&Overall { mean, quiet_mean: mean, ratios: ratios.to_vec() }), None, 2)
    }

    #[test]
    fn a_target_is_met_by_the_mean_and_by_each() {
        assert!(verdict(&[("a", 0.9), ("b", 0.1)], 0.3).met);
        assert!(!verdict(&[("a", 0.6), ("b", 0.6)], 0.6).met);
        assert!(!verdict(&[("a", 1.1), ("b", 0.1)], 0.3).met);
        assert!(!verdict(&[("a", 0.1)], 0.1).met);
        assert!(!Verdict::new(&TARGETS[0], None, None, 2).met);
    }

    #[test]
    fn a_verdict_says_the_figures() {
        let text = verdict(&[("a", 1.1), ("b", 0.1)], 0.33).to_string();
        assert_eq!(
            text,
            "missed        creation + first output: 0.33x, at most 0.50x; worst 1.10x (a), at most 1.00x; of the quick quarters 0.33x"
        );
        assert!(verdict(&[("a", 0.1)], 0.1).to_string().starts_with("incomplete"));
        assert!(Verdict::new(&TARGETS[0], None, None, 2).to_string().starts_with("not measured"));
    }
}
