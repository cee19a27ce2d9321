//! Targets, and whether they were met.

use std::fmt;

use serde::Serialize;

use super::comparison::{Comparison, Metric, Overall, overall};
use super::statistics::Better;

/// A limit on the geometric mean of a candidate's ratios, and perhaps one on each of them.
pub struct Target<'a> {
    /// The column that it is about; which ratios are better tells the side of the limit.
    pub metric: Metric,
    /// How the verdict calls it.
    pub what: &'a str,
    /// The limit on the mean.
    pub mean: f64,
    /// The limit on each.
    pub each: Option<f64>,
}

/// Whether a target was met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    what: String,
    limit: f64,
    /// No situation may be beyond this.
    limit_each: Option<f64>,
    /// On which side of the limit it has to be.
    better: Better,
    mean: Option<f64>,
    /// The same of the quick quarters: information, not part of the verdict.
    quiet_mean: Option<f64>,
    /// The situation with the worst ratio.
    worst: Option<(String, f64)>,
    /// What the mean would be if the models needed nothing at all: the runtime alone.
    floor: Option<f64>,
    /// Whether every situation was measured.
    complete: bool,
    met: bool,
}

impl Target<'_> {
    /// Judges a candidate in these situations.
    pub fn judge(&self, comparisons: &[Comparison], name: &str) -> Verdict {
        self.verdict(overall(comparisons, name, self.metric), comparisons.len())
    }

    fn verdict(&self, overall: Option<Overall>, situations: usize) -> Verdict {
        let better = self.metric.better;
        let keeps = |ratio: f64, limit: f64| better.order(ratio, limit).is_le();
        let worst = overall.as_ref().and_then(|overall| overall.ratios.first().cloned());
        let complete = overall.as_ref().is_some_and(|overall| overall.ratios.len() == situations);
        let mean = overall.as_ref().map(|overall| overall.mean);
        let met = complete
            && mean.is_some_and(|mean| keeps(mean, self.mean))
            && self.each.is_none_or(|each| worst.as_ref().is_some_and(|(_, worst)| keeps(*worst, each)));
        Verdict {
            what: self.what.into(),
            limit: self.mean,
            limit_each: self.each,
            better,
            mean,
            quiet_mean: overall.and_then(|overall| overall.quiet_mean),
            worst,
            floor: None,
            complete,
            met,
        }
    }
}

impl Verdict {
    /// The same, with what the runtime alone would give.
    #[must_use]
    pub fn with_floor(self, floor: Option<f64>) -> Self {
        Self { floor, ..self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit) = (&self.what, self.limit);
        let side = match self.better {
            Better::Lower => "at most",
            Better::Higher => "at least",
        };
        let Some((mean, (situation, worst))) = self.mean.zip(self.worst.as_ref()) else {
            return write!(f, "not measured  {what}: {side} {limit:.2}x");
        };
        let word = match (self.met, self.complete) {
            (true, _) => "met",
            (false, true) => "missed",
            (false, false) => "incomplete",
        };
        write!(f, "{word:<12}  {what}: {mean:.2}x, {side} {limit:.2}x; worst {worst:.2}x ({situation})")?;
        if let Some(each) = self.limit_each {
            write!(f, ", {side} {each:.2}x")?;
        }
        // Memory has a floor, and nobody who disturbs it.
        match (self.floor, self.quiet_mean) {
            (Some(floor), _) => write!(f, "; the runtime alone is {floor:.2}x"),
            (None, Some(quiet)) => write!(f, "; of the quick quarters {quiet:.2}x"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(metric: Metric) -> Target<'static> {
        Target { metric, what: "creation + first output", mean: 0.5, each: Some(1.0) }
    }

    fn verdict(ratios: &[(&'static str, f64)], mean: f64) -> Verdict {
        let ratios = ratios.iter().map(|(model, ratio)| ((*model).to_owned(), *ratio)).collect();
        let overall = Overall { mean, quiet_mean: Some(mean), ratios };
        target(Metric::lower("", "")).verdict(Some(overall), 2)
    }

    #[test]
    fn a_target_is_met_by_the_mean_and_by_each() {
        assert!(verdict(&[("a", 0.9), ("b", 0.1)], 0.3).met);
        assert!(!verdict(&[("a", 0.6), ("b", 0.6)], 0.6).met);
        assert!(!verdict(&[("a", 1.1), ("b", 0.1)], 0.3).met);
        assert!(!verdict(&[("a", 0.1)], 0.1).met);
        assert!(!target(Metric::lower("", "")).verdict(None, 2).met);
    }

    #[test]
    fn throughput_has_to_be_above_the_limit() {
        let target = Target { each: None, ..target(Metric::higher("", "")) };
        let overall = |mean| Overall { mean, quiet_mean: None, ratios: vec![("a".into(), mean)] };
        let met = target.verdict(Some(overall(0.6)), 1);
        assert_eq!(
            met.to_string(),
            "met           creation + first output: 0.60x, at least 0.50x; worst 0.60x (a)"
        );
        assert!(met.met && !target.verdict(Some(overall(0.4)), 1).met);
    }

    #[test]
    fn a_verdict_says_the_figures() {
        let text = verdict(&[("a", 1.1), ("b", 0.1)], 0.33).to_string();
        assert_eq!(
            text,
            "missed        creation + first output: 0.33x, at most 0.50x; worst 1.10x (a), at most 1.00x; of the quick quarters 0.33x"
        );
        assert!(verdict(&[("a", 0.1)], 0.1).to_string().starts_with("incomplete"));
        let nothing = target(Metric::lower("", "")).verdict(None, 2);
        assert!(nothing.to_string().starts_with("not measured"));
    }
}
