//! [`AccuracyJudge`]: compares outputs sample by sample and gives the figures.

use super::similarity::compare;
use super::{AccuracyFigures, Measure, NamedValues};

/// Compares the outputs of a changed model with the original's, one sample after the other.
///
/// # Examples
/// ```
/// use ortlet::quantize::AccuracyJudge;
/// use ortlet::tensor::{Tensor, Value};
///
/// let value = |x: f32| -> ortlet::Result<Value> { Ok(Tensor::from_vec([2], vec![x, 1.0])?.into()) };
/// let mut judge = AccuracyJudge::new(None);
/// judge.sample(&[("y", &value(3.0)?)], &[("y", &value(3.0)?)]);
/// assert_eq!(judge.figures().min_cosine, 1.0);
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AccuracyJudge {
    measure: Option<Measure>,
    sample_count: u64,
    output_count: u64,
    min: Option<f64>,
    sum: f64,
    max_absolute_error: f64,
    row_count: u64,
    agreeing_count: u64,
    measure_sum: f64,
}

impl AccuracyJudge {
    /// One that has seen nothing; also applies the caller's measure, if there is one.
    pub fn new(measure: Option<Measure>) -> Self {
        Self { measure, ..Self::default() }
    }

    /// Compares the outputs for one sample. An output that the candidate lacks has the similarity 0.
    pub fn sample(&mut self, reference: &NamedValues<'_>, candidate: &NamedValues<'_>) {
        self.sample_count += 1;
        for (name, value) in reference {
            let found = candidate.iter().find(|(other, _)| other == name);
            let compared = found.map(|(_, other)| compare(value, other)).unwrap_or_default();
            self.output_count += 1;
            self.min = Some(self.min.map_or(compared.similarity, |min| min.min(compared.similarity)));
            self.sum += compared.similarity;
            self.max_absolute_error = self.max_absolute_error.max(compared.max_absolute_error);
            self.row_count += compared.row_count;
            self.agreeing_count += compared.agreeing_count;
        }
        if let Some(measure) = &self.measure {
            self.measure_sum += measure.of(reference, candidate);
        }
    }

    /// The figures so far; those of equal outputs if there was no sample.
    pub fn figures(&self) -> AccuracyFigures {
        let share = |sum: f64, count: u64| if count == 0 { 1.0 } else { sum / count as f64 };
        AccuracyFigures {
            sample_count: self.sample_count,
            min_cosine: self.min.unwrap_or(1.0),
            mean_cosine: share(self.sum, self.output_count),
            max_absolute_error: self.max_absolute_error,
            top1_agreement: (self.row_count > 0).then(|| share(self.agreeing_count as f64, self.row_count)),
            measure: self.measure.as_ref().map(|_| share(self.measure_sum, self.sample_count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Tensor, Value};

    fn pair(x: f32, y: f32) -> Value {
        Tensor::from_vec([1, 2], vec![x, y]).unwrap().into()
    }

    #[test]
    fn figures_are_those_of_all_samples_and_outputs() {
        let measure = Measure::new(0.0, |reference, candidate| (reference.len() - candidate.len()) as f64);
        let mut judge = AccuracyJudge::new(Some(measure));
        let (same, longer) = (pair(10.0, 0.0), pair(11.0, 0.0));
        judge.sample(&[("a", &same), ("b", &same)], &[("b", &same), ("a", &longer)]);
        judge.sample(&[("a", &pair(1.0, 2.0))], &[]);
        let figures = judge.figures();
        assert_eq!((figures.sample_count, figures.min_cosine), (2, 0.0));
        assert!((figures.mean_cosine - (0.995 + 1.0) / 3.0).abs() < 1e-12);
        assert_eq!((figures.max_absolute_error, figures.top1_agreement), (1.0, Some(1.0)));
        assert_eq!(figures.measure, Some(0.5));
    }
}
