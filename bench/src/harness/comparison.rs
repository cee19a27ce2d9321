//! The figures of one situation: what was measured of each candidate, and how it compares with the peer.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::agreement::Agreement;
use super::contestant::PLAIN_ORT;
use super::heat::{Heat, Lane};
use super::statistics::{Better, geometric_mean, median, quiet_ratio, ratio};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its title in tables.
    pub title: &'static str,
    /// Its name in JSON, with the unit.
    pub key: &'static str,
    /// Which values are better.
    pub better: Better,
}

impl Metric {
    /// One of time, memory or whatever else is better the less there is of it.
    pub const fn lower(title: &'static str, key: &'static str) -> Self {
        Self { title, key, better: Better::Lower }
    }

    /// One that is better the more there is of it.
    pub const fn higher(title: &'static str, key: &'static str) -> Self {
        Self { title, key, better: Better::Higher }
    }
}

/// A metric with what tells its values from what was measured of a candidate.
pub type Column<'a, M> = (Metric, &'a dyn Fn(&M) -> Vec<f64>);

/// One situation: a model, perhaps with a number of callers.
#[derive(Debug)]
pub struct Comparison {
    /// What it is.
    pub title: String,
    /// The candidate that the ratios are against.
    pub peer: &'static str,
    /// The columns.
    pub metrics: Vec<Metric>,
    /// The rows.
    pub entries: Vec<Entry>,
}

/// One candidate in a situation.
#[derive(Debug)]
pub struct Entry {
    /// The candidate.
    pub name: &'static str,
    /// Why there are no figures.
    pub problem: Option<String>,
    /// Whether it computed the same, and whether it had to.
    pub agreement: Option<(Agreement, bool)>,
    /// All values of each metric.
    pub values: Vec<Vec<f64>>,
}

/// One cell: the median, and how it compares with the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Of all values.
    pub median: f64,
    /// The median ratio.
    pub ratio: f64,
    /// The same of the quick quarters; one value has none.
    pub quiet_ratio: Option<f64>,
}

impl Comparison {
    /// Of all candidates of a heat with plain ONNX Runtime.
    pub fn new<M>(heat: &Heat<M>, title: impl Into<String>, columns: &[Column<M>]) -> Self {
        let entry = |lane: &Lane<M>| Entry {
            name: lane.contestant.name,
            problem: lane.problem.clone(),
            agreement: lane.agreement.map(|agreement| (agreement, lane.contestant.exact)),
            values: columns.iter().map(|(_, values)| values(&lane.measured)).collect(),
        };
        Self {
            title: title.into(),
            peer: PLAIN_ORT.name,
            metrics: columns.iter().map(|(metric, _)| *metric).collect(),
            entries: heat.lanes.iter().map(entry).collect(),
        }
    }

    /// The cell of a candidate; `None` if there is nothing to say.
    pub fn figure(&self, name: &str, metric: Metric) -> Option<Figure> {
        let (values, of_peer) = (self.values(name, metric)?, self.values(self.peer, metric)?);
        Some(Figure {
            median: median(values)?,
            ratio: ratio(values, of_peer)?,
            quiet_ratio: quiet_ratio(values, of_peer, metric.better).filter(|_| values.len() > 1),
        })
    }

    /// The cells of a candidate as JSON.
    pub fn figures(&self, name: &str) -> Map<String, Value> {
        let cell = |metric: &Metric| (metric.key.to_owned(), json!(self.figure(name, *metric)));
        self.metrics.iter().map(cell).collect()
    }

    /// The whole as JSON.
    pub fn record(&self) -> Value {
        let entry = |entry: &Entry| {
            let values = self.metrics.iter().zip(&entry.values);
            let values: Map<_, _> =
                values.map(|(metric, values)| (metric.key.to_owned(), json!(values))).collect();
            json!({ "candidate": entry.name, "figures": self.figures(entry.name), "values": values })
        };
        let entries: Vec<Value> = self.entries.iter().map(entry).collect();
        json!({ "title": self.title, "peer": self.peer, "candidates": entries })
    }

    /// All values of a candidate without problems.
    pub fn values(&self, name: &str, metric: Metric) -> Option<&[f64]> {
        let column = self.metrics.iter().position(|known| known.key == metric.key)?;
        let entry = self.entries.iter().find(|entry| entry.name == name && entry.problem.is_none())?;
        entry.values.get(column).map(Vec::as_slice)
    }
}

/// A candidate's ratios in the situations that it could be measured in, and their mean.
#[derive(Debug, PartialEq)]
pub struct Overall {
    /// The geometric mean.
    pub mean: f64,
    /// The mean of the quiet ratios.
    pub quiet_mean: Option<f64>,
    /// The situations with the ratios, the worst first.
    pub ratios: Vec<(String, f64)>,
}

/// The ratios of a candidate over several situations; `None` if there are none.
pub fn overall(comparisons: &[Comparison], name: &str, metric: Metric) -> Option<Overall> {
    let figures = comparisons
        .iter()
        .filter_map(|comparison| Some((comparison.title.clone(), comparison.figure(name, metric)?)));
    let figures: Vec<(String, Figure)> = figures.collect();
    let mut ratios: Vec<_> = figures.iter().map(|(title, figure)| (title.clone(), figure.ratio)).collect();
    let quiet: Option<Vec<f64>> = figures.iter().map(|(_, figure)| figure.quiet_ratio).collect();
    ratios.sort_by(|a, b| metric.better.order(b.1, a.1));
    Some(Overall {
        mean: geometric_mean(&ratios.iter().map(|(_, ratio)| *ratio).collect::<Vec<_>>())?,
        quiet_mean: quiet.and_then(|quiet| geometric_mean(&quiet)),
        ratios,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Metric = Metric::lower("time", "time_ms");
    const RATE: Metric = Metric::higher("rate", "runs_per_s");

    fn comparison(title: &str, factor: f64) -> Comparison {
        let entry = |name, factor: f64| Entry {
            name,
            problem: None,
            agreement: None,
            values: vec![vec![2.0 * factor, 4.0 * factor], vec![10.0 / factor]],
        };
        let entries = vec![entry(PLAIN_ORT.name, 1.0), entry("x", factor)];
        Comparison { title: title.into(), peer: PLAIN_ORT.name, metrics: vec![TIME, RATE], entries }
    }

    #[test]
    fn figures_are_against_the_peer_and_the_worst_is_known() {
        let comparisons = [comparison("a", 0.5), comparison("b", 2.0)];
        let figure = Figure { median: 1.0, ratio: 0.5, quiet_ratio: Some(0.5) };
        assert_eq!(comparisons[0].figure("x", TIME), Some(figure));
        assert_eq!(comparisons[0].figure("x", RATE).unwrap().quiet_ratio, None);
        assert_eq!(comparisons[0].figure("y", TIME), None);

        let (time, rate) =
            (overall(&comparisons, "x", TIME).unwrap(), overall(&comparisons, "x", RATE).unwrap());
        assert!((time.mean - 1.0).abs() < 1e-12 && rate.quiet_mean.is_none());
        assert_eq!(time.ratios, [("b".to_owned(), 2.0), ("a".to_owned(), 0.5)]);
        assert_eq!(rate.ratios, [("b".to_owned(), 0.5), ("a".to_owned(), 2.0)]);
        assert_eq!(overall(&[], "x", TIME), None);
    }

    #[test]
    fn who_has_a_problem_has_no_figures() {
        let mut comparison = comparison("a", 1.0);
        comparison.entries[0].problem = Some("gone".into());
        assert_eq!(comparison.figure("x", TIME), None);
    }
}
