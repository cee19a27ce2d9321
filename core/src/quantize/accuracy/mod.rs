//! How far the results of a changed model may be off, and how far they are.

mod judge;
mod similarity;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::tensor::Value;
use crate::{Error, Result};

pub use judge::AccuracyJudge;

/// How far the results of a changed model may be off, compared with the original's on the same samples. Whatever is
/// `None` is not asked for.
///
/// How similar two outputs are is a number up to 1. Of floats it is the cosine, and at most `1 - r² / 2`, where `r` is the
/// error's share of the length, so that a result of the right direction and another length is off too. Of integers,
/// texts and the like it is the share of elements that are equal. Outputs of another type or shape, and those with NaN or
/// infinities elsewhere, have the similarity 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Accuracy {
    /// The least similarity of any output of any sample, up to 1. Default: 0.997.
    pub min_cosine: Option<f64>,
    /// The least mean of the similarities, up to 1. Default: 0.999.
    pub mean_cosine: Option<f64>,
    /// The largest difference of any element of any output, in the output's own unit.
    pub max_absolute_error: Option<f64>,
    /// The least share, 0 to 1, of rows (along the last axis) whose largest element is at the same index.
    pub top1_agreement: Option<f64>,
    /// The caller's own measure.
    #[serde(skip)]
    pub measure: Option<Measure>,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self {
            min_cosine: Some(0.997),
            mean_cosine: Some(0.999),
            max_absolute_error: None,
            top1_agreement: None,
            measure: None,
        }
    }
}

/// How far results were off. The figures are those of [`Accuracy`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccuracyFigures {
    /// Samples that were compared.
    pub sample_count: u64,
    /// The least similarity of any output of any sample.
    pub min_cosine: f64,
    /// The mean of the similarities.
    pub mean_cosine: f64,
    /// The largest difference of any two finite elements; 0 if no output is of floats.
    pub max_absolute_error: f64,
    /// The share of rows whose largest element is at the same index; `None` if no output has rows of several floats.
    pub top1_agreement: Option<f64>,
    /// The mean of the caller's own measure; `None` if there is none.
    pub measure: Option<f64>,
}

/// What a budget does not allow.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// The figure.
    pub metric: &'static str,
    /// What the budget says.
    pub budget: f64,
    /// What it is.
    pub actual: f64,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:.6}, the budget is {}", self.metric, self.actual, self.budget)
    }
}

impl Accuracy {
    /// Whether the budget makes sense.
    ///
    /// # Errors
    /// `invalid_argument` that names the figure.
    pub fn check(&self) -> Result<()> {
        let share = |name: &str, share: Option<f64>| match share {
            Some(share) if !(0.0..=1.0).contains(&share) => Err(Error::invalid_argument(
                format!("accuracy.{name}"),
                format!("{share} is not between 0 and 1"),
            )),
            _ => Ok(()),
        };
        share("min_cosine", self.min_cosine)?;
        share("mean_cosine", self.mean_cosine)?;
        share("top1_agreement", self.top1_agreement)?;
        if let Some(error) = self.max_absolute_error.filter(|error| !(error.is_finite() && *error >= 0.0)) {
            let reason = format!("{error} is no error of at least 0");
            return Err(Error::invalid_argument("accuracy.max_absolute_error", reason));
        }
        if self.measure.as_ref().is_some_and(|measure| measure.at_least.is_nan()) {
            return Err(Error::invalid_argument("accuracy.measure", "its bound is NaN"));
        }
        if *self == (Self { min_cosine: None, mean_cosine: None, ..Self::nothing() }) {
            return Err(Error::invalid_argument("accuracy", "it asks for nothing: any result would do"));
        }
        Ok(())
    }

    fn nothing() -> Self {
        Self {
            min_cosine: None,
            mean_cosine: None,
            max_absolute_error: None,
            top1_agreement: None,
            measure: None,
        }
    }

    /// The first thing about the figures that the budget does not allow; `None` if they keep it.
    ///
    /// `share` of the allowed damage may be used: 1 for all of it; less leaves room for samples that were not seen.
    pub fn breach(&self, figures: &AccuracyFigures, share: f64) -> Option<Breach> {
        let at_least = |metric, bound: Option<f64>, actual: f64| {
            let bound = bound?;
            // Written so that NaN is a breach.
            let is_kept = 1.0 - actual <= (1.0 - bound) * share + ROUNDING;
            (!is_kept).then_some(Breach { metric, budget: bound, actual })
        };
        at_least("minimum cosine", self.min_cosine, figures.min_cosine)
            .or_else(|| at_least("mean cosine", self.mean_cosine, figures.mean_cosine))
            .or_else(|| {
                at_least("top-1 agreement", self.top1_agreement, figures.top1_agreement.unwrap_or(0.0))
            })
            .or_else(|| {
                let bound = self.max_absolute_error?;
                let is_kept = figures.max_absolute_error <= bound * share;
                let (metric, actual) = ("maximum absolute error", figures.max_absolute_error);
                (!is_kept).then_some(Breach { metric, budget: bound, actual })
            })
            .or_else(|| {
                // Of an unknown measure there is no telling what a share of the damage would be.
                let bound = self.measure.as_ref()?.at_least;
                let actual = figures.measure.unwrap_or(f64::NAN);
                let is_kept = actual >= bound;
                (!is_kept).then_some(Breach { metric: "the caller's measure", budget: bound, actual })
            })
    }
}

/// Figures are sums of many: this little is rounding.
const ROUNDING: f64 = 1e-12;

/// The caller's own measure of how good results are: a function of the reference's and the candidate's outputs for one
/// sample, by name and in the model's order. Larger is better.
#[derive(Clone)]
pub struct Measure {
    function: Arc<MeasureFunction>,
    /// The least that the mean over the samples may be.
    pub at_least: f64,
}

/// Outputs of one run.
pub type NamedValues<'a> = [(&'a str, &'a Value)];

type MeasureFunction = dyn Fn(&NamedValues<'_>, &NamedValues<'_>) -> f64 + Send + Sync;

impl Measure {
    /// Judges with this function. NaN counts as a failure of the candidate.
    pub fn new(
        at_least: f64,
        function: impl Fn(&NamedValues<'_>, &NamedValues<'_>) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { function: Arc::new(function), at_least }
    }

    fn of(&self, reference: &NamedValues<'_>, candidate: &NamedValues<'_>) -> f64 {
        (self.function)(reference, candidate)
    }
}

impl PartialEq for Measure {
    /// Whether both are clones of one measure, with the same bound.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.at_least == other.at_least
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measure(at least {})", self.at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(min: f64, mean: f64) -> AccuracyFigures {
        AccuracyFigures { sample_count: 3, min_cosine: min, mean_cosine: mean, ..Default::default() }
    }

    #[test]
    fn budgets_that_make_no_sense_are_refused_by_name() {
        for (json, named) in [
            (r#"{ "min_cosine": 1.1 }"#, "min_cosine"),
            (r#"{ "mean_cosine": -0.1 }"#, "mean_cosine"),
            (r#"{ "top1_agreement": 2 }"#, "top1_agreement"),
            (r#"{ "max_absolute_error": -1 }"#, "max_absolute_error"),
            (r#"{ "min_cosine": null, "mean_cosine": null }"#, "asks for nothing"),
        ] {
            let budget: Accuracy = serde_json::from_str(json).unwrap();
            assert!(budget.check().unwrap_err().to_string().contains(named), "{json}");
        }
        assert!(Accuracy::default().check().is_ok());
        assert!(serde_json::from_str::<Accuracy>(r#"{ "cosine": 1 }"#).is_err());
    }

    #[test]
    fn each_figure_can_break_the_budget() {
        let metric = |budget: &Accuracy, figures: &AccuracyFigures, share| {
            budget.breach(figures, share).map(|breach| breach.metric)
        };
        let budget = Accuracy::default();
        assert_eq!(metric(&budget, &figures(0.997, 0.999), 1.0), None);
        assert_eq!(metric(&budget, &figures(0.997, 0.999), 0.9), Some("minimum cosine"));
        assert_eq!(metric(&budget, &figures(0.999, 0.9989), 1.0), Some("mean cosine"));
        assert_eq!(metric(&budget, &figures(f64::NAN, 1.0), 1.0), Some("minimum cosine"));
        let budget = Accuracy { top1_agreement: Some(0.9), ..Accuracy::nothing() };
        assert_eq!(metric(&budget, &figures(0.0, 0.0), 1.0), Some("top-1 agreement"));
        let budget = Accuracy { max_absolute_error: Some(0.5), ..Accuracy::nothing() };
        let off = AccuracyFigures { max_absolute_error: 0.4, ..figures(0.0, 0.0) };
        assert_eq!(
            (metric(&budget, &off, 1.0), metric(&budget, &off, 0.5)),
            (None, Some("maximum absolute error"))
        );
        let budget = Accuracy { measure: Some(Measure::new(3.0, |_, _| 2.0)), ..Accuracy::nothing() };
        let of = |value| AccuracyFigures { measure: value, ..figures(1.0, 1.0) };
        assert_eq!(metric(&budget, &of(Some(3.0)), 1.0), None);
        assert_eq!(metric(&budget, &of(Some(2.9)), 1.0), Some("the caller's measure"));
        assert_eq!(metric(&budget, &of(None), 1.0), Some("the caller's measure"));
    }
}
