//! What is reported of the samples: the columns, and each candidate's figures against the peer's.

use serde::Serialize;

use crate::contestants::PEER;
use crate::measure::{Heat, Lane};
use crate::statistics::{geometric_mean, median, quiet_ratio, ratio};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Creation,
    FirstOutput,
    Private,
    Shared,
    Steady,
}

impl Metric {
    pub const ALL: [Self; 5] = [Self::Creation, Self::FirstOutput, Self::Private, Self::Shared, Self::Steady];

    pub fn title(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::FirstOutput => "+ first output",
            Self::Private => "private",
            Self::Shared => "4 processes",
            Self::Steady => "steady",
        }
    }

    /// Its name in JSON, with the unit.
    pub fn key(self) -> &'static str {
        match self {
            Self::Creation => "create_ms",
            Self::FirstOutput => "first_output_ms",
            Self::Private => "private_mib",
            Self::Shared => "four_processes_mib",
            Self::Steady => "steady_ms",
        }
    }

    /// Every measured value of it, in milliseconds or MiB.
    fn values(self, lane: &Lane) -> Vec<f64> {
        let samples = lane.samples.iter();
        match self {
            Self::Creation => samples.map(|sample| milliseconds(sample.create_ns)).collect(),
            Self::FirstOutput => samples.map(|sample| milliseconds(sample.first_output_ns)).collect(),
            Self::Steady => lane.latencies.iter().copied().map(milliseconds).collect(),
            Self::Private => {
                let own = samples
                    .filter_map(|sample| Some(sample.anonymous_kib?.saturating_sub(sample.language_kib)));
                own.map(mebibytes).collect()
            }
            Self::Shared => lane.weights.iter().copied().map(mebibytes).collect(),
        }
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// One cell: the median, and how it compares with the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub median: f64,
    pub ratio: f64,
    /// The same of the quick quarters.
    pub quiet_ratio: f64,
}

/// The cell of a candidate; `None` if there is nothing to say.
pub fn figure(heat: &Heat, name: &str, metric: Metric) -> Option<Figure> {
    let lane = heat.lane(name).filter(|lane| lane.problem.is_none())?;
    let peer = heat.lane(PEER).filter(|lane| lane.problem.is_none())?;
    let (values, of_peer) = (metric.values(lane), metric.values(peer));
    Some(Figure {
        median: median(&values)?,
        ratio: ratio(&values, &of_peer)?,
        quiet_ratio: quiet_ratio(&values, &of_peer)?,
    })
}

/// A candidate's ratios on the models it could run, and their mean.
#[derive(Debug, PartialEq)]
pub struct Overall {
    pub mean: f64,
    /// The mean of the quiet ratios.
    pub quiet_mean: f64,
    /// The models with the ratios, the worst first.
    pub ratios: Vec<(&'static str, f64)>,
}

pub fn overall(heats: &[Heat], name: &str, metric: Metric) -> Option<Overall> {
    let figures = heats.iter().filter_map(|heat| Some((heat.model.name, figure(heat, name, metric)?)));
    let figures: Vec<(&'static str, Figure)> = figures.collect();
    let mean = |of: fn(&Figure) -> f64| {
        geometric_mean(&figures.iter().map(|(_, figure)| of(figure)).collect::<Vec<_>>())
    };
    let mut ratios: Vec<_> = figures.iter().map(|(model, figure)| (*model, figure.ratio)).collect();
    ratios.sort_by(|a, b| b.1.total_cmp(&a.1));
    Some(Overall {
        mean: mean(|figure| figure.ratio)?,
        quiet_mean: mean(|figure| figure.quiet_ratio)?,
        ratios,
    })
}
